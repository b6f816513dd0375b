'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus, Route, TriangleAlert } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import type { EgressView } from '../../shared/egress-views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Input, Select } from '../ui/field';
import { Cell, EmptyState, Panel, Skeleton, Table } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { EgressMenu } from './egress-menu';
import { ExitAddress, VerdictBadge } from './verdict';
import { kindNames, milliseconds } from './words';

const filters = {
  all: 'All',
  green: 'Proven',
  red: 'Failed',
  incomplete: 'Incomplete',
  untested: 'Not tested',
  warned: 'With warnings',
  off: 'Switched off',
} as const;
type Filter = keyof typeof filters;

function passes(it: EgressView, filter: Filter, text: string): boolean {
  const words = [
    it.label,
    it.endpoint,
    kindNames[it.kind],
    it.health.exitAddress ?? '',
    it.health.country ?? '',
  ];
  if (!words.join(' ').toLowerCase().includes(text.trim().toLowerCase())) return false;
  switch (filter) {
    case 'all':
      return true;
    case 'untested':
      return it.health.verdict === null;
    case 'warned':
      return it.warnings.length > 0;
    case 'off':
      return !it.enabled;
    default:
      return it.health.verdict === filter;
  }
}

export function AddButton() {
  return (
    <Button look="primary" asChild className="max-sm:w-full">
      <Link href="/admin/egress/new">
        <Plus aria-hidden /> Add a way out
      </Link>
    </Button>
  );
}

export function EgressList() {
  const trpc = useTRPC();
  const list = useQuery(trpc.egress.list.queryOptions());
  const now = useNow(30_000);
  const [text, setText] = useState('');
  const [filter, setFilter] = useState<Filter>('all');
  if (list.isError && !list.data)
    return <LoadError error={list.error} retry={() => void list.refetch()} busy={list.isFetching} />;
  if (list.isPending)
    return (
      <div role="status" aria-label="Loading ways out" className="grid gap-4">
        <Skeleton className="h-9 w-full max-w-md" />
        <Skeleton className="h-64" />
      </div>
    );
  if (list.data.length === 0)
    return (
      <div className="rounded-xl border border-dashed bg-surface">
        <EmptyState icon={Route} title="Every sandbox goes out by this host" action={<AddButton />}>
          That is the way <strong>Direct</strong>: nothing to set up, the Internet sees this host's address.
          Add a proxy, VPN or WireGuard peer to give sandboxes an exit address of your choice. Paste a link
          and it is tested, assigned and proven in a minute.
        </EmptyState>
      </div>
    );
  const shown = list.data.filter((it) => passes(it, filter, text));
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap justify-between gap-2">
        <div className="flex flex-wrap gap-2 max-sm:w-full">
          <Input
            type="search"
            aria-label="Search ways out"
            placeholder="Name, server or address"
            className="w-56 max-sm:w-full"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <Select
            aria-label="Show"
            className="w-40 max-sm:w-full"
            value={filter}
            // The options are the keys of `filters`.
            onChange={(event) => setFilter(event.target.value as Filter)}
          >
            {Object.entries(filters).map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </Select>
        </div>
        <AddButton />
      </div>
      <Panel flush>
        <Table
          label="Ways out"
          head={['Name', 'State', 'Exit address', 'Latency', 'Sandboxes', 'Last proof', '']}
        >
          {shown.map((it) => (
            <Row key={it.id} egress={it} now={now} />
          ))}
        </Table>
        {shown.length === 0 && (
          <p className="py-8 text-center text-ink-faint text-sm">
            Nothing fits.{' '}
            <Button
              look="link"
              size="sm"
              onClick={() => {
                setText('');
                setFilter('all');
              }}
            >
              Show all {list.data.length}
            </Button>
          </p>
        )}
      </Panel>
    </div>
  );
}

function Row({ egress, now }: { egress: EgressView; now: number | null }) {
  const { health } = egress;
  return (
    <tr className={cx(!egress.enabled && 'bg-sunken/50')} data-testid="egress-row">
      <Cell className="min-w-44 max-w-72">
        <Link
          href={`/admin/egress/${egress.id}`}
          className="block truncate font-medium underline-offset-4 hover:underline"
        >
          {egress.label}
        </Link>
        <span className="block truncate text-ink-faint text-xs" title={egress.endpoint}>
          {kindNames[egress.kind]}
          {egress.endpoint && ` · ${egress.endpoint}`}
        </span>
        {/* The other columns are out of sight there. */}
        <span className="mt-1 flex flex-wrap items-center gap-2 text-xs sm:hidden">
          <VerdictBadge verdict={health.verdict} />
          {health.exitAddress && <ExitAddress address={health.exitAddress} country={health.country} />}
        </span>
      </Cell>
      <Cell className="min-w-40 max-w-72">
        <span className="flex flex-wrap gap-1">
          <VerdictBadge verdict={health.verdict} />
          {!egress.enabled && <Badge>Off</Badge>}
          {egress.warnings.length > 0 && (
            <span title={egress.warnings.join('\n')}>
              <Badge tone="warn">
                <TriangleAlert className="size-3" aria-hidden /> {egress.warnings.length}
                <span className="sr-only">warnings: {egress.warnings.join(' ')}</span>
              </Badge>
            </span>
          )}
        </span>
        {health.reason && health.verdict !== 'green' && (
          <span className="mt-0.5 line-clamp-2 text-ink-faint text-xs" title={health.reason}>
            {health.reason}
          </span>
        )}
      </Cell>
      <Cell>
        <ExitAddress address={health.exitAddress} country={health.country} />
      </Cell>
      <Cell className="tabular whitespace-nowrap text-ink-soft">
        {health.latencyMs === null ? '–' : milliseconds(health.latencyMs)}
      </Cell>
      <Cell className="tabular">{egress.sandboxes}</Cell>
      <Cell className="whitespace-nowrap text-ink-soft">
        {health.at && now !== null ? (
          <span title={moment(health.at)}>{relative(health.at, now)}</span>
        ) : (
          'never'
        )}
      </Cell>
      <Cell className="text-right">
        <EgressMenu egress={egress} />
      </Cell>
    </tr>
  );
}
