'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { BookmarkPlus, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { lineOf } from '../../../shared/policy-guards';
import type { PresetView } from '../../../shared/policy-presets';
import { failureOf } from '../../api/failure';
import { LoadError } from '../../api/load-state';
import { useTRPC } from '../../api/trpc';
import { Button } from '../../ui/button';
import { Confirm } from '../../ui/confirm';
import { Dialog } from '../../ui/dialog';
import { EmptyState, Panel, Skeleton } from '../../ui/panel';
import { moment } from '../../ui/time';
import { Refused } from '../refused';
import { PresetForm } from './preset-form';

/** Grants shown of each before the rest is counted. */
const SHOWN = 8;

/** Named exceptions that rules take in: here they are made, everywhere they are used they follow. */
export function Presets() {
  const trpc = useTRPC();
  const presets = useQuery(trpc.policies.presets.queryOptions());
  const [editing, setEditing] = useState<PresetView | 'new' | null>(null);
  const [removing, setRemoving] = useState<PresetView | null>(null);
  if (presets.isPending)
    return (
      <div role="status" aria-label="Loading presets">
        <Skeleton className="h-48" />
      </div>
    );
  if (!presets.data)
    return <LoadError error={presets.error} retry={() => void presets.refetch()} busy={presets.isFetching} />;
  const add = (
    <Button look="primary" onClick={() => setEditing('new')} className="max-sm:w-full">
      <Plus /> New preset
    </Button>
  );
  return (
    <div className="grid gap-4">
      {presets.data.length === 0 ? (
        <div className="rounded-xl border border-dashed bg-surface">
          <EmptyState icon={BookmarkPlus} title="No presets yet" action={add}>
            A preset is a named list of exceptions, such as the machines of your office. Rules take it in by
            its name and follow when it changes.
          </EmptyState>
        </div>
      ) : (
        <>
          <div className="flex flex-wrap items-center justify-between gap-2">
            <p className="text-ink-soft text-sm">Named exceptions that rules take in.</p>
            {add}
          </div>
          {presets.data.map((it) => (
            <PresetCard key={it.id} preset={it} edit={() => setEditing(it)} remove={() => setRemoving(it)} />
          ))}
        </>
      )}
      {editing !== null && (
        <Dialog
          open
          onOpenChange={() => setEditing(null)}
          title={editing === 'new' ? 'New preset' : `Edit ${editing.label}`}
        >
          <PresetForm
            preset={editing === 'new' ? null : editing}
            newest={editing === 'new' ? null : (presets.data.find((it) => it.id === editing.id) ?? editing)}
            close={() => setEditing(null)}
          />
        </Dialog>
      )}
      {removing !== null && <RemovePreset preset={removing} close={() => setRemoving(null)} />}
    </div>
  );
}

function PresetCard({ preset, edit, remove }: { preset: PresetView; edit(): void; remove(): void }) {
  const { id, label, version, grants, usedBy, updatedAt, updatedBy } = preset;
  return (
    <Panel
      id={`preset-${id}`}
      title={label}
      description={`Version ${version}, ${moment(updatedAt)}, by ${updatedBy}`}
      actions={
        <span className="flex gap-1">
          <Button look="ghost" size="icon" aria-label={`Edit ${label}`} onClick={edit}>
            <Pencil />
          </Button>
          <Button look="ghost" size="icon" aria-label={`Remove ${label}`} onClick={remove}>
            <Trash2 />
          </Button>
        </span>
      }
    >
      <div className="grid gap-2 text-sm">
        <ul className="grid gap-1">
          {grants.slice(0, SHOWN).map((it) => (
            <li key={`${it.type} ${it.value}`} className="break-all">
              {lineOf(it)}
            </li>
          ))}
          {grants.length > SHOWN && <li className="text-ink-faint">and {grants.length - SHOWN} more</li>}
          {grants.length === 0 && <li className="text-ink-faint">It grants nothing yet.</li>}
        </ul>
        <p className="break-words text-ink-soft">
          {usedBy.length === 0 ? 'No rules take it in.' : `Taken in by the rules of ${usedBy.join(', ')}.`}
        </p>
      </div>
    </Panel>
  );
}

function RemovePreset({ preset, close }: { preset: PresetView; close(): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const remove = useMutation(
    trpc.policies.removePreset.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => {
        toast.success(`${preset.label} is removed.`);
        close();
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.policies.pathKey() }),
    }),
  );
  const failure = remove.error ? failureOf(remove.error) : null;
  return (
    <Confirm
      open
      onOpenChange={close}
      title={`Remove the preset ${preset.label}?`}
      description={
        failure ? <Refused failure={failure} /> : 'Its history goes with it. No rules may take it in.'
      }
      action="Remove"
      busy={remove.isPending}
      onConfirm={() => remove.mutate({ id: preset.id })}
    />
  );
}
