import type { LucideIcon } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { cx } from './cx';

/** A bordered surface with an optional heading row. */
export function Panel({
  title,
  description,
  actions,
  id,
  flush,
  className,
  children,
}: {
  title?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  id?: string;
  /** The content brings its own padding. */
  flush?: boolean;
  className?: string;
  children: ReactNode;
}) {
  const labelled = title && id ? `${id}-title` : undefined;
  return (
    <section
      id={id}
      aria-labelledby={labelled}
      className={cx('min-w-0 rounded-xl border bg-surface shadow-lift', className)}
    >
      {title && (
        <header className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 border-b px-5 py-3.5">
          <div className="grid min-w-0 gap-0.5">
            <h2 id={labelled} className="font-semibold text-base">
              {title}
            </h2>
            {description && <p className="text-ink-faint text-sm">{description}</p>}
          </div>
          {actions}
        </header>
      )}
      <div className={flush ? undefined : 'p-5'}>{children}</div>
    </section>
  );
}

/** Says what is missing and what to do about it. */
export function EmptyState({
  icon: Icon,
  title,
  children,
  action,
  tone = 'calm',
}: {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  tone?: 'calm' | 'bad';
}) {
  return (
    <div className="mx-auto grid max-w-md justify-items-center gap-3 px-4 py-12 text-center">
      <span
        className={cx(
          'grid size-12 place-items-center rounded-full',
          tone === 'bad' ? 'bg-bad-soft text-bad' : 'bg-accent-soft text-accent',
        )}
      >
        <Icon className="size-5.5" aria-hidden />
      </span>
      <p className="font-semibold text-lg">{title}</p>
      {children && <div className="text-balance text-ink-soft text-sm">{children}</div>}
      {action && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cx('animate-pulse rounded-md bg-line/70', className)} />;
}

/** Table that scrolls sideways inside its own box on a phone. */
export function Table({ label, head, children }: { label: string; head: string[]; children: ReactNode }) {
  return (
    // `relative`: the heads for screen readers are positioned absolutely and would widen the page from out of the box.
    <section
      className="relative overflow-x-auto focus-visible:-outline-offset-2"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
    >
      <table className="w-full border-collapse text-left text-sm">
        <thead>
          <tr className="border-b text-ink-faint text-xs">
            {head.map((cell) => (
              <th
                key={cell}
                scope="col"
                className="whitespace-nowrap px-4 py-2 font-medium first:pl-5 last:pr-5"
              >
                {cell || <span className="sr-only">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y">{children}</tbody>
      </table>
    </section>
  );
}

export function Cell({ className, ...rest }: ComponentProps<'td'>) {
  return <td className={cx('px-4 py-2.5 align-middle first:pl-5 last:pr-5', className)} {...rest} />;
}
