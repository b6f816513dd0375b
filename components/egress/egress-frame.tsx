'use client';

import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { type ReactNode, useEffect, useRef } from 'react';
import { cx } from '../ui/cx';

const pages = [
  ['/admin/egress', 'Ways out'],
  ['/admin/egress/pools', 'Pools'],
  ['/admin/egress/bindings', 'Who goes where'],
  ['/admin/egress/rules', 'Rules'],
  ['/admin/egress/presets', 'Presets'],
  ['/admin/egress/subscriptions', 'Subscriptions'],
] as const;

/** The pages about ways out: how traffic leaves, for whom, and what it may reach. */
export function EgressFrame({ children }: { children: ReactNode }) {
  const path = usePathname();
  const nav = useRef<HTMLElement>(null);
  // On a phone the tab one is on may lie outside of the strip.
  // biome-ignore lint/correctness/useExhaustiveDependencies: anew for each page
  useEffect(() => {
    const strip = nav.current;
    const here = strip?.querySelector<HTMLElement>('[aria-current]');
    if (strip && here) strip.scrollLeft = here.offsetLeft - strip.offsetLeft - strip.clientWidth / 3;
  }, [path]);
  const others = pages.slice(1).some(([href]) => path.startsWith(href));
  return (
    <div className="grid min-w-0 gap-5">
      <nav ref={nav} aria-label="Ways out" className="flex gap-1 overflow-x-auto">
        {pages.map(([href, title]) => {
          const here = href === '/admin/egress' ? !others : path.startsWith(href);
          return (
            <Link
              key={href}
              href={href}
              aria-current={here ? 'page' : undefined}
              className={cx(
                'whitespace-nowrap rounded-full px-3 py-1.5 text-sm transition-colors focus-visible:-outline-offset-2',
                here
                  ? 'bg-accent-soft font-medium text-accent'
                  : 'text-ink-soft hover:bg-sunken hover:text-ink',
              )}
            >
              {title}
            </Link>
          );
        })}
      </nav>
      {children}
    </div>
  );
}
