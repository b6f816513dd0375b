'use client';

import { useQuery } from '@tanstack/react-query';
import { ChartLine } from 'lucide-react';
import dynamic from 'next/dynamic';
import type { z } from 'zod';
import type { egressHistorySchema } from '../../shared/egress-views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { cx } from '../ui/cx';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { milliseconds } from './words';

const TimeChart = dynamic(() => import('../network/time-chart').then((it) => it.TimeChart), {
  ssr: false,
  loading: () => <Skeleton className="h-40" />,
});

type Samples = z.infer<typeof egressHistorySchema>['samples'];
const HOURS = 24;
const HOUR_MS = 3_600_000;

/** Latency, loss and uptime of the last 24 hours, out of proofs and tests. */
export function HealthCharts({ id }: { id: string }) {
  const trpc = useTRPC();
  const history = useQuery(trpc.egress.history.queryOptions({ id }));
  return (
    <Panel id="health" title="Last 24 hours" description="Every proof and test through it is one sample.">
      {history.isPending ? (
        <Skeleton className="h-52" />
      ) : !history.data ? (
        <LoadError error={history.error} retry={() => void history.refetch()} />
      ) : history.data.samples.length === 0 ? (
        <EmptyState icon={ChartLine} title="Nothing measured yet">
          Test it, or let a sandbox go out by it: the points appear by themselves.
        </EmptyState>
      ) : (
        <Charts {...history.data} now={history.dataUpdatedAt} />
      )}
    </Panel>
  );
}

function Fact({ name, value, tone }: { name: string; value: string; tone?: string }) {
  return (
    <div>
      <dt className="text-ink-faint text-xs">{name}</dt>
      <dd className={cx('tabular font-semibold text-lg', tone)}>{value}</dd>
    </div>
  );
}

const percent = (share: number) => `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`;

function Charts({ samples, uptime, now }: { samples: Samples; uptime: number | null; now: number }) {
  // A sample may be of a clock that is a little ahead.
  const end = Math.max(now, ...samples.map((it) => Date.parse(it.at)));
  const known = samples.flatMap((it) => (it.latencyMs === null ? [] : [it.latencyMs])).sort((a, b) => a - b);
  const median = known[Math.floor(known.length / 2)];
  const worst = known.at(-1);
  const highest = worst ?? 1;
  const at = samples.map((it) => Date.parse(it.at) / 1000);
  const data = [at, samples.map((it) => it.latencyMs), samples.map((it) => (it.ok ? null : highest))];
  const good = uptime === null || uptime > 0.99 ? 'text-good' : uptime > 0.9 ? 'text-warn' : 'text-bad';
  return (
    <div className="grid gap-4">
      <dl className="flex flex-wrap gap-x-8 gap-y-2">
        <Fact name="Uptime" value={uptime === null ? '–' : percent(uptime)} tone={good} />
        <Fact name="Loss" value={uptime === null ? '–' : percent(1 - uptime)} />
        <Fact name="Median latency" value={median === undefined ? '–' : milliseconds(median)} />
        <Fact name="Slowest" value={worst === undefined ? '–' : milliseconds(worst)} />
        <Fact name="Samples" value={String(samples.length)} />
      </dl>
      <UptimeStrip samples={samples} end={end} />
      <TimeChart
        series={[
          { label: 'Latency', color: '--accent', fill: true },
          { label: 'Failed', color: '--bad', points: true },
        ]}
        data={data}
        span={[end / 1000 - (HOURS * HOUR_MS) / 1000, end / 1000]}
        unit={milliseconds}
        summary={`${samples.filter((it) => !it.ok).length} of ${samples.length} failed.`}
      />
    </div>
  );
}

/** One block an hour: all fine, some failed, all failed, or nothing measured. */
function UptimeStrip({ samples, end }: { samples: Samples; end: number }) {
  const hours = Array.from({ length: HOURS }, (_, n) => {
    const from = end - (HOURS - n) * HOUR_MS;
    const there = samples.filter((it) => Date.parse(it.at) > from && Date.parse(it.at) <= from + HOUR_MS);
    return { from, all: there.length, bad: there.filter((it) => !it.ok).length };
  });
  return (
    <div>
      <div className="flex h-6 gap-0.5" aria-hidden>
        {hours.map(({ from, all, bad }) => (
          <span
            key={from}
            title={all === 0 ? 'nothing measured' : `${all - bad} of ${all} fine`}
            className={cx(
              'flex-1 rounded-sm',
              all === 0 ? 'bg-sunken' : bad === 0 ? 'bg-good' : bad === all ? 'bg-bad' : 'bg-warn',
            )}
          />
        ))}
      </div>
      <p className="mt-1 flex justify-between text-2xs text-ink-faint">
        <span>24 hours ago</span>
        <span>now</span>
      </p>
    </div>
  );
}
