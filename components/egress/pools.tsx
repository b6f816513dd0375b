'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowDown, ArrowUp, Layers, Pencil, Plus, Trash2, X } from 'lucide-react';
import { type DragEvent, useState } from 'react';
import { toast } from 'sonner';
import type { EgressView, PoolView } from '../../shared/egress-views';
import { failureOf } from '../api/failure';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Badge, Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { cx } from '../ui/cx';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { Switch } from '../ui/switch';
import { AddButton } from './egress-list';
import { Refused } from './refused';
import { Choice } from './targets';
import { ExitAddress, VerdictBadge } from './verdict';

const strategies = {
  order: { title: 'In order', hint: 'Everybody goes by the first that works.' },
  spread: { title: 'Spread', hint: 'A sandbox takes the one with the fewest others.' },
};

export function Pools() {
  const trpc = useTRPC();
  const pools = useQuery(trpc.egress.pools.queryOptions());
  const egresses = useQuery(trpc.egress.list.queryOptions());
  const [editing, setEditing] = useState<PoolView | 'new' | null>(null);
  const [removing, setRemoving] = useState<PoolView | null>(null);
  if (pools.isPending || egresses.isPending)
    return (
      <div role="status" aria-label="Loading pools">
        <Skeleton className="h-48" />
      </div>
    );
  if (!pools.data || !egresses.data)
    return (
      <LoadError
        error={pools.error ?? egresses.error}
        retry={() => {
          void pools.refetch();
          void egresses.refetch();
        }}
      />
    );
  const none = egresses.data.length === 0;
  return (
    <div className="grid gap-4">
      {pools.data.length === 0 ? (
        <div className="rounded-xl border border-dashed bg-surface">
          <EmptyState
            icon={Layers}
            title="No pools yet"
            action={
              none ? (
                <AddButton />
              ) : (
                <Button look="primary" onClick={() => setEditing('new')}>
                  <Plus /> New pool
                </Button>
              )
            }
          >
            A pool holds several ways out that stand in for each other: when one fails its proof, its
            sandboxes are fenced, the next one is proven, and only then opened.
            {none && ' Add a way out first.'}
          </EmptyState>
        </div>
      ) : (
        <>
          <div className="flex flex-wrap items-center justify-between gap-2">
            <p className="text-ink-soft text-sm">Several ways out that stand in for each other.</p>
            <Button look="primary" onClick={() => setEditing('new')} className="max-sm:w-full">
              <Plus /> New pool
            </Button>
          </div>
          {pools.data.map((it) => (
            <PoolCard key={it.id} pool={it} edit={() => setEditing(it)} remove={() => setRemoving(it)} />
          ))}
        </>
      )}
      {editing !== null && (
        <Dialog
          open
          onOpenChange={() => setEditing(null)}
          title={editing === 'new' ? 'New pool' : `Edit ${editing.label}`}
        >
          <PoolForm
            pool={editing === 'new' ? null : editing}
            egresses={egresses.data}
            close={() => setEditing(null)}
          />
        </Dialog>
      )}
      {removing !== null && <RemovePool pool={removing} close={() => setRemoving(null)} />}
    </div>
  );
}

function PoolCard({ pool, edit, remove }: { pool: PoolView; edit(): void; remove(): void }) {
  return (
    <Panel
      id={`pool-${pool.id}`}
      title={pool.label}
      description={`${strategies[pool.strategy].title}, ${pool.failover ? 'takes the next one by itself' : 'stays where it is'} · ${pool.sandboxes} sandboxes`}
      actions={
        <span className="flex gap-1">
          <Button look="ghost" size="icon" aria-label={`Edit ${pool.label}`} onClick={edit}>
            <Pencil />
          </Button>
          <Button look="ghost" size="icon" aria-label={`Remove ${pool.label}`} onClick={remove}>
            <Trash2 />
          </Button>
        </span>
      }
    >
      <ol className="grid gap-2">
        {pool.members.map((it, n) => (
          <li key={it.egressId} className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
            <span className="tabular w-5 text-ink-faint">{n + 1}</span>
            <span className="min-w-0 flex-1 truncate font-medium">{it.label}</span>
            <ExitAddress address={it.health.exitAddress} country={it.health.country} />
            <VerdictBadge verdict={it.health.verdict} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function RemovePool({ pool, close }: { pool: PoolView; close(): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const remove = useMutation(
    trpc.egress.removePool.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => {
        toast.success(`${pool.label} is removed.`);
        close();
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.egress.pathKey() }),
    }),
  );
  const failure = remove.error ? failureOf(remove.error) : null;
  return (
    <Confirm
      open
      onOpenChange={close}
      title={`Remove the pool ${pool.label}?`}
      description={failure ? <Refused failure={failure} /> : 'Its ways out stay. Nobody may be bound to it.'}
      action="Remove"
      busy={remove.isPending}
      onConfirm={() => remove.mutate({ id: pool.id })}
    />
  );
}

function PoolForm({
  pool,
  egresses,
  close,
}: {
  pool: PoolView | null;
  egresses: EgressView[];
  close(): void;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [label, setLabel] = useState(pool?.label ?? '');
  const [strategy, setStrategy] = useState<PoolView['strategy']>(pool?.strategy ?? 'order');
  const [failover, setFailover] = useState(pool?.failover ?? true);
  const [ids, setIds] = useState(pool?.members.map((it) => it.egressId) ?? []);
  const [dragged, setDragged] = useState<number | null>(null);
  /** Told to who does not see the list move. */
  const [moved, setMoved] = useState('');
  const save = useMutation(
    trpc.egress.savePool.mutationOptions({
      meta: { quiet: true },
      onSuccess: (it) => {
        toast.success(`${it.label} is saved.`);
        close();
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.egress.pathKey() }),
    }),
  );
  const failure = save.error ? failureOf(save.error) : null;
  const others = egresses.filter((it) => !ids.includes(it.id));
  const labelOf = (id: string) => egresses.find((it) => it.id === id);

  function move(from: number, to: number) {
    if (to < 0 || to >= ids.length) return;
    const next = [...ids];
    const [one] = next.splice(from, 1);
    if (one === undefined) return;
    next.splice(to, 0, one);
    setIds(next);
    setMoved(`${labelOf(one)?.label ?? one} is number ${to + 1} of ${ids.length}`);
  }
  function over(event: DragEvent, at: number) {
    event.preventDefault();
    if (dragged === null || dragged === at) return;
    move(dragged, at);
    setDragged(at);
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate({
          ...(pool ? { id: pool.id } : {}),
          label: label.trim(),
          strategy,
          failover,
          egressIds: ids,
        });
      }}
    >
      <Field label="Name" error={failure?.field === 'label' ? failure.title : null}>
        {(control) => (
          <Input
            {...control}
            required
            maxLength={64}
            value={label}
            onChange={(event) => setLabel(event.target.value)}
          />
        )}
      </Field>
      <div className="grid gap-1.5">
        <p className="font-medium text-sm">Ways out, the first one first</p>
        <ol aria-label="Members" className="grid gap-1">
          {ids.map((id, n) => {
            const egress = labelOf(id);
            const name = egress?.label ?? id;
            return (
              <li
                key={id}
                draggable
                onDragStart={() => setDragged(n)}
                onDragOver={(event) => over(event, n)}
                onDragEnd={() => setDragged(null)}
                className={cx(
                  'flex cursor-grab items-center gap-1 rounded-md border bg-raised py-1 pr-1 pl-3 text-sm',
                  dragged === n && 'border-accent opacity-60',
                )}
              >
                <span className="min-w-0 flex-1 truncate">{name}</span>
                {egress && !egress.enabled && <Badge>Off</Badge>}
                <Button
                  look="ghost"
                  size="tiny"
                  aria-label={`Move ${name} up`}
                  // Not `disabled`: that would take the focus away from who moves one up step by step.
                  aria-disabled={n === 0}
                  onClick={() => move(n, n - 1)}
                >
                  <ArrowUp />
                </Button>
                <Button
                  look="ghost"
                  size="tiny"
                  aria-label={`Move ${name} down`}
                  aria-disabled={n === ids.length - 1}
                  onClick={() => move(n, n + 1)}
                >
                  <ArrowDown />
                </Button>
                <Button
                  look="ghost"
                  size="tiny"
                  aria-label={`Take ${name} out`}
                  onClick={() => setIds(ids.filter((it) => it !== id))}
                >
                  <X />
                </Button>
              </li>
            );
          })}
        </ol>
        <p role="status" className="sr-only">
          {moved}
        </p>
        {others.length > 0 && (
          <Select
            aria-label="Add a way out"
            value=""
            onChange={(event) => event.target.value && setIds([...ids, event.target.value])}
          >
            <option value="">Add one…</option>
            {others.map((it) => (
              <option key={it.id} value={it.id}>
                {it.label}
              </option>
            ))}
          </Select>
        )}
      </div>
      <Choice<PoolView['strategy']>
        legend="How it is chosen"
        name="strategy"
        options={(['order', 'spread'] as const).map((it) => ({ value: it, ...strategies[it] }))}
        value={strategy}
        onChange={(it) => setStrategy(it)}
      />
      <Switch
        label="Take the next one by itself"
        hint="When the present one fails: fence first, prove the next, then open. Open connections are cut."
        checked={failover}
        onChange={setFailover}
      />
      {failure && failure.field !== 'label' && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          disabled={ids.length === 0 || label.trim() === ''}
        >
          Save
        </Button>
      </DialogActions>
    </form>
  );
}
