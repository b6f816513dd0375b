'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleAlert, Eye, GitCompareArrows, TriangleAlert } from 'lucide-react';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import type { PolicyPreview, PolicyView } from '../../../shared/egress-views';
import type { WrittenPolicy } from '../../../shared/policy-presets';
import { failureOf } from '../../api/failure';
import { LoadError } from '../../api/load-state';
import { useTRPC } from '../../api/trpc';
import { Badge, Note } from '../../ui/banner';
import { Button } from '../../ui/button';
import { Field, Input } from '../../ui/field';
import { Panel, Skeleton } from '../../ui/panel';
import { moment } from '../../ui/time';
import { PolicyFields } from './policy-fields';
import { PolicyVersions } from './policy-versions';
import type { PolicyPlace } from './rules';

/** Edit, look at what it does, apply. */
export function PolicyEditor({ place }: { place: PolicyPlace }) {
  const trpc = useTRPC();
  const stored = useQuery(trpc.policies.get.queryOptions(place));
  if (stored.isPending)
    return (
      <div role="status" aria-label="Loading the rules">
        <Skeleton className="h-96" />
      </div>
    );
  if (!stored.data)
    return <LoadError error={stored.error} retry={() => void stored.refetch()} busy={stored.isFetching} />;
  return <Loaded stored={stored.data} place={place} />;
}

function Loaded({ stored, place }: { stored: PolicyView; place: PolicyPlace }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [base, setBase] = useState(stored);
  const [draft, setDraft] = useState<WrittenPolicy>(stored.policy);
  const [note, setNote] = useState('');
  const [preview, setPreview] = useState<PolicyPreview | null>(null);
  const dirty = JSON.stringify(draft) !== JSON.stringify(base.policy);
  const outdated = stored.version !== base.version;
  // Nothing of one's own is at stake: follow.
  useEffect(() => {
    if (!outdated || dirty) return;
    setBase(stored);
    setDraft(stored.policy);
  }, [outdated, dirty, stored]);

  const change = { ...place, baseVersion: base.version, policy: draft, note: note.trim() };
  const refresh = () => queries.invalidateQueries({ queryKey: trpc.policies.pathKey() });
  const look = useMutation(
    trpc.policies.preview.mutationOptions({ meta: { quiet: true }, onSuccess: setPreview }),
  );
  const save = useMutation(
    trpc.policies.save.mutationOptions({
      meta: { quiet: true },
      onSuccess: ({ policy, tasks }) => {
        queries.setQueryData(trpc.policies.get.queryKey(place), policy);
        setBase(policy);
        setDraft(policy.policy);
        setPreview(null);
        setNote('');
        toast.success(
          tasks.length === 0
            ? 'Applied.'
            : `Applied; ${tasks.length} running ${tasks.length === 1 ? 'sandbox follows' : 'sandboxes follow'}.`,
        );
      },
      onSettled: refresh,
    }),
  );
  const error = look.error ?? save.error;
  const failure = error ? failureOf(error) : null;
  const conflict = failure?.code === 'conflict' || (outdated && dirty);
  function edit(policy: WrittenPolicy) {
    setDraft(policy);
    setPreview(null);
    look.reset();
    save.reset();
  }
  return (
    <div className="grid min-w-0 items-start gap-5 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <div className="grid min-w-0 gap-5">
        <PolicyFields policy={draft} onChange={edit} />
      </div>
      <div className="grid min-w-0 gap-5 lg:sticky lg:top-16">
        <Panel
          id="apply"
          title={base.targetName}
          description={
            base.version === 0
              ? 'Nothing saved yet: all names, no exceptions.'
              : `Version ${base.version}${base.updatedAt ? `, ${moment(base.updatedAt)}` : ''}${base.updatedBy ? `, by ${base.updatedBy}` : ''}`
          }
          actions={dirty ? <Badge tone="warn">Not applied</Badge> : undefined}
        >
          <div className="grid gap-4">
            {conflict ? (
              <Conflict
                by={stored.updatedBy}
                version={stored.version}
                theirs={() => {
                  setBase(stored);
                  edit(stored.policy);
                }}
                mine={() => {
                  setBase(stored);
                  edit(draft);
                }}
              />
            ) : failure ? (
              <Note tone="bad" icon={CircleAlert}>
                <strong>{failure.title}</strong> {failure.next}
              </Note>
            ) : null}
            {preview && <Preview preview={preview} />}
            {!preview && !conflict && !failure && (
              <p className="text-ink-soft text-sm">
                {dirty
                  ? 'See what changes before it is applied.'
                  : 'Change something to see here what it does.'}
              </p>
            )}
            {preview && preview.problems.length === 0 && (
              <Field label="Note" hint="Why, for the history.">
                {(control) => (
                  <Input
                    {...control}
                    maxLength={200}
                    value={note}
                    onChange={(event) => setNote(event.target.value)}
                  />
                )}
              </Field>
            )}
            <div className="flex flex-wrap gap-2">
              {preview && preview.problems.length === 0 && !conflict ? (
                <Button look="primary" busy={save.isPending} onClick={() => save.mutate(change)}>
                  Apply
                </Button>
              ) : (
                <Button
                  look="primary"
                  disabled={!dirty || conflict}
                  busy={look.isPending}
                  onClick={() => look.mutate(change)}
                >
                  <Eye /> Look at the change
                </Button>
              )}
              <Button disabled={!dirty} onClick={() => edit(base.policy)}>
                Undo
              </Button>
            </div>
          </div>
        </Panel>
        <PolicyVersions place={place} current={stored} />
      </div>
    </div>
  );
}

function Conflict({
  by,
  version,
  theirs,
  mine,
}: {
  by: string | null;
  version: number;
  theirs(): void;
  mine(): void;
}) {
  return (
    <Note tone="warn" icon={GitCompareArrows}>
      <p>
        <strong>{by ?? 'Somebody'} changed this meanwhile</strong> (version {version}). Nothing of yours is
        lost.
      </p>
      <div className="mt-2 flex flex-wrap gap-2">
        <Button size="sm" onClick={theirs}>
          Take theirs
        </Button>
        <Button size="sm" onClick={mine}>
          Keep mine and compare
        </Button>
      </div>
    </Note>
  );
}

function Lines({ sign, lines, tone }: { sign: string; lines: readonly string[]; tone: string }) {
  return lines.map((it) => (
    <li key={`${sign}${it}`} className={`flex gap-2 break-words ${tone}`}>
      <span aria-hidden className="font-mono">
        {sign}
      </span>
      <span className="sr-only">{sign === '+' ? 'added: ' : 'removed: '}</span>
      <span className="min-w-0 break-words">{it}</span>
    </li>
  ));
}

/** What a change does: lines that come and go, what speaks against it, and who feels it. */
export function Preview({ preview }: { preview: PolicyPreview }) {
  const { added, removed, problems, warnings, affects } = preview;
  return (
    <div className="grid gap-3 text-sm" aria-live="polite">
      <ul aria-label="Changes" className="grid gap-1">
        <Lines sign="+" lines={added} tone="text-good" />
        <Lines sign="−" lines={removed} tone="text-bad" />
        {added.length + removed.length === 0 && <li className="text-ink-soft">Nothing changes.</li>}
      </ul>
      {problems.map((it) => (
        <Note key={it} tone="bad" icon={CircleAlert}>
          {it}
        </Note>
      ))}
      {problems.length > 0 && (
        <p className="text-ink-soft">
          {problems.length === 1 ? 'Mend this' : 'Mend these'} first; nothing is applied while{' '}
          {problems.length === 1 ? 'it is' : 'they are'} here.
        </p>
      )}
      {warnings.map((it) => (
        <Note key={it} tone="warn" icon={TriangleAlert}>
          {it}
        </Note>
      ))}
      <p className="text-ink-soft">
        {affects.length === 0
          ? 'No running sandbox feels it.'
          : `Changes at once for ${affects.slice(0, 8).join(', ')}${affects.length > 8 ? ` and ${affects.length - 8} more` : ''}.`}
      </p>
    </div>
  );
}
