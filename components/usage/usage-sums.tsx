'use client';

import { useQuery } from '@tanstack/react-query';
import { ChartColumn } from 'lucide-react';
import { useState } from 'react';
import type { usageGroups } from '../../shared/usage';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Select } from '../ui/field';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { useNow } from '../ui/use-now';
import { allTokens, count, dollars, lastDays, read } from './amounts';
import { DayBars } from './day-bars';

type Group = (typeof usageGroups)[number];
const words: Record<Group, string> = {
  day: 'Day',
  model: 'Model',
  user: 'User',
  workspace: 'Workspace',
  sandbox: 'Sandbox',
};
const ranges = [
  [1, 'Today'],
  [7, '7 days'],
  [30, '30 days'],
  [90, '90 days'],
] as const;
const MINUTE_MS = 60_000;

/** What was spent by day, and a table of who or what it was spent for. */
export function UsageSums({ all, groups }: { all: boolean; groups: readonly Group[] }) {
  const trpc = useTRPC();
  const now = useNow(MINUTE_MS);
  const [days, setDays] = useState<number>(30);
  const [by, setBy] = useState<Group>(groups[0] ?? 'model');
  const range = lastDays(days, now ?? 0);
  const enabled = now !== null;
  const byDay = useQuery({ ...trpc.usage.sums.queryOptions({ ...range, all, by: 'day' }), enabled });
  const sums = useQuery({ ...trpc.usage.sums.queryOptions({ ...range, all, by }), enabled });
  const failed = byDay.error ?? sums.error;
  const rows = sums.data ?? [];
  const estimated = rows.some((it) => it.estimated > 0);
  return (
    <Panel
      id="usage"
      title="Usage"
      description="Requests that pass the gateway; a Claude subscription is not among them. Days are those of UTC."
      actions={
        <div className="flex gap-2">
          <Select
            aria-label="Time"
            value={days}
            onChange={(event) => setDays(Number(event.target.value))}
            className="w-28"
          >
            {ranges.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </Select>
          <Select
            aria-label="Grouped by"
            value={by}
            onChange={(event) => setBy(groups.find((it) => it === event.target.value) ?? by)}
            className="w-32"
          >
            {groups.map((it) => (
              <option key={it} value={it}>
                By {words[it].toLowerCase()}
              </option>
            ))}
          </Select>
        </div>
      }
    >
      {failed ? (
        <LoadError
          error={failed}
          retry={() => {
            void byDay.refetch();
            void sums.refetch();
          }}
        />
      ) : !byDay.data || !sums.data ? (
        <Skeleton className="h-40" />
      ) : rows.length === 0 ? (
        <EmptyState icon={ChartColumn} title="Nothing was spent in this time">
          Tokens and cost show up here with Claude’s first request.
        </EmptyState>
      ) : (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-5">
          <DayBars range={range} sums={byDay.data} />
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrolled by keys too */}
          <section aria-label="Sums" tabIndex={0} className="-mx-5 overflow-x-auto">
            <table className="w-full text-sm">
              <thead className="text-ink-faint text-xs">
                <tr>
                  <th scope="col" className="px-5 py-2 text-left font-medium">
                    {words[by]}
                  </th>
                  {['Requests', 'Read', 'Written', 'Cost'].map((it) => (
                    <th key={it} scope="col" className="px-3 py-2 text-right font-medium last:pr-5">
                      {it}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody className="divide-y">
                {rows.map((it) => (
                  <tr key={it.key} title={`${count(allTokens(it))} tokens`}>
                    <th scope="row" className="max-w-56 truncate px-5 py-2 text-left font-normal">
                      {it.name}
                    </th>
                    <td className="px-3 py-2 text-right tabular-nums">{count(it.requests)}</td>
                    <td className="px-3 py-2 text-right tabular-nums">{count(read(it))}</td>
                    <td className="px-3 py-2 text-right tabular-nums">{count(it.output)}</td>
                    <td className="py-2 pr-5 pl-3 text-right font-medium tabular-nums">
                      {it.estimated > 0 && <span className="text-ink-faint">≈ </span>}
                      {dollars(it.costUsd)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          {estimated && (
            <p className="text-ink-faint text-xs">
              ≈ Some answers were cut off, or their model has no known price: they are counted by estimate.
            </p>
          )}
        </div>
      )}
    </Panel>
  );
}
