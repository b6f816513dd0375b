import { cx } from '../ui/cx';

/** A cloud with a prompt in it. */
export function LogoMark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={cx('size-7', className)} aria-hidden focusable="false">
      <rect width="32" height="32" rx="8" className="fill-accent" />
      <path
        d="M10.2 23.5h12.1a4.9 4.9 0 0 0 .9-9.7 7.2 7.2 0 0 0-13.9-1.1 5.5 5.5 0 0 0 .9 10.8Z"
        className="fill-on-accent"
      />
      <g fill="none" strokeWidth="1.9" strokeLinecap="round" strokeLinejoin="round" className="stroke-accent">
        <path d="m11.8 15.2 3 2.5-3 2.5" />
        <path d="M16.9 20.4h3.6" />
      </g>
    </svg>
  );
}

export function Logo() {
  return (
    <span className="flex items-center gap-2.5">
      <LogoMark />
      <span className="font-semibold text-[0.95rem] tracking-tight">Cloud Claude</span>
    </span>
  );
}
