'use client';

import { useQuery } from '@tanstack/react-query';
import { CloudSun, Plus, Search, SlidersHorizontal } from 'lucide-react';
import { useState } from 'react';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Input } from '../ui/field';
import { EmptyState, Skeleton } from '../ui/panel';
import { CreateDialog } from './create-dialog';
import { SandboxCard } from './sandbox-card';
import { useQuickCreate } from './use-quick-create';

/** From so many on a filter is worth its place. */
const FILTER_FROM = 7;
const grid = 'grid gap-4 sm:grid-cols-2 xl:grid-cols-3';

export function SandboxHome() {
  const trpc = useTRPC();
  const list = useQuery(trpc.sandboxes.list.queryOptions({}));
  const { create, busy } = useQuickCreate();
  const [customise, setCustomise] = useState(false);
  const [filter, setFilter] = useState('');
  const all = list.data ?? [];
  const shown = all.filter((it) => it.name.toLowerCase().includes(filter.trim().toLowerCase()));

  const buttons = (
    <>
      <Button onClick={() => setCustomise(true)}>
        <SlidersHorizontal /> Customise
      </Button>
      <Button look="primary" busy={busy} onClick={create}>
        <Plus /> New sandbox
      </Button>
    </>
  );

  return (
    <div className="mx-auto w-full max-w-6xl px-4 py-6 sm:px-6 sm:py-8">
      <div className="mb-6 flex flex-wrap items-center justify-between gap-3">
        <div>
          <h1 className="font-semibold text-xl tracking-tight">Sandboxes</h1>
          <p className="text-ink-soft text-sm">Each is a machine of its own with Claude Code in it.</p>
        </div>
        {all.length > 0 && <div className="flex gap-2 max-sm:w-full max-sm:[&>*]:flex-1">{buttons}</div>}
      </div>
      {all.length >= FILTER_FROM && (
        <div className="relative mb-4 max-w-xs">
          <Search className="absolute top-2.5 left-3 size-4 text-ink-faint" aria-hidden />
          <Input
            type="search"
            aria-label="Filter by name"
            placeholder="Filter by name"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
            className="pl-9"
          />
        </div>
      )}
      {list.isPending ? (
        <div role="status" aria-label="Loading sandboxes" className={grid}>
          {[1, 2, 3].map((it) => (
            <div key={it} className="grid gap-3 rounded-xl border bg-surface p-4">
              <Skeleton className="h-5 w-2/3" />
              <Skeleton className="h-4 w-20" />
              <Skeleton className="h-6 w-full" />
              <Skeleton className="h-4 w-1/2" />
            </div>
          ))}
        </div>
      ) : list.isError && !list.data ? (
        <LoadError error={list.error} retry={() => void list.refetch()} busy={list.isFetching} />
      ) : all.length === 0 ? (
        <div className="rounded-xl border border-dashed bg-surface">
          <EmptyState icon={CloudSun} title="Your first sandbox is one click away" action={buttons}>
            It starts in a few seconds with Claude Code, git, Node and Python ready, and keeps its files until
            you delete it.
          </EmptyState>
        </div>
      ) : shown.length === 0 ? (
        <p className="py-12 text-center text-ink-faint">No sandbox has “{filter}” in its name.</p>
      ) : (
        <div className={grid}>
          {shown.map((it) => (
            <SandboxCard key={it.id} sandbox={it} />
          ))}
        </div>
      )}
      <CreateDialog open={customise} onOpenChange={setCustomise} />
    </div>
  );
}
