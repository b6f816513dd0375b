'use client';

import { useQuery } from '@tanstack/react-query';
import { CircleAlert, CircleCheck, TriangleAlert } from 'lucide-react';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { cx } from '../ui/cx';
import { Panel, Skeleton } from '../ui/panel';
import { duration } from '../ui/time';

const POLL_MS = 10_000;

const words = {
  ok: { text: 'Everything works', tone: 'text-good', Icon: CircleCheck },
  warning: { text: 'Something needs a look', tone: 'text-warn', Icon: TriangleAlert },
  failed: { text: 'Something is broken', tone: 'text-bad', Icon: CircleAlert },
} as const;

export function Health() {
  const trpc = useTRPC();
  const health = useQuery({ ...trpc.admin.health.queryOptions(), refetchInterval: POLL_MS });
  if (health.isError && !health.data)
    return <LoadError error={health.error} retry={() => void health.refetch()} busy={health.isFetching} />;
  if (!health.data)
    return (
      <div role="status" aria-label="Loading health" className="grid gap-4">
        <Skeleton className="h-20" />
        <Skeleton className="h-64" />
      </div>
    );
  const { status, checks, version, instance, uptimeSeconds } = health.data;
  const { text, tone, Icon } = words[status];
  return (
    <div className="grid gap-6">
      <div className="flex flex-wrap items-center gap-x-8 gap-y-3 rounded-xl border bg-surface px-5 py-4 shadow-lift">
        <p className="flex items-center gap-2.5 font-semibold text-lg">
          <Icon className={cx('size-6', tone)} aria-hidden /> {text}
        </p>
        <dl className="flex flex-wrap gap-x-8 gap-y-2 text-sm sm:ml-auto">
          {(
            [
              ['Version', version],
              ['Instance', instance],
              ['Uptime', duration(uptimeSeconds * 1000)],
            ] as const
          ).map(([name, value]) => (
            <div key={name}>
              <dt className="text-ink-faint text-xs">{name}</dt>
              <dd className="tabular font-medium">{value}</dd>
            </div>
          ))}
        </dl>
      </div>
      <Panel title="Checks" id="checks" flush>
        <ul className="divide-y">
          {checks.map((it) => (
            <li key={it.name} className="flex gap-3 px-5 py-3">
              {it.ok ? (
                <CircleCheck className="mt-0.5 size-4 shrink-0 text-good" aria-label="ok" />
              ) : (
                <CircleAlert className="mt-0.5 size-4 shrink-0 text-bad" aria-label="failed" />
              )}
              <div className="min-w-0">
                <p className="font-medium text-sm">{it.name}</p>
                <p className="break-words text-ink-soft text-sm">{it.detail}</p>
                {!it.ok && it.mend && (
                  <p className="mt-2 break-words rounded-md bg-sunken px-3 py-2 font-mono text-xs">
                    {it.mend}
                  </p>
                )}
              </div>
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}
