'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { roleSchema } from '../../shared/views';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { endOfDay } from './expiry-date';
import type { Made } from './made';

export function CreateUser({ close, onMade }: { close(): void; onMade(made: Made): void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const create = useMutation(
    trpc.users.create.mutationOptions({
      meta: { quiet: true },
      onSuccess: ({ user, password }) => {
        void queries.invalidateQueries({ queryKey: trpc.users.list.queryKey() });
        onMade({ username: user.username, password });
      },
    }),
  );
  const failure = create.error ? failureOf(create.error) : null;
  const name = failure?.field === 'username' || failure?.code === 'name_taken';
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    create.mutate({
      username: String(form.get('username')).trim().toLowerCase(),
      role: roleSchema.parse(form.get('role')),
      expiresAt: endOfDay(String(form.get('expires') ?? '')),
    });
  }
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <Field
        label="User name"
        hint="3 to 40 lower-case letters, digits and . _ - inside"
        error={name ? failure?.title : null}
      >
        {(control) => (
          <Input
            {...control}
            name="username"
            required
            minLength={3}
            maxLength={40}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
        )}
      </Field>
      <Field label="Role" hint="Administrators see and may do everything.">
        {(control) => (
          <Select {...control} name="role" defaultValue="user">
            <option value="user">User</option>
            <option value="admin">Administrator</option>
          </Select>
        )}
      </Field>
      <Field label="Account ends" hint="Empty: never. It ends with that day.">
        {(control) => <Input {...control} name="expires" type="date" />}
      </Field>
      {failure && !name && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={create.isPending}>
          Create user
        </Button>
      </DialogActions>
    </form>
  );
}
