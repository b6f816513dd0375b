import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from './cx';

export type Tone = 'calm' | 'good' | 'warn' | 'bad' | 'accent';

export const toneClass: Record<Tone, string> = {
  calm: 'bg-sunken text-ink-soft',
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  accent: 'bg-accent-soft text-accent',
};

export function Badge({ tone = 'calm', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span
      className={cx(
        'inline-flex items-center gap-1 whitespace-nowrap rounded-full px-2 py-0.5 font-medium text-xs',
        toneClass[tone],
      )}
    >
      {children}
    </span>
  );
}

/** A message inside the page that stays until its cause is gone. */
export function Note({
  tone,
  icon: Icon,
  actions,
  children,
}: {
  tone: Tone;
  icon?: LucideIcon;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div
      role={tone === 'bad' ? 'alert' : 'status'}
      className={cx('flex flex-wrap items-start gap-2.5 rounded-lg px-3.5 py-2.5 text-sm', toneClass[tone])}
    >
      {Icon && <Icon className="mt-0.5 size-4 shrink-0" aria-hidden />}
      <div className="min-w-0 flex-1 break-words [&_strong]:font-semibold">{children}</div>
      {actions}
    </div>
  );
}
