'use client';

import { useQuery } from '@tanstack/react-query';
import type { bindingTargets } from '../../shared/egress-views';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { cx } from '../ui/cx';
import { Field, Select } from '../ui/field';

export type Target = (typeof bindingTargets)[number];
export interface Place {
  target: Target;
  /** Empty for `everyone`, and while nothing is chosen. */
  targetId: string;
}
export interface Choices {
  sandbox: { id: string; name: string }[];
  user: { id: string; name: string }[];
  workspace: { id: string; name: string }[];
  sandboxes: SandboxView[];
  pending: boolean;
}

/** Everything that something can be bound to. An administrator sees all sandboxes, and by them all workspaces in use. */
export function useTargets(): Choices {
  const trpc = useTRPC();
  const users = useQuery(trpc.users.list.queryOptions());
  const sandboxes = useQuery(trpc.sandboxes.list.queryOptions({ all: true }));
  const own = useQuery(trpc.workspaces.list.queryOptions());
  const workspaces = new Map((own.data ?? []).map((it) => [it.id, it.name]));
  for (const it of sandboxes.data ?? []) workspaces.set(it.workspaceId, it.workspaceName);
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  return {
    sandbox: (sandboxes.data ?? [])
      .map((it) => ({ id: it.id, name: `${it.name} (${it.ownerName})` }))
      .sort(byName),
    user: (users.data ?? []).map((it) => ({ id: it.id, name: it.username })).sort(byName),
    workspace: [...workspaces].map(([id, name]) => ({ id, name })).sort(byName),
    sandboxes: sandboxes.data ?? [],
    pending: users.isPending || sandboxes.isPending || own.isPending,
  };
}

export const targetWords: Record<Target, { title: string; hint: string }> = {
  sandbox: { title: 'One sandbox', hint: 'Beats everything else.' },
  user: { title: 'One user', hint: 'All sandboxes they own.' },
  workspace: { title: 'One workspace', hint: 'All sandboxes in it.' },
  everyone: { title: 'Everyone', hint: 'All that have nothing nearer.' },
};

/** A row of choices that is one radio group. */
export function Choice<T extends string>({
  legend,
  name,
  options,
  value,
  onChange,
}: {
  legend: string;
  name: string;
  options: readonly { value: T; title: string; hint: string }[];
  value: T;
  onChange(value: T): void;
}) {
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1.5 font-medium text-sm">{legend}</legend>
      <div className={cx('grid gap-2', options.length === 3 ? 'sm:grid-cols-3' : 'sm:grid-cols-2')}>
        {options.map((it) => (
          <label
            key={it.value}
            className={cx(
              'flex items-start gap-2.5 rounded-md border px-3 py-2 text-sm transition-colors has-focus-visible:outline-2 has-focus-visible:outline-accent',
              value === it.value ? 'border-accent bg-accent-soft' : 'hover:border-line-strong',
            )}
          >
            <input
              type="radio"
              name={name}
              className="mt-0.5 size-4 shrink-0 accent-accent"
              checked={value === it.value}
              onChange={() => onChange(it.value)}
            />
            <span className="min-w-0">
              <span className="block font-medium">{it.title}</span>
              <span className="block text-ink-soft text-xs">{it.hint}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Which one of that kind; nothing for `everyone`. */
export function TargetSelect({
  place,
  choices,
  onChange,
}: {
  place: Place;
  choices: Choices;
  onChange(targetId: string): void;
}) {
  const { target } = place;
  if (target === 'everyone') return null;
  const list = choices[target];
  const empty = !choices.pending && list.length === 0;
  return (
    <Field
      label={target === 'sandbox' ? 'Sandbox' : target === 'user' ? 'User' : 'Workspace'}
      hint={empty ? `There is no ${target} yet.` : undefined}
    >
      {(control) => (
        <Select {...control} value={place.targetId} onChange={(event) => onChange(event.target.value)}>
          <option value="">{choices.pending ? 'Loading…' : 'Choose…'}</option>
          {list.map((it) => (
            <option key={it.id} value={it.id}>
              {it.name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}
