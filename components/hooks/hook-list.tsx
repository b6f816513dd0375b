'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus, TriangleAlert, Webhook } from 'lucide-react';
import { useState } from 'react';
import type { HookInput, HookPlace, HookView, SavedHooks } from '../../shared/hooks';
import { failureOf } from '../api/failure';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { ShownOnce } from '../ui/copy-button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Skeleton } from '../ui/panel';
import { HookForm } from './hook-form';
import { HookRow, type RowAction } from './hook-row';
import { HookTest } from './hook-test';
import { inputOf, moved } from './words';

type Open = { what: 'add' } | { what: 'edit' | 'remove'; hook: HookView };

/** The hooks of one place, in the order in which they run; each change is saved at once. */
export function HookList({
  place,
  sandboxId,
  empty,
}: {
  place: HookPlace;
  /** Where they are tried; null: in a sandbox that is chosen. */
  sandboxId: string | null;
  empty: string;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const list = useQuery(trpc.hooks.get.queryOptions(place, { retry: false }));
  const [open, setOpen] = useState<Open | null>(null);
  const [trying, setTrying] = useState<HookInput | null>(null);
  const [secrets, setSecrets] = useState<SavedHooks['secrets']>([]);
  const save = useMutation(
    trpc.hooks.save.mutationOptions({
      meta: { quiet: true },
      onSuccess: ({ secrets: made, ...saved }) => {
        queries.setQueryData(trpc.hooks.get.queryKey(place), saved);
        setOpen(null);
        setSecrets(made);
      },
      onError: () => void list.refetch(),
    }),
  );
  const failure = save.error && failureOf(save.error);
  const failed = failure && `${failure.title} ${failure.next}`;
  if (list.isError) return <LoadError error={list.error} retry={() => void list.refetch()} />;
  if (!list.data)
    return (
      <div className="p-5">
        <Skeleton className="h-12" />
      </div>
    );
  const { hooks, mayEdit, problems, revision } = list.data;
  const current = hooks.map(inputOf);
  const put = (next: HookInput[]) => save.mutate({ place, hooks: next, revision });
  const change = (hook: HookInput) => put(current.map((it) => (it.id === hook.id ? hook : it)));
  function close() {
    setOpen(null);
    save.reset();
  }
  function act(action: RowAction, hook: HookView, index: number) {
    save.reset();
    if (action === 'edit' || action === 'remove') setOpen({ what: action, hook });
    else if (action === 'test') setTrying(inputOf(hook));
    else if (action === 'switch') change({ ...inputOf(hook), enabled: !hook.enabled });
    else if (action === 'secret') change({ ...inputOf(hook), newSecret: true });
    else put(moved(current, index, action === 'up' ? -1 : 1));
  }
  const editing = open?.what === 'edit' ? open.hook : null;
  const removing = open?.what === 'remove' ? open.hook : null;
  return (
    <>
      {problems.length > 0 && (
        <div className="px-5 pt-4">
          <Note tone="warn" icon={TriangleAlert}>
            {problems.map((it) => (
              <p key={it}>{it}</p>
            ))}
            {mayEdit && <p>What is not understood is left out when you save here.</p>}
          </Note>
        </div>
      )}
      {failed && open === null && (
        <div className="px-5 pt-4">
          <Note tone="bad">{failed}</Note>
        </div>
      )}
      {hooks.length === 0 ? (
        <p className="flex items-center gap-2.5 px-5 py-4 text-ink-soft text-sm">
          <Webhook className="size-4 shrink-0" aria-hidden />
          {empty}
        </p>
      ) : (
        <ol className="divide-y">
          {hooks.map((hook, index) => (
            <HookRow
              key={hook.id}
              hook={hook}
              first={index === 0}
              last={index === hooks.length - 1}
              mayEdit={mayEdit}
              busy={save.isPending}
              onAction={(action) => act(action, hook, index)}
            />
          ))}
        </ol>
      )}
      {mayEdit && (
        <div className="border-t px-5 py-3">
          <Button size="sm" onClick={() => setOpen({ what: 'add' })}>
            <Plus /> Add a hook
          </Button>
        </div>
      )}
      <Dialog
        open={open?.what === 'add' || editing !== null}
        onOpenChange={close}
        title={editing ? `Change “${editing.name}”` : 'Add a hook'}
        wide
      >
        <HookForm
          hook={editing}
          busy={save.isPending}
          failure={failed}
          onCancel={close}
          onTry={setTrying}
          onSave={(hook) => (editing ? change({ ...hook, id: editing.id }) : put([...current, hook]))}
        />
      </Dialog>
      <Dialog
        open={trying !== null}
        onOpenChange={() => setTrying(null)}
        title={`Test “${trying?.name ?? ''}”`}
        wide
      >
        {trying && (
          <HookTest hook={trying} place={place} sandboxId={sandboxId} close={() => setTrying(null)} />
        )}
      </Dialog>
      <Dialog
        open={secrets.length > 0}
        onOpenChange={() => setSecrets([])}
        title="Copy the secret now"
        description="Its requests are signed with it. It is not shown again."
        insists
      >
        {secrets.map((it) => (
          <div key={it.id} className="grid gap-1.5">
            <p className="font-medium text-sm">{it.name}</p>
            <ShownOnce value={it.secret} label={`Copy the secret of ${it.name}`} />
          </div>
        ))}
        <DialogActions>
          <Button look="primary" onClick={() => setSecrets([])}>
            I have it
          </Button>
        </DialogActions>
      </Dialog>
      <Confirm
        open={removing !== null}
        onOpenChange={close}
        title={`Delete “${removing?.name ?? ''}”?`}
        description={failed ? <Note tone="bad">{failed}</Note> : 'Running sessions go on without it at once.'}
        action="Delete"
        busy={save.isPending}
        onConfirm={() => removing && put(current.filter((it) => it.id !== removing.id))}
      />
    </>
  );
}
