'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { DialogActions } from '../ui/dialog';
import { Field, Input } from '../ui/field';

export function AddSshKey({ close }: { close(): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const add = useMutation(
    trpc.sshKeys.add.mutationOptions({
      meta: { quiet: true },
      onSuccess: async () => {
        await queries.invalidateQueries({ queryKey: trpc.sshKeys.get.queryKey() });
        close();
      },
    }),
  );
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const label = String(form.get('label')).trim();
    add.mutate({ publicKey: String(form.get('key')), ...(label === '' ? {} : { label }) });
  }
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <Field
        label="Public key"
        hint={
          <>
            The line in <code>~/.ssh/id_ed25519.pub</code>. None there? Make one:{' '}
            <code>ssh-keygen -t ed25519</code>
          </>
        }
        error={add.error?.message}
      >
        {(control) => (
          <textarea
            {...control}
            name="key"
            required
            rows={5}
            maxLength={8192}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            placeholder="ssh-ed25519 AAAA… you@laptop"
            className="w-full resize-y break-all rounded-md border border-line-strong bg-raised px-3 py-2 font-mono text-ink text-xs placeholder:text-ink-faint hover:border-ink-faint focus:border-accent focus-visible:outline-2 focus-visible:outline-offset-0 aria-invalid:border-bad max-sm:text-[16px]"
          />
        )}
      </Field>
      <Field label="Name" hint="Else the comment at the end of the line.">
        {(control) => <Input {...control} name="label" maxLength={64} placeholder="Laptop" />}
      </Field>
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={add.isPending}>
          Add key
        </Button>
      </DialogActions>
    </form>
  );
}
