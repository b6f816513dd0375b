'use client';

import { useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { useEffect, useRef, useState } from 'react';
import type { TrafficView } from '../../shared/egress-views';
import type { SandboxView } from '../../shared/views';
import { failureOf } from '../api/failure';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { cx } from '../ui/cx';
import { Skeleton } from '../ui/panel';
import { bytes } from '../ui/time';
import { Section } from './section';
import { withGaps } from './series';
import { DeniedNames, Flows, Hosts, Questions } from './traffic-lists';

const TimeChart = dynamic(() => import('./time-chart').then((it) => it.TimeChart), {
  ssr: false,
  loading: () => <Skeleton className="h-40" />,
});

/** How often live totals are asked for while they are looked at, in ms. */
const LIVE_MS = 3_000;
const perSecond = (value: number) => `${bytes(Math.round(value))}/s`;

const tabs = {
  denied: 'Denied',
  hosts: 'Top hosts',
  open: 'Open',
  recent: 'Recent',
  questions: 'DNS',
} as const;
type Tab = keyof typeof tabs;

export function TrafficSection({ sandbox }: { sandbox: SandboxView }) {
  const trpc = useTRPC();
  const live = sandbox.state === 'running' || sandbox.state === 'unavailable';
  const traffic = useQuery({
    ...trpc.network.traffic.queryOptions({ sandboxId: sandbox.id }),
    refetchInterval: live ? LIVE_MS : false,
  });
  const [tab, setTab] = useState<Tab>('denied');
  const rate = useRate(traffic.data, traffic.dataUpdatedAt);
  if (traffic.isPending)
    return (
      <Section title="Traffic">
        <Skeleton className="h-48" />
      </Section>
    );
  if (!traffic.data)
    return (
      <Section title="Traffic">
        {failureOf(traffic.error).code === 'forbidden' ? (
          <p className="text-ink-soft text-sm">Only its members and administrators see what passes.</p>
        ) : (
          <LoadError error={traffic.error} retry={() => void traffic.refetch()} busy={traffic.isFetching} />
        )}
      </Section>
    );
  const data = traffic.data;
  const counts: Record<Tab, number> = {
    denied: data.denied.length,
    hosts: data.hosts.length,
    open: data.open.length,
    recent: data.recent.length,
    questions: data.questions.length,
  };
  return (
    <Section title="Traffic">
      {traffic.isError && (
        <p role="status" className="text-warn text-xs">
          {failureOf(traffic.error).title} These figures stand still.
        </p>
      )}
      <dl className="grid grid-cols-2 gap-3">
        <Total name="Received" total={data.rxBytes} rate={live ? rate?.rx : undefined} />
        <Total name="Sent" total={data.txBytes} rate={live ? rate?.tx : undefined} />
      </dl>
      <Day series={data.series} />
      <div role="tablist" aria-label="What passed" className="flex gap-0.5 overflow-x-auto">
        {Object.entries(tabs).map(([key, title], at, all) => {
          const own = key as Tab; // the keys of `tabs`
          return (
            <button
              key={key}
              id={`traffic-${key}`}
              type="button"
              role="tab"
              aria-selected={tab === key}
              aria-controls="traffic-list"
              tabIndex={tab === key ? 0 : -1}
              onClick={() => setTab(own)}
              onKeyDown={(event) => {
                const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
                const next = all[(at + step + all.length) % all.length]?.[0];
                if (step === 0 || next === undefined) return;
                setTab(next as Tab); // the keys of `tabs`
                document.getElementById(`traffic-${next}`)?.focus();
              }}
              className={cx(
                'whitespace-nowrap rounded-md px-2 py-1 text-xs focus-visible:-outline-offset-2',
                tab === key ? 'bg-accent-soft font-medium text-accent' : 'text-ink-soft hover:text-ink',
              )}
            >
              {title} {counts[own] > 0 && <span className="tabular">{counts[own]}</span>}
            </button>
          );
        })}
      </div>
      <div id="traffic-list" role="tabpanel" aria-labelledby={`traffic-${tab}`}>
        {tab === 'denied' && <DeniedNames sandbox={sandbox} denied={data.denied} />}
        {tab === 'hosts' && <Hosts hosts={data.hosts} />}
        {tab === 'open' && (
          <Flows flows={data.open} empty={live ? 'Nothing is open now.' : 'It does not run.'} />
        )}
        {tab === 'recent' && <Flows flows={data.recent} empty="Nothing has ended since it started." />}
        {tab === 'questions' && <Questions questions={data.questions} />}
      </div>
    </Section>
  );
}

/** Bytes a second between the last two answers. */
function useRate(data: TrafficView | undefined, at: number): { rx: number; tx: number } | null {
  const before = useRef<{ at: number; rx: number; tx: number } | null>(null);
  const [rate, setRate] = useState<{ rx: number; tx: number } | null>(null);
  useEffect(() => {
    if (!data) return;
    const last = before.current;
    before.current = { at, rx: data.rxBytes, tx: data.txBytes };
    const seconds = last ? (at - last.at) / 1000 : 0;
    // Counters begin anew with the tunnel.
    if (!last || seconds <= 0 || data.rxBytes < last.rx || data.txBytes < last.tx) return;
    setRate({ rx: (data.rxBytes - last.rx) / seconds, tx: (data.txBytes - last.tx) / seconds });
  }, [data, at]);
  return rate;
}

function Total({ name, total, rate }: { name: string; total: number; rate: number | undefined }) {
  return (
    <div className="rounded-md bg-sunken px-3 py-2">
      <dt className="text-ink-faint text-xs">{name} since its start</dt>
      <dd className="tabular font-semibold">{bytes(total)}</dd>
      <dd className="tabular text-ink-soft text-xs">{rate === undefined ? ' ' : perSecond(rate)}</dd>
    </div>
  );
}

function Day({ series }: { series: TrafficView['series'] }) {
  if (series.length < 2)
    return <p className="text-ink-faint text-xs">The last 24 hours appear here, minute by minute.</p>;
  const rx = series.reduce((sum, it) => sum + it.rxBytes, 0);
  const tx = series.reduce((sum, it) => sum + it.txBytes, 0);
  return (
    <TimeChart
      series={[
        { label: 'Received', color: '--accent', fill: true },
        { label: 'Sent', color: '--good' },
      ]}
      data={withGaps(series)}
      unit={perSecond}
      summary={`Last 24 hours: ${bytes(rx)} received, ${bytes(tx)} sent.`}
    />
  );
}
