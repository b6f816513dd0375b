'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Check, CircleAlert, Pencil, Plus, RefreshCw, Rss, Trash2 } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { toast } from 'sonner';
import type { SubscriptionView } from '../../shared/egress-views';
import { failureOf } from '../api/failure';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Badge, Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { Switch } from '../ui/switch';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { Refused } from './refused';

const intervals = [
  [15, 'every 15 minutes'],
  [60, 'every hour'],
  [360, 'every 6 hours'],
  [1440, 'every day'],
  [10_080, 'every week'],
] as const;
const DEFAULT_MINUTES = 360;
const everyText = (minutes: number) =>
  intervals.find(([it]) => it === minutes)?.[1] ?? `every ${minutes} minutes`;

export function Subscriptions() {
  const trpc = useTRPC();
  const list = useQuery(trpc.egress.subscriptions.queryOptions());
  const [editing, setEditing] = useState<SubscriptionView | 'new' | null>(null);
  if (list.isPending)
    return (
      <div role="status" aria-label="Loading subscriptions">
        <Skeleton className="h-48" />
      </div>
    );
  if (!list.data) return <LoadError error={list.error} retry={() => void list.refetch()} />;
  const add = (
    <Button look="primary" onClick={() => setEditing('new')}>
      <Plus /> New subscription
    </Button>
  );
  return (
    <div className="grid gap-4">
      {list.data.length === 0 ? (
        <div className="rounded-xl border border-dashed bg-surface">
          <EmptyState icon={Rss} title="No subscriptions yet" action={add}>
            A provider's subscription address is fetched on a timer. What changed is shown first; nothing is
            taken over until you say so.
          </EmptyState>
        </div>
      ) : (
        <>
          <div className="flex flex-wrap items-center justify-between gap-2">
            <p className="text-ink-soft text-sm">Lists of ways out that providers keep up to date.</p>
            {add}
          </div>
          {list.data.map((it) => (
            <SubscriptionCard key={it.id} subscription={it} edit={() => setEditing(it)} />
          ))}
        </>
      )}
      {editing !== null && (
        <Dialog
          open
          onOpenChange={() => setEditing(null)}
          title={editing === 'new' ? 'New subscription' : `Edit ${editing.label}`}
        >
          <SubscriptionForm
            subscription={editing === 'new' ? null : editing}
            close={() => setEditing(null)}
          />
        </Dialog>
      )}
    </div>
  );
}

function SubscriptionCard({ subscription: it, edit }: { subscription: SubscriptionView; edit(): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(10_000);
  const [removing, setRemoving] = useState(false);
  const egresses = useQuery(trpc.egress.list.queryOptions());
  const settled = { onSettled: () => queries.invalidateQueries({ queryKey: trpc.egress.pathKey() }) };
  const refresh = useMutation(
    trpc.egress.refreshSubscription.mutationOptions({ meta: { quiet: true }, ...settled }),
  );
  const apply = useMutation(
    trpc.egress.applySubscription.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => toast.success(`The changes of ${it.label} are taken over.`),
      ...settled,
    }),
  );
  const remove = useMutation(
    trpc.egress.removeSubscription.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => toast.success(`${it.label} is removed.`),
      ...settled,
    }),
  );
  const error = refresh.error ?? apply.error;
  const failure = error ? failureOf(error) : null;
  const removal = remove.error ? failureOf(remove.error) : null;
  const via = it.viaEgressId
    ? (egresses.data?.find((one) => one.id === it.viaEgressId)?.label ?? 'another way out')
    : 'this host';
  return (
    <Panel
      id={`subscription-${it.id}`}
      title={it.label}
      description={`${it.origin}, fetched through ${via}, ${everyText(it.everyMinutes)}`}
      actions={
        <span className="flex gap-1">
          <Button size="sm" busy={refresh.isPending} onClick={() => refresh.mutate({ id: it.id })}>
            <RefreshCw /> Refresh now
          </Button>
          <Button look="ghost" size="icon" aria-label={`Edit ${it.label}`} onClick={edit}>
            <Pencil />
          </Button>
          <Button
            look="ghost"
            size="icon"
            aria-label={`Remove ${it.label}`}
            onClick={() => setRemoving(true)}
          >
            <Trash2 />
          </Button>
        </span>
      }
    >
      <div className="grid gap-3">
        <p className="flex flex-wrap items-center gap-2 text-ink-soft text-sm">
          {it.fetchedAt && now !== null ? (
            <span title={moment(it.fetchedAt)}>Fetched {relative(it.fetchedAt, now)}</span>
          ) : (
            'Not fetched yet'
          )}
          {it.autoApply && <Badge tone="accent">Takes changes by itself</Badge>}
        </p>
        {(failure || it.problem) && (
          <Note tone="bad" icon={CircleAlert}>
            <strong>{failure?.title ?? it.problem}</strong>{' '}
            {failure?.next ?? 'What was fetched before stays as it is.'}
          </Note>
        )}
        {it.pending && (
          <Pending pending={it.pending} busy={apply.isPending} apply={() => apply.mutate({ id: it.id })} />
        )}
        {!it.pending && it.fetchedAt && !it.problem && (
          <p className="flex items-center gap-1.5 text-good text-sm">
            <Check className="size-4" aria-hidden /> Nothing waits to be taken over.
          </p>
        )}
      </div>
      <Confirm
        open={removing}
        onOpenChange={() => {
          remove.reset();
          setRemoving(false);
        }}
        title={`Remove ${it.label}?`}
        description={
          removal ? (
            <Refused failure={removal} />
          ) : (
            'The ways out that came from it stay as they are; nothing keeps them up to date any more.'
          )
        }
        action="Remove"
        busy={remove.isPending}
        onConfirm={() => remove.mutate({ id: it.id })}
      />
    </Panel>
  );
}

/** A bounded list of changes; the rest is counted. */
const NAMES_SHOWN = 12;

export function Changes({
  title,
  names,
  tone,
}: {
  title: string;
  names: readonly string[];
  tone: 'good' | 'warn' | 'bad';
}) {
  if (names.length === 0) return null;
  return (
    <div>
      <p className="mb-1 flex items-center gap-2 text-sm">
        <Badge tone={tone}>{names.length}</Badge> {title}
      </p>
      <ul className="ml-3 grid gap-0.5 border-l pl-3 text-ink-soft text-sm">
        {names.slice(0, NAMES_SHOWN).map((it) => (
          <li key={it} className="break-words">
            {it}
          </li>
        ))}
        {names.length > NAMES_SHOWN && (
          <li className="text-ink-faint">and {names.length - NAMES_SHOWN} more</li>
        )}
      </ul>
    </div>
  );
}

function Pending({
  pending,
  busy,
  apply,
}: {
  pending: NonNullable<SubscriptionView['pending']>;
  busy: boolean;
  apply(): void;
}) {
  const { added, changed, removed, kept } = pending;
  const count = added.length + changed.length + removed.length;
  return (
    <div className="grid gap-3 rounded-lg border border-accent/40 p-4">
      <p className="font-medium text-sm">
        {count === 0 ? 'Nothing changed' : `${count} ${count === 1 ? 'change waits' : 'changes wait'}`}
        {kept > 0 && <span className="font-normal text-ink-soft">, {kept} stay as they are</span>}
      </p>
      <Changes title="new" names={added} tone="good" />
      <Changes title="changed" names={changed} tone="warn" />
      <Changes title="gone; one in use is kept with a warning" names={removed} tone="bad" />
      <Button look="primary" className="justify-self-start" busy={busy} onClick={apply}>
        <Check /> Take them over
      </Button>
    </div>
  );
}

function SubscriptionForm({ subscription, close }: { subscription: SubscriptionView | null; close(): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const egresses = useQuery(trpc.egress.list.queryOptions());
  const [auto, setAuto] = useState(subscription?.autoApply ?? false);
  const refresh = useMutation(trpc.egress.refreshSubscription.mutationOptions({ meta: { quiet: true } }));
  const settled = () => queries.invalidateQueries({ queryKey: trpc.egress.pathKey() });
  const save = useMutation(
    trpc.egress.saveSubscription.mutationOptions({
      meta: { quiet: true },
      onSuccess: (it) => {
        toast.success(`${it.label} is saved.`);
        // What it holds is what somebody wants to see first; a failure stands on its card.
        if (!subscription) refresh.mutate({ id: it.id }, { onSettled: settled });
        close();
      },
      onSettled: settled,
    }),
  );
  const failure = save.error ? failureOf(save.error) : null;
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const url = String(form.get('url') ?? '').trim();
    save.mutate({
      ...(subscription ? { id: subscription.id } : {}),
      label: String(form.get('label')).trim(),
      ...(url ? { url } : {}),
      viaEgressId: String(form.get('via')) || null,
      everyMinutes: Number(form.get('every')),
      autoApply: auto,
    });
  }
  const known = intervals.some(([it]) => it === (subscription?.everyMinutes ?? DEFAULT_MINUTES));
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <Field label="Name" error={failure?.field === 'label' ? failure.title : null}>
        {(control) => (
          <Input {...control} name="label" required maxLength={64} defaultValue={subscription?.label} />
        )}
      </Field>
      <Field
        label="Address"
        hint={
          subscription
            ? `Empty: it stays (${subscription.origin}).`
            : 'The whole address that your provider gave you. It is kept encrypted and not shown again.'
        }
        error={failure?.field === 'url' ? 'An address that begins with https:// or http://.' : null}
      >
        {(control) => (
          <Input
            {...control}
            name="url"
            type="url"
            required={!subscription}
            placeholder="https://"
            autoComplete="off"
            spellCheck={false}
          />
        )}
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Fetched through" hint="What the provider sees.">
          {(control) => (
            <Select
              {...control}
              key={egresses.data ? 'loaded' : 'loading'}
              name="via"
              defaultValue={subscription?.viaEgressId ?? ''}
            >
              <option value="">this host</option>
              {egresses.data?.map((it) => (
                <option key={it.id} value={it.id}>
                  {it.label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="How often">
          {(control) => (
            <Select {...control} name="every" defaultValue={subscription?.everyMinutes ?? DEFAULT_MINUTES}>
              {!known && subscription && (
                <option value={subscription.everyMinutes}>{everyText(subscription.everyMinutes)}</option>
              )}
              {intervals.map(([minutes, title]) => (
                <option key={minutes} value={minutes}>
                  {title}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <Switch
        label="Take changes by itself"
        hint="Off: you look at what changed and take it over."
        checked={auto}
        onChange={setAuto}
      />
      {failure && failure.field !== 'label' && failure.field !== 'url' && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={save.isPending}>
          {subscription ? 'Save' : 'Save and fetch'}
        </Button>
      </DialogActions>
    </form>
  );
}
