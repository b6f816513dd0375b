'use client';

import { ChevronDown, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';

/** The chosen thing: its name, what can be done with it, and all of it below. */
export function Detail({
  title,
  actions,
  onClose,
  children,
}: {
  title: ReactNode;
  actions: ReactNode;
  onClose(): void;
  children: ReactNode;
}) {
  return (
    <section aria-label="Details" className="flex h-full min-h-0 flex-col">
      <header className="shrink-0 border-b pt-1.5 pb-0.5">
        <div className="flex items-center gap-2 pr-1.5 pl-3">
          <h2 className="min-w-0 flex-1 truncate text-sm">{title}</h2>
          <Button look="ghost" size="tiny" aria-label="Close the details" onClick={onClose}>
            <X />
          </Button>
        </div>
        <div className="flex flex-wrap items-center px-0.5">{actions}</div>
      </header>
      <section
        className="min-h-0 flex-1 overflow-auto p-3 focus-visible:-outline-offset-2"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        aria-label="Content"
      >
        {children}
      </section>
    </section>
  );
}

/** A part that can be folded away. */
export function Fold({
  title,
  note,
  open: initially = true,
  children,
}: {
  title: string;
  note?: ReactNode;
  open?: boolean;
  children: ReactNode;
}) {
  const [open, setOpen] = useState(initially);
  return (
    <div className="border-b pb-2 last:border-0 [&+&]:pt-2">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex w-full items-center gap-1.5 rounded py-0.5 text-left font-medium text-sm"
      >
        <ChevronDown
          className={cx('size-3.5 text-ink-faint transition-transform', !open && '-rotate-90')}
          aria-hidden
        />
        {title}
        {note && <span className="font-normal text-ink-faint text-xs">{note}</span>}
      </button>
      {open && <div className="pt-1.5">{children}</div>}
    </div>
  );
}

/** Names and values in two columns. */
export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 font-mono text-xs">
      {rows.map(([name, value], at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a header may stand there twice, and the rows do not move
        <div key={`${name} ${at}`} className="contents">
          <dt className="text-ink-faint">{name}</dt>
          <dd className="min-w-0 break-words [overflow-wrap:anywhere]">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
