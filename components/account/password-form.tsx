'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { toast } from 'sonner';
import { PASSWORD_MIN_CHARS } from '../../shared/limits';
import { passwordSchema } from '../../shared/views';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Field, Input } from '../ui/field';

export function PasswordForm({
  action = 'Change password',
  username,
}: {
  action?: string;
  username: string;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const [problem, setProblem] = useState<{ field: 'next' | 'again'; text: string } | null>(null);
  const change = useMutation(
    trpc.account.changePassword.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => {
        form.current?.reset();
        toast.success('The password is changed.', { description: 'All other browsers are signed out.' });
        void queries.invalidateQueries({ queryKey: trpc.account.pathKey() });
      },
    }),
  );
  const failure = change.error ? failureOf(change.error) : null;
  const wrong = failure?.code === 'invalid_credentials' || failure?.field === 'current';

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const next = String(data.get('next'));
    const checked = passwordSchema.safeParse(next);
    if (!checked.success)
      return setProblem({
        field: 'next',
        text: checked.error.issues[0]?.message ?? 'Choose another password.',
      });
    if (next !== String(data.get('again'))) return setProblem({ field: 'again', text: 'The two differ.' });
    setProblem(null);
    change.mutate({ current: String(data.get('current')), next });
  }

  return (
    <form ref={form} onSubmit={submit} className="grid max-w-sm gap-4">
      {/* Lets a password manager know whose password this is. */}
      <input type="text" name="username" autoComplete="username" defaultValue={username} hidden readOnly />
      <Field label="Present password" error={wrong ? 'This is not your present password.' : null}>
        {(control) => (
          <Input {...control} name="current" type="password" autoComplete="current-password" required />
        )}
      </Field>
      <Field
        label="New password"
        hint={`At least ${PASSWORD_MIN_CHARS} characters`}
        error={problem?.field === 'next' ? problem.text : null}
      >
        {(control) => <Input {...control} name="next" type="password" autoComplete="new-password" required />}
      </Field>
      <Field label="New password again" error={problem?.field === 'again' ? problem.text : null}>
        {(control) => (
          <Input {...control} name="again" type="password" autoComplete="new-password" required />
        )}
      </Field>
      {failure && !wrong && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <Button type="submit" look="primary" busy={change.isPending} className="justify-self-start">
        {action}
      </Button>
    </form>
  );
}
