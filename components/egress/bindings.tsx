'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowRight, Pencil, Plus, Waypoints, X } from 'lucide-react';
import Link from 'next/link';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import type { BindingView } from '../../shared/egress-views';
import type { SandboxView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { EgressChip } from '../network/egress-chip';
import { StateBadge } from '../sandboxes/state';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Input } from '../ui/field';
import { Cell, EmptyState, Panel, Skeleton, Table } from '../ui/panel';
import { BindDialog } from './bind-dialog';
import type { Place } from './targets';
import { noWayOut, type WayOut } from './way-out-select';

interface Editing {
  fixed?: Place;
  name?: string;
  first?: WayOut;
}

const who = (it: BindingView) =>
  it.target === 'everyone'
    ? 'Everyone else'
    : `${it.target[0]?.toUpperCase()}${it.target.slice(1)} ${it.targetName}`;

export function Bindings() {
  const trpc = useTRPC();
  const bindings = useQuery(trpc.egress.bindings.queryOptions());
  const sandboxes = useQuery(trpc.sandboxes.list.queryOptions({ all: true }));
  const [editing, setEditing] = useState<Editing | null>(null);
  // `?egress=` from a way out's own page: with it already chosen.
  useEffect(() => {
    const egressId = new URLSearchParams(window.location.search).get('egress');
    if (egressId) setEditing({ first: { egressId, poolId: null } });
  }, []);
  return (
    <div className="grid gap-5">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p className="max-w-prose text-ink-soft text-sm">
          The nearest one wins: a sandbox's own, then its owner's, its workspace's, everyone's. Without any it
          goes by this host.
        </p>
        <Button look="primary" onClick={() => setEditing({})} className="max-sm:w-full">
          <Plus /> Assign a way out
        </Button>
      </div>
      <Panel flush id="bindings" title="Assigned">
        {bindings.isPending ? (
          <div role="status" aria-label="Loading" className="p-5">
            <Skeleton className="h-24" />
          </div>
        ) : !bindings.data ? (
          <LoadError error={bindings.error} retry={() => void bindings.refetch()} />
        ) : bindings.data.length === 0 ? (
          <EmptyState icon={Waypoints} title="Nothing is assigned">
            Every sandbox goes out by this host. Assign a way out to everyone, a workspace, a user or one
            sandbox.
          </EmptyState>
        ) : (
          <Table label="Assigned ways out" head={['Who', 'Goes out by', '']}>
            {bindings.data.map((it) => (
              <BindingRow key={`${it.target} ${it.targetId}`} binding={it} edit={setEditing} />
            ))}
          </Table>
        )}
      </Panel>
      <Panel
        flush
        id="effective"
        title="What that means"
        description="Each sandbox with the way it really takes, and why."
      >
        {sandboxes.isPending || bindings.isPending ? (
          <div className="p-5">
            <Skeleton className="h-32" />
          </div>
        ) : !sandboxes.data ? (
          <LoadError error={sandboxes.error} retry={() => void sandboxes.refetch()} />
        ) : (
          <Effective sandboxes={sandboxes.data} bindings={bindings.data ?? []} edit={setEditing} />
        )}
      </Panel>
      {editing !== null && <BindDialog {...editing} close={() => setEditing(null)} />}
    </div>
  );
}

function BindingRow({ binding, edit }: { binding: BindingView; edit(it: Editing): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { target, targetId, egressId, poolId } = binding;
  const unbind = useMutation(
    trpc.egress.bind.mutationOptions({
      onSuccess: () => {
        setAsking(false);
        toast.success(`${who(binding)} has no way out of its own any more.`);
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.egress.pathKey() }),
    }),
  );
  return (
    <tr>
      <Cell className="min-w-40 max-w-64 truncate font-medium">{who(binding)}</Cell>
      <Cell className="min-w-40 max-w-64 truncate">
        {egressId ? (
          <Link className="text-accent hover:underline" href={`/admin/egress/${egressId}`}>
            {binding.label}
          </Link>
        ) : (
          <Link className="text-accent hover:underline" href="/admin/egress/pools">
            Pool {binding.label}
          </Link>
        )}
      </Cell>
      <Cell className="whitespace-nowrap text-right">
        <Button
          look="ghost"
          size="icon"
          aria-label={`Change the way out of ${who(binding)}`}
          onClick={() =>
            edit({ fixed: { target, targetId }, name: who(binding), first: { egressId, poolId } })
          }
        >
          <Pencil />
        </Button>
        <Button
          look="ghost"
          size="icon"
          aria-label={`Take the way out from ${who(binding)}`}
          onClick={() => setAsking(true)}
        >
          <X />
        </Button>
        <Confirm
          open={asking}
          onOpenChange={() => setAsking(false)}
          title={`Take ${binding.label} from ${who(binding)}?`}
          description="The next wider assignment holds then, or this host's own uplink. Running sandboxes are switched at once."
          action="Take it away"
          busy={unbind.isPending}
          onConfirm={() => unbind.mutate({ target, targetId, ...noWayOut })}
        />
      </Cell>
    </tr>
  );
}

/** From so many on a filter is worth its place. */
const FILTER_FROM = 7;

function Effective({
  sandboxes,
  bindings,
  edit,
}: {
  sandboxes: SandboxView[];
  bindings: BindingView[];
  edit(it: Editing): void;
}) {
  const [text, setText] = useState('');
  if (sandboxes.length === 0) return <p className="p-5 text-ink-soft text-sm">There is no sandbox yet.</p>;
  const wanted = text.trim().toLowerCase();
  const shown = sandboxes.filter((it) =>
    [it.name, it.ownerName, it.workspaceName, it.egress.label].join(' ').toLowerCase().includes(wanted),
  );
  return (
    <>
      {sandboxes.length >= FILTER_FROM && (
        <div className="px-5 py-3">
          <Input
            type="search"
            aria-label="Filter sandboxes"
            placeholder="Sandbox, owner or way out"
            className="max-w-xs"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
      )}
      <Table
        label="Sandboxes and their ways out"
        head={['Sandbox', 'State', 'Goes out by', 'Because of', '']}
      >
        {shown.map((it) => (
          <tr key={it.id}>
            <Cell className="min-w-36 max-w-56">
              <Link className="block truncate font-medium hover:underline" href={`/sandboxes/${it.id}`}>
                {it.name}
              </Link>
              <span className="block truncate text-ink-faint text-xs">
                {it.ownerName} · {it.workspaceName}
              </span>
            </Cell>
            <Cell>
              <StateBadge state={it.state} />
            </Cell>
            <Cell className="min-w-56">
              <EgressChip egress={it.egress} fenced={it.state === 'unavailable'} />
            </Cell>
            <Cell className="whitespace-nowrap text-ink-soft">{why(it, bindings)}</Cell>
            <Cell className="text-right">
              <Button
                look="ghost"
                size="icon"
                aria-label={`Choose the way out of ${it.name}`}
                onClick={() =>
                  edit({
                    fixed: { target: 'sandbox', targetId: it.id },
                    name: it.name,
                    first: own(it, bindings),
                  })
                }
              >
                <ArrowRight />
              </Button>
            </Cell>
          </tr>
        ))}
      </Table>
      {shown.length === 0 && <p className="p-5 text-ink-soft text-sm">Nothing fits “{text}”.</p>}
    </>
  );
}

function own(it: SandboxView, bindings: BindingView[]): WayOut {
  const found = bindings.find((one) => one.target === 'sandbox' && one.targetId === it.id);
  return found ? { egressId: found.egressId, poolId: found.poolId } : noWayOut;
}

/** Owners and workspaces are compared as the server does it, nearest first; a name stands for the owner's id. */
function why(it: SandboxView, bindings: BindingView[]): string {
  const has = (target: BindingView['target'], fits: (one: BindingView) => boolean) =>
    bindings.some((one) => one.target === target && fits(one));
  if (has('sandbox', (one) => one.targetId === it.id)) return 'its own';
  if (has('user', (one) => one.targetName === it.ownerName)) return `its owner ${it.ownerName}`;
  if (has('workspace', (one) => one.targetId === it.workspaceId)) return `its workspace ${it.workspaceName}`;
  if (has('everyone', () => true)) return 'everyone';
  return 'nothing assigned';
}
