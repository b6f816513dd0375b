import { ChevronDown } from 'lucide-react';
import { type ComponentProps, type ReactNode, useId } from 'react';
import { cx } from './cx';

const box =
  'w-full rounded-md border border-line-strong bg-raised px-3 text-base text-ink placeholder:text-ink-faint transition-colors hover:border-ink-faint focus:border-accent focus-visible:outline-2 focus-visible:outline-offset-0 aria-invalid:border-bad disabled:opacity-60 max-sm:text-[16px]';

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input className={cx(box, 'h-9', className)} {...rest} />;
}

export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <span className={cx('relative block', className)}>
      <select className={cx(box, 'h-9 cursor-pointer appearance-none truncate pr-9')} {...rest}>
        {children}
      </select>
      <ChevronDown
        className="pointer-events-none absolute top-2.5 right-2.5 size-4 text-ink-faint"
        aria-hidden
      />
    </span>
  );
}

interface ControlProps {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': true | undefined;
}

/** Label, control, hint and error of one input, tied together for screen readers. */
export function Field({
  label,
  hint,
  error,
  className,
  children,
}: {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null | undefined;
  className?: string;
  children: (control: ControlProps) => ReactNode;
}) {
  const id = useId();
  const described = error || hint ? `${id}-text` : undefined;
  return (
    <div className={cx('grid content-start gap-1.5', className)}>
      <label htmlFor={id} className="font-medium text-ink text-sm">
        {label}
      </label>
      {children({ id, 'aria-describedby': described, 'aria-invalid': error ? true : undefined })}
      {error ? (
        <p id={described} className="text-bad text-xs">
          {error}
        </p>
      ) : hint ? (
        <p id={described} className="text-ink-faint text-xs">
          {hint}
        </p>
      ) : null}
    </div>
  );
}
