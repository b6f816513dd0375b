'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import {
  createProviderSchema,
  ownProviderKinds,
  type ProviderView,
  updateProviderSchema,
} from '../../shared/providers';
import { failureOf } from '../api/failure';
import { useMe } from '../api/me';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { Switch } from '../ui/switch';
import { kindFaces, readModelMap, writeModelMap } from './kinds';

type OwnKind = (typeof ownProviderKinds)[number];

function KindChoice({ kind, onChange }: { kind: OwnKind; onChange(kind: OwnKind): void }) {
  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 font-medium text-sm">Kind</legend>
      {ownProviderKinds.map((it) => {
        const { title, icon: Icon } = kindFaces[it];
        return (
          <label
            key={it}
            className={cx(
              'relative flex cursor-pointer items-center gap-2.5 rounded-md border px-3 py-2 text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent',
              it === kind ? 'border-accent bg-accent-soft' : 'border-line-strong hover:bg-sunken',
            )}
          >
            <input
              type="radio"
              name="kind"
              value={it}
              checked={it === kind}
              onChange={() => onChange(it)}
              className="sr-only"
            />
            <Icon className="size-4 shrink-0 text-ink-soft" aria-hidden />
            {title}
          </label>
        );
      })}
    </fieldset>
  );
}

/** Adds a provider, or changes the one that is given; its key is only ever replaced, never shown. */
export function ProviderForm({
  provider,
  onDone,
  onCancel,
}: {
  provider: ProviderView | null;
  onDone(provider: ProviderView): void;
  onCancel(): void;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const me = useMe();
  const [kind, setKind] = useState<OwnKind>(
    ownProviderKinds.find((it) => it === provider?.kind) ?? 'api_key',
  );
  const [shared, setShared] = useState(provider?.shared ?? false);
  const [problem, setProblem] = useState<{ field: string; text: string } | null>(null);
  const settled = {
    meta: { quiet: true },
    onSuccess: (view: ProviderView) => {
      void queries.invalidateQueries({ queryKey: trpc.providers.list.queryKey() });
      onDone(view);
    },
    onError: (error: unknown) => {
      const failure = failureOf(error);
      setProblem({
        field: failure.field ?? '',
        text: `${failure.title} ${failure.field ? '' : failure.next}`,
      });
    },
  };
  const create = useMutation(trpc.providers.create.mutationOptions(settled));
  const update = useMutation(trpc.providers.update.mutationOptions(settled));
  const face = kindFaces[kind];
  const compatible = kind === 'compatible';
  const of = (field: string) => (problem?.field === field ? problem.text : null);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const map = readModelMap(text('modelMap'));
    if (!map)
      return setProblem({ field: 'modelMap', text: 'Write one pair on each line: opus = their-name' });
    const rest = compatible ? { baseUrl: text('baseUrl'), auth: text('auth'), modelMap: map } : {};
    const common = { label: text('label'), shared, ...rest };
    const secret = text('secret');
    const read = provider
      ? updateProviderSchema.safeParse({ id: provider.id, ...common, ...(secret ? { secret } : {}) })
      : createProviderSchema.safeParse({ kind, ...common, secret });
    if (!read.success) {
      const [issue] = read.error.issues;
      return setProblem({
        field: String(issue?.path[0] ?? ''),
        text: issue?.message ?? 'This is not valid.',
      });
    }
    setProblem(null);
    if ('id' in read.data) update.mutate(read.data);
    else create.mutate(read.data);
  }
  return (
    <form className="grid gap-4" onSubmit={submit} noValidate autoComplete="off">
      {!provider && <KindChoice kind={kind} onChange={setKind} />}
      <p className="text-ink-soft text-sm">{face.help}</p>
      <Field label="Name" hint="To tell it from others when you choose" error={of('label')}>
        {(control) => (
          <Input
            {...control}
            name="label"
            maxLength={64}
            defaultValue={provider?.label}
            placeholder={face.title}
          />
        )}
      </Field>
      {compatible && (
        <Field label="Address" hint="Without /v1/messages" error={of('baseUrl')}>
          {(control) => (
            <Input
              {...control}
              name="baseUrl"
              inputMode="url"
              spellCheck={false}
              defaultValue={provider?.baseUrl ?? ''}
              placeholder="https://llm.example.com/anthropic"
              className="font-mono text-sm"
            />
          )}
        </Field>
      )}
      <Field
        label={face.secret ?? 'Key'}
        hint={provider ? `Empty: it stays as it is${provider.hint ? ` (${provider.hint})` : ''}` : undefined}
        error={of('secret')}
      >
        {(control) => (
          <Input
            {...control}
            name="secret"
            type="password"
            autoComplete="off"
            spellCheck={false}
            className="font-mono text-sm"
          />
        )}
      </Field>
      {compatible && (
        <>
          <Field label="How the key is sent" error={of('auth')}>
            {(control) => (
              <Select {...control} name="auth" defaultValue={provider?.auth ?? 'bearer'}>
                <option value="bearer">Authorization: Bearer</option>
                <option value="x-api-key">x-api-key</option>
              </Select>
            )}
          </Field>
          <Field
            label="Model names"
            hint="One pair on each line: what Claude Code asks for = what the host calls it. * stands for all others."
            error={of('modelMap')}
          >
            {(control) => (
              <textarea
                {...control}
                name="modelMap"
                rows={3}
                spellCheck={false}
                defaultValue={writeModelMap(provider?.modelMap ?? {})}
                placeholder={'claude-opus-5-5 = vendor/large\n* = vendor/small'}
                className="w-full rounded-md border border-line-strong bg-raised px-3 py-2 font-mono text-sm placeholder:text-ink-faint hover:border-ink-faint focus:border-accent aria-invalid:border-bad max-sm:text-[16px]"
              />
            )}
          </Field>
        </>
      )}
      {me.data?.role === 'admin' && (
        <Switch
          label="For everybody"
          hint="All users may choose it for their sessions. They never see its key."
          checked={shared}
          onChange={setShared}
        />
      )}
      {problem && !['label', 'secret', 'baseUrl', 'auth', 'modelMap'].includes(problem.field) && (
        <Note tone="bad">{problem.text}</Note>
      )}
      <DialogActions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={create.isPending || update.isPending}>
          {provider ? 'Save' : 'Add'}
        </Button>
      </DialogActions>
    </form>
  );
}
