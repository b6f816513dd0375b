'use client';

import { useQuery } from '@tanstack/react-query';
import { Boxes } from 'lucide-react';
import { useState } from 'react';
import { sandboxStates } from '../../shared/sandbox-state';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { SandboxCard } from '../sandboxes/sandbox-card';
import { Input, Select } from '../ui/field';
import { EmptyState, Skeleton } from '../ui/panel';

const grid = 'grid gap-4 sm:grid-cols-2 xl:grid-cols-3';

export function AllSandboxes() {
  const trpc = useTRPC();
  const list = useQuery(trpc.sandboxes.list.queryOptions({ all: true }));
  const [text, setText] = useState('');
  const [state, setState] = useState('');
  const needle = text.trim().toLowerCase();
  const shown = (list.data ?? []).filter(
    (it) =>
      (!state || it.state === state) && `${it.name} ${it.ownerName} ${it.id}`.toLowerCase().includes(needle),
  );
  if (list.isError && !list.data) return <LoadError error={list.error} retry={() => void list.refetch()} />;
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap gap-2">
        <Input
          type="search"
          aria-label="Filter by name or owner"
          placeholder="Name or owner"
          className="w-56 max-sm:w-full"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Select
          aria-label="State"
          className="w-40 max-sm:w-full"
          value={state}
          onChange={(event) => setState(event.target.value)}
        >
          <option value="">Every state</option>
          {sandboxStates.map((it) => (
            <option key={it} value={it}>
              {it}
            </option>
          ))}
        </Select>
      </div>
      {list.isPending ? (
        <div role="status" aria-label="Loading sandboxes" className={grid}>
          <Skeleton className="h-40" />
          <Skeleton className="h-40" />
        </div>
      ) : shown.length === 0 ? (
        <EmptyState icon={Boxes} title="No sandboxes">
          {list.data?.length ? 'None fits the filter.' : 'Nobody has made one yet.'}
        </EmptyState>
      ) : (
        <div className={grid}>
          {shown.map((it) => (
            <SandboxCard key={it.id} sandbox={it} showOwner />
          ))}
        </div>
      )}
    </div>
  );
}
