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
import { lastDays } from './amounts';
import { DayBars } from './day-bars';
import { SumsTable } from './sums-table';

type Group = (typeof usageGroups)[number];
const words: Record<Group, string> = {
  day: 'Day',
  model: 'Model',
  user: 'User',
  workspace: 'Workspace',
  sandbox: 'Sandbox',
  session: 'Session',
  turn: 'Turn',
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
      description="Requests that pass the gateway, so not those of a Claude subscription. Days of UTC."
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
          <SumsTable of={words[by]} rows={rows} range={range} turns={by === 'session'} />
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
