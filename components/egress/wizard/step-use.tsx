'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowRight } from 'lucide-react';
import { useEffect, useState } from 'react';
import { failureOf } from '../../api/failure';
import { useTRPC } from '../../api/trpc';
import { Note } from '../../ui/banner';
import { Button } from '../../ui/button';
import { DialogActions } from '../../ui/dialog';
import { Field, Input, Select } from '../../ui/field';
import { Choice, type Target, TargetSelect, targetWords, useTargets } from '../targets';
import type { StepProps } from './wizard';

type Use = 'nobody' | 'pool' | Target;
const NEW_POOL = '';

export function StepUse({ draft, change }: StepProps) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const choices = useTargets();
  const pools = useQuery(trpc.egress.pools.queryOptions());
  const several = draft.saved.length > 1;
  const [use, setUse] = useState<Use>(several ? 'pool' : 'sandbox');
  const [targetId, setTargetId] = useState('');
  const [poolId, setPoolId] = useState(NEW_POOL);
  const [poolName, setPoolName] = useState('');
  const [first] = draft.saved;
  // Where there is only one, nobody has to choose it.
  const lone = choices.sandbox.length === 1 ? choices.sandbox[0]?.id : undefined;
  useEffect(() => {
    if (lone !== undefined) setTargetId((it) => it || lone);
  }, [lone]);

  const settled = () => queries.invalidateQueries({ queryKey: trpc.egress.pathKey() });
  const bind = useMutation(
    trpc.egress.bind.mutationOptions({
      meta: { quiet: true },
      onSuccess: (tasks) =>
        change({ step: 'proof', followers: [...new Set(tasks.map((it) => it.sandboxId))] }),
      onSettled: settled,
    }),
  );
  const savePool = useMutation(
    trpc.egress.savePool.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => change({ step: 'proof', followers: [] }),
      onSettled: settled,
    }),
  );
  const error = bind.error ?? savePool.error;
  const failure = error ? failureOf(error) : null;
  const options = [
    ...(several
      ? []
      : (['sandbox', 'user', 'workspace', 'everyone'] as const).map((it) => ({
          value: it,
          ...targetWords[it],
        }))),
    { value: 'pool' as const, title: 'A pool', hint: 'Several ways out that stand in for each other.' },
    { value: 'nobody' as const, title: 'Nobody yet', hint: 'Assign it later under “Who goes where”.' },
  ];
  const existing = pools.data?.find((it) => it.id === poolId);
  const ready =
    use === 'nobody' ||
    use === 'everyone' ||
    (use === 'pool' ? existing !== undefined || poolName.trim() !== '' : targetId !== '');
  const now =
    use === 'everyone'
      ? choices.sandboxes.filter((it) => it.state === 'running').length
      : use === 'sandbox'
        ? choices.sandboxes.filter((it) => it.id === targetId && it.state === 'running').length
        : 0;

  function submit() {
    if (!first || !ready) return;
    if (use === 'nobody') return change({ step: 'proof', followers: [] });
    const ids = draft.saved.map((it) => it.id);
    if (use !== 'pool')
      return bind.mutate({
        target: use,
        targetId: use === 'everyone' ? '' : targetId,
        egressId: first.id,
        poolId: null,
      });
    if (existing)
      savePool.mutate({
        id: existing.id,
        label: existing.label,
        strategy: existing.strategy,
        failover: existing.failover,
        egressIds: [...existing.members.map((it) => it.egressId), ...ids],
      });
    else savePool.mutate({ label: poolName.trim(), strategy: 'order', failover: true, egressIds: ids });
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Note tone="good">
        <strong>Saved:</strong> {draft.saved.map((it) => it.label).join(', ')}.
      </Note>
      <Choice
        legend="Who uses it"
        name="use"
        options={options}
        value={use}
        onChange={(it) => {
          setUse(it);
          setTargetId(it === 'sandbox' ? (lone ?? '') : '');
        }}
      />
      {use !== 'nobody' && use !== 'pool' && (
        <TargetSelect place={{ target: use, targetId }} choices={choices} onChange={setTargetId} />
      )}
      {use === 'pool' && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Pool">
            {(control) => (
              <Select {...control} value={poolId} onChange={(event) => setPoolId(event.target.value)}>
                <option value={NEW_POOL}>A new pool</option>
                {pools.data?.map((it) => (
                  <option key={it.id} value={it.id}>
                    {it.label}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {poolId === NEW_POOL && (
            <Field label="Name of the pool" hint="The first that works is taken; the next one stands in.">
              {(control) => (
                <Input
                  {...control}
                  maxLength={64}
                  value={poolName}
                  onChange={(event) => setPoolName(event.target.value)}
                />
              )}
            </Field>
          )}
        </div>
      )}
      {now > 0 && (
        <p className="text-ink-soft text-sm">
          {now === 1 ? 'It runs now' : `${now} of them run now`}: open connections are cut, programs and
          terminals go on, and nothing leaves until the new way is proven.
        </p>
      )}
      {failure && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <DialogActions>
        <Button type="submit" look="primary" disabled={!ready} busy={bind.isPending || savePool.isPending}>
          {use === 'nobody' ? 'Go on' : 'Assign it'} <ArrowRight />
        </Button>
      </DialogActions>
    </form>
  );
}
