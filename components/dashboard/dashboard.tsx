'use client';

import { useQuery } from '@tanstack/react-query';
import { Bot } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import type { SessionView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { short } from '../inspector/clock';
import { Button } from '../ui/button';
import { EmptyState, Skeleton } from '../ui/panel';
import { useNow } from '../ui/use-now';
import { SessionCard } from './session-card';
import { byNeed, money, standingOf, tokenSums } from './standing';

/** Ended sessions that are shown before more are asked for. */
const ENDED_AT_ONCE = 12;
const grid = 'grid items-start gap-4 lg:grid-cols-2 2xl:grid-cols-3';

function Sums({ open, all }: { open: SessionView[]; all: SessionView[] }) {
  const count = (standing: ReturnType<typeof standingOf>) =>
    open.filter((it) => standingOf(it) === standing).length;
  const tokens = all.map(tokenSums).reduce((sum, it) => sum + it.in + it.out, 0);
  const costs = all.flatMap((it) => it.live?.costUsd ?? []);
  const sums = [
    ['Need you', String(count('waiting'))],
    ['Working', String(count('working'))],
    ['Idle', String(count('idle'))],
    ['Tokens', short(tokens)],
    ['Cost', costs.length === 0 ? '–' : money(costs.reduce((sum, it) => sum + it, 0))],
  ] as const;
  return (
    <dl className="mb-6 grid grid-cols-3 gap-px overflow-hidden rounded-xl border bg-line shadow-lift sm:grid-cols-5 [&>:last-child]:max-sm:col-span-2">
      {sums.map(([name, value]) => (
        <div key={name} className="bg-surface px-4 py-2.5">
          <dt className="text-ink-faint text-xs">{name}</dt>
          <dd className="tabular font-semibold text-lg">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** All Claude sessions over all sandboxes, those that need a person first. Live, as the rest of the app. */
export function Dashboard() {
  const trpc = useTRPC();
  const now = useNow(1_000);
  const list = useQuery(trpc.sessions.list.queryOptions({}));
  const sandboxes = useQuery(trpc.sandboxes.list.queryOptions({}));
  const [shownEnded, setShownEnded] = useState(ENDED_AT_ONCE);
  const names = new Map(sandboxes.data?.map((it) => [it.id, it.name]));
  const all = (list.data ?? []).filter((it) => it.kind === 'claude').sort(byNeed);
  const open = all.filter((it) => standingOf(it) !== 'ended');
  const ended = all.filter((it) => standingOf(it) === 'ended');
  const card = (it: SessionView) => (
    <SessionCard key={it.id} session={it} sandboxName={names.get(it.sandboxId) ?? '…'} now={now} />
  );
  return (
    <div className="mx-auto w-full max-w-7xl px-4 py-6 sm:px-6 sm:py-8">
      <div className="mb-6">
        <h1 className="font-semibold text-xl tracking-tight">Dashboard</h1>
        <p className="text-ink-soft text-sm">
          Your Claude sessions in all sandboxes; those that wait for you first.
        </p>
      </div>
      {list.isPending ? (
        <div role="status" aria-label="Loading sessions" className={grid}>
          {[1, 2, 3].map((it) => (
            <Skeleton key={it} className="h-56" />
          ))}
        </div>
      ) : !list.data ? (
        <LoadError error={list.error} retry={() => void list.refetch()} busy={list.isFetching} />
      ) : (
        <>
          {all.length > 0 && <Sums open={open} all={all} />}
          {open.length === 0 ? (
            <div className="rounded-xl border border-dashed bg-surface">
              <EmptyState
                icon={Bot}
                title="No Claude session is open"
                action={
                  <Button asChild look="primary">
                    <Link href="/">Your sandboxes</Link>
                  </Button>
                }
              >
                Open one in a sandbox: it appears here with what it does, what it costs and what it waits for.
              </EmptyState>
            </div>
          ) : (
            <section aria-label="Open sessions">
              <h2 className="sr-only">Open sessions</h2>
              <div className={grid}>{open.map(card)}</div>
            </section>
          )}
          {ended.length > 0 && (
            <section aria-labelledby="ended" className="mt-8">
              <h2 id="ended" className="mb-3 font-semibold text-base">
                Ended
              </h2>
              <div className={grid}>{ended.slice(0, shownEnded).map(card)}</div>
              {ended.length > shownEnded && (
                <Button className="mt-4" onClick={() => setShownEnded(shownEnded + ENDED_AT_ONCE)}>
                  {ended.length - shownEnded} more
                </Button>
              )}
            </section>
          )}
        </>
      )}
    </div>
  );
}
