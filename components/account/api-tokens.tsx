'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { ApiTokenView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { ShownOnce } from '../ui/copy-button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';

const lifetimes = [
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', 'A year'],
  ['', 'No end'],
] as const;

function CreateToken({ close }: { close(): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const create = useMutation(
    trpc.account.createToken.mutationOptions({
      onSuccess: () => queries.invalidateQueries({ queryKey: trpc.account.tokens.queryKey() }),
    }),
  );
  if (create.data)
    return (
      <div className="grid gap-4">
        <Note tone="warn">
          <strong>Copy it now.</strong> It is stored only as a hash and cannot be shown again.
        </Note>
        <ShownOnce value={create.data.token} label="Copy the token" />
        <DialogActions>
          <Button look="primary" onClick={close}>
            Done
          </Button>
        </DialogActions>
      </div>
    );
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const days = String(form.get('days'));
    create.mutate({ label: String(form.get('label')).trim(), expiresInDays: days ? Number(days) : null });
  }
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <Field label="What is it for?">
        {(control) => <Input {...control} name="label" required maxLength={64} placeholder="Laptop, CI, …" />}
      </Field>
      <Field label="Ends after">
        {(control) => (
          <Select {...control} name="days" defaultValue="90">
            {lifetimes.map(([days, text]) => (
              <option key={days} value={days}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={create.isPending}>
          Create token
        </Button>
      </DialogActions>
    </form>
  );
}

export function ApiTokens() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(30_000);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiTokenView | null>(null);
  const list = useQuery(trpc.account.tokens.queryOptions());
  const revoke = useMutation(
    trpc.account.revokeToken.mutationOptions({
      onSettled: () => {
        setRevoking(null);
        return queries.invalidateQueries({ queryKey: trpc.account.tokens.queryKey() });
      },
    }),
  );
  const button = (
    <Button size="sm" onClick={() => setCreating(true)}>
      <Plus /> New token
    </Button>
  );
  return (
    <Panel
      id="tokens"
      title="API tokens"
      description="For programs: they may do what you may. See /api/docs."
      actions={button}
      flush
    >
      {!list.data ? (
        list.isError ? (
          <LoadError error={list.error} retry={() => void list.refetch()} />
        ) : (
          <div className="p-5">
            <Skeleton className="h-10" />
          </div>
        )
      ) : list.data.length === 0 ? (
        <EmptyState icon={KeyRound} title="No tokens yet">
          Make one when a script or a device needs to talk to the API.
        </EmptyState>
      ) : (
        <ul className="divide-y">
          {list.data.map((it) => (
            <li key={it.id} className="flex items-center gap-3 px-5 py-3">
              <div className="min-w-0 flex-1">
                <p className="flex flex-wrap items-center gap-2 text-sm">
                  <span className="truncate font-medium">{it.label}</span>
                  <code className="text-ink-faint text-xs">{it.prefix}…</code>
                </p>
                <p className="text-ink-faint text-xs">
                  {it.expiresAt ? `ends ${moment(it.expiresAt)}` : 'no end'} ·{' '}
                  {it.lastUsedAt && now !== null ? `used ${relative(it.lastUsedAt, now)}` : 'never used'}
                </p>
              </div>
              <Button size="sm" aria-label={`Revoke ${it.label}`} onClick={() => setRevoking(it)}>
                Revoke
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Dialog open={creating} onOpenChange={setCreating} title="New API token">
        <CreateToken close={() => setCreating(false)} />
      </Dialog>
      <Confirm
        open={revoking !== null}
        onOpenChange={() => setRevoking(null)}
        title={`Revoke “${revoking?.label ?? ''}”?`}
        description="Programs that use it are refused from now on."
        action="Revoke"
        busy={revoke.isPending}
        onConfirm={() => revoking && revoke.mutate({ id: revoking.id })}
      />
    </Panel>
  );
}
