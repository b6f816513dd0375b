'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { type FormEvent, useState } from 'react';
import type { Me } from '../../shared/views';
import { RegionFields } from '../account/region-fields';
import { type Failure, failureOf } from '../api/failure';
import { useMe } from '../api/me';
import { randomId } from '../api/random-id';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input } from '../ui/field';
import { Switch } from '../ui/switch';
import { defaultLimits, LimitsFields, limitsText, parseLimits } from './limits-fields';

export function CreateDialog({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const me = useMe();
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="New sandbox"
      description="Everything here has a sensible default and can be changed later."
    >
      {me.data && <CreateForm me={me.data} close={() => onOpenChange(false)} />}
    </Dialog>
  );
}

function CreateForm({ me, close }: { me: Me; close(): void }) {
  const trpc = useTRPC();
  const router = useRouter();
  const queries = useQueryClient();
  const [key] = useState(randomId);
  const [name, setName] = useState('');
  const [limits, setLimits] = useState(() => limitsText(defaultLimits));
  const [sudo, setSudo] = useState(true);
  const [openClaude, setOpenClaude] = useState(true);
  const [region, setRegion] = useState({ timezone: me.timezone, locale: me.locale });
  const create = useMutation(
    trpc.sandboxes.create.mutationOptions({
      meta: { quiet: true },
      onSuccess: (sandbox) => {
        queries.setQueryData(trpc.sandboxes.get.queryKey({ id: sandbox.id }), sandbox);
        void queries.invalidateQueries({ queryKey: trpc.sandboxes.list.queryKey() });
        close();
        router.push(`/sandboxes/${sandbox.id}`);
      },
    }),
  );
  const parsed = parseLimits(limits);
  const failure: Failure | null = create.error ? failureOf(create.error) : null;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!parsed) return;
    create.mutate({
      ...(name.trim() ? { name } : {}),
      limits: parsed,
      sudo,
      openClaude,
      ...region,
      idempotencyKey: key,
    });
  }

  return (
    <form onSubmit={submit} className="grid gap-5">
      <Field
        label="Name"
        hint="Empty: one is made up"
        error={failure?.field === 'name' || failure?.code === 'name_taken' ? failure.title : null}
      >
        {(control) => (
          <Input {...control} value={name} maxLength={64} onChange={(event) => setName(event.target.value)} />
        )}
      </Field>
      <LimitsFields value={limits} onChange={setLimits} />
      <div className="grid gap-4 sm:grid-cols-2 sm:gap-3">
        <RegionFields value={region} onChange={setRegion} />
      </div>
      <Switch
        label="Allow sudo"
        hint="Root inside changes nothing outside: the sandbox is the boundary."
        checked={sudo}
        onChange={setSudo}
      />
      <Switch label="Open a Claude session at once" checked={openClaude} onChange={setOpenClaude} />
      {failure && failure.code !== 'name_taken' && failure.field !== 'name' && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" disabled={!parsed} busy={create.isPending}>
          Create sandbox
        </Button>
      </DialogActions>
    </form>
  );
}
