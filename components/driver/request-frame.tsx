import type { LucideIcon } from 'lucide-react';
import { type ReactNode, useId } from 'react';

/** The look of what waits for a person. */
export function RequestFrame({
  icon: Icon,
  title,
  subtitle,
  children,
}: {
  icon: LucideIcon;
  title: string;
  subtitle?: string | undefined;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      data-waiting
      className="grid animate-rise gap-2.5 rounded-xl border border-warn/50 bg-raised p-3 shadow-lift"
    >
      <header className="flex items-center gap-2">
        <Icon className="size-4 shrink-0 text-warn" aria-hidden />
        <h3 id={id} className="min-w-0 font-semibold text-sm">
          {title}
        </h3>
        {subtitle && <span className="text-2xs text-ink-faint">{subtitle}</span>}
      </header>
      {children}
    </section>
  );
}
