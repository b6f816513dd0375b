'use client';

import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import { useMe } from '../api/me';
import { ErrorPage } from '../shell/error-page';
import { cx } from '../ui/cx';

const pages = [
  ['/admin', 'Health'],
  ['/admin/users', 'Users'],
  ['/admin/sandboxes', 'Sandboxes'],
  ['/admin/egress', 'Ways out'],
  ['/admin/usage', 'Usage'],
  ['/admin/tasks', 'Tasks'],
  ['/admin/audit', 'Audit log'],
] as const;

export function AdminFrame({ children }: { children: ReactNode }) {
  const path = usePathname();
  const me = useMe();
  if (me.data && me.data.role !== 'admin')
    return (
      <ErrorPage
        code="403"
        title="This part is for administrators."
        next="Ask one of them if you need something here."
      />
    );
  return (
    <div className="mx-auto w-full max-w-6xl px-4 py-6 sm:px-6 sm:py-8">
      <h1 className="mb-3 font-semibold text-xl tracking-tight">Administration</h1>
      <nav aria-label="Administration" className="mb-6 flex gap-1 overflow-x-auto border-b">
        {pages.map(([href, title]) => {
          const here = href === '/admin' ? path === href : path.startsWith(href);
          return (
            <Link
              key={href}
              href={href}
              aria-current={here ? 'page' : undefined}
              className={cx(
                '-mb-px whitespace-nowrap border-b-2 px-3 py-2 text-sm transition-colors focus-visible:-outline-offset-2',
                here
                  ? 'border-accent font-medium text-ink'
                  : 'border-transparent text-ink-soft hover:text-ink',
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
