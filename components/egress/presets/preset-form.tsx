'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleAlert, Eye } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import type { PresetPreview } from '../../../shared/egress-views';
import { type Grant, openPolicy } from '../../../shared/network-policy';
import { diffPolicies } from '../../../shared/policy-diff';
import type { PresetView } from '../../../shared/policy-presets';
import { failureOf } from '../../api/failure';
import { useTRPC } from '../../api/trpc';
import { Note } from '../../ui/banner';
import { Button } from '../../ui/button';
import { DialogActions } from '../../ui/dialog';
import { Field, Input } from '../../ui/field';
import { GrantList } from '../rules/grant-list';
import { History } from '../rules/history';
import { Preview } from '../rules/policy-editor';

const asPolicy = (grants: Grant[]) => ({ ...openPolicy, grants });

/** Edit, look at what it does everywhere it is taken in, save. */
export function PresetForm({
  preset,
  newest,
  close,
}: {
  /** As the dialog was opened with it. */
  preset: PresetView | null;
  newest: PresetView | null;
  close(): void;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [label, setLabel] = useState(preset?.label ?? '');
  const [grants, setGrants] = useState<Grant[]>(preset?.grants ?? []);
  const [note, setNote] = useState('');
  const [preview, setPreview] = useState<PresetPreview | null>(null);
  const versions = useQuery({
    ...trpc.policies.presetVersions.queryOptions({ id: preset?.id ?? '' }),
    enabled: preset !== null,
  });
  const settled = () => queries.invalidateQueries({ queryKey: trpc.policies.pathKey() });
  const saved = ({ preset: it, tasks }: { preset: PresetView; tasks: unknown[] }) => {
    const follow = tasks.length === 1 ? 'sandbox follows' : 'sandboxes follow';
    toast.success(`${it.label} is saved${tasks.length === 0 ? '.' : `; ${tasks.length} running ${follow}.`}`);
    close();
  };
  const look = useMutation(
    trpc.policies.previewPreset.mutationOptions({ meta: { quiet: true }, onSuccess: setPreview }),
  );
  const save = useMutation(
    trpc.policies.savePreset.mutationOptions({
      meta: { quiet: true },
      onSuccess: saved,
      onSettled: settled,
    }),
  );
  const rollBack = useMutation(
    trpc.policies.rollBackPreset.mutationOptions({
      meta: { quiet: true },
      onSuccess: saved,
      onSettled: settled,
    }),
  );
  const error = look.error ?? save.error;
  const failure = error ? failureOf(error) : null;
  const input = {
    ...(preset ? { id: preset.id } : {}),
    ...{ baseVersion: preset?.version ?? 0, label: label.trim(), grants, note: note.trim() },
  };
  const fits = preview !== null && preview.problems.length === 0;
  function edited() {
    setPreview(null);
    look.reset();
    save.reset();
  }
  return (
    <form
      className="grid gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        if (fits) save.mutate(input);
        else look.mutate(input);
      }}
    >
      <Field label="Name">
        {(control) => (
          <Input
            {...control}
            required
            maxLength={64}
            value={label}
            onChange={(event) => {
              setLabel(event.target.value);
              edited();
            }}
          />
        )}
      </Field>
      <GrantList
        entries={grants}
        empty="Nothing is granted yet."
        onChange={(next) => {
          setGrants(next);
          edited();
        }}
      />
      {preview && (
        <>
          <Preview preview={preview} />
          <p className="break-words text-ink-soft text-sm">
            {preview.policies.length === 0
              ? 'No rules take it in yet.'
              : `A new version of the rules of ${preview.policies.join(', ')}.`}
          </p>
        </>
      )}
      {fits && (
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
      {failure && (
        <Note tone="bad" icon={CircleAlert}>
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      {newest && versions.data && versions.data.length > 1 && (
        <section aria-label="History" className="grid gap-2">
          <h3 className="font-medium text-sm">History</h3>
          <History
            versions={versions.data}
            current={newest.version}
            difference={(to) => diffPolicies(asPolicy(newest.grants), asPolicy(to.grants))}
            busy={rollBack.isPending}
            failure={rollBack.error ? failureOf(rollBack.error) : null}
            goBack={(version, done) => rollBack.mutate({ id: newest.id, version }, { onSuccess: done })}
            leave={rollBack.reset}
          />
        </section>
      )}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        {fits ? (
          <Button type="submit" look="primary" busy={save.isPending}>
            Save
          </Button>
        ) : (
          <Button type="submit" look="primary" busy={look.isPending} disabled={label.trim() === ''}>
            <Eye /> Look at the change
          </Button>
        )}
      </DialogActions>
    </form>
  );
}
