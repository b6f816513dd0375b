'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { type Scope, scopes } from '../../shared/scopes';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { ShownOnce } from '../ui/copy-button';
import { DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { fits, presets } from './scope-choices';
import { ScopeTable } from './scope-table';

const lifetimes = [
  ['24', 'A day'],
  ['720', '30 days'],
  ['2160', '90 days'],
  ['8760', 'A year'],
  ['', 'No end'],
] as const;

export function CreateToken({ close }: { close(): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const me = useQuery(trpc.account.me.queryOptions());
  const sandboxes = useQuery(trpc.sandboxes.list.queryOptions({}));
  const [preset, setPreset] = useState('all');
  const [sandboxId, setSandboxId] = useState('');
  const [noScope, setNoScope] = useState(false);
  const create = useMutation(
    trpc.tokens.create.mutationOptions({
      // Told in the form.
      meta: { quiet: true },
      onSuccess: () => queries.invalidateQueries({ queryKey: trpc.tokens.list.queryKey() }),
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
  const chosen = presets.find((it) => it.id === preset);
  const offered = scopes.filter(
    (it) => it !== '*' && fits(it, sandboxId !== '') && (it !== 'admin' || me.data?.role === 'admin'),
  );
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const hours = String(form.get('hours'));
    // The boxes are made from the list of scopes.
    const given = preset === 'own' ? (form.getAll('scope') as Scope[]) : [...(chosen?.scopes ?? [])];
    setNoScope(given.length === 0);
    if (given.length === 0) return;
    create.mutate({
      label: String(form.get('label')).trim(),
      scopes: given,
      sandboxId: sandboxId === '' ? null : sandboxId,
      ttlHours: hours === '' ? null : Number(hours),
    });
  }
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <Field label="What is it for?">
        {(control) => <Input {...control} name="label" required maxLength={64} placeholder="Laptop, CI, …" />}
      </Field>
      <Field label="It may" hint={chosen?.hint}>
        {(control) => (
          <Select {...control} value={preset} onChange={(event) => setPreset(event.target.value)}>
            {presets.map((it) => (
              <option key={it.id} value={it.id}>
                {it.label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {preset === 'own' && <ScopeTable offered={offered} changed={() => setNoScope(false)} />}
      {noScope && preset === 'own' && <Note tone="bad">Choose at least one scope.</Note>}
      <Field label="In">
        {(control) => (
          <Select {...control} value={sandboxId} onChange={(event) => setSandboxId(event.target.value)}>
            <option value="">All your sandboxes</option>
            {sandboxes.data?.map((it) => (
              <option key={it.id} value={it.id}>
                Only {it.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Ends after">
        {(control) => (
          <Select {...control} name="hours" defaultValue="2160">
            {lifetimes.map(([hours, text]) => (
              <option key={hours} value={hours}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {create.error && <Note tone="bad">{told(create.error)}</Note>}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={create.isPending}>
          Create token
        </Button>
      </DialogActions>
    </form>
  );
}

function told(error: unknown): string {
  const { title, next } = failureOf(error);
  return `${title} ${next}`;
}
