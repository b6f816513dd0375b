'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ArrowLeft, Pencil, RotateCw, Save } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { EgressView } from '../../../shared/egress-views';
import { failureOf } from '../../api/failure';
import { useTRPC } from '../../api/trpc';
import { Note } from '../../ui/banner';
import { Button } from '../../ui/button';
import { DialogActions } from '../../ui/dialog';
import { Switch } from '../../ui/switch';
import { ProofRunView } from '../proof-run';
import { idleRun, type ProofRun, useProofRun } from '../use-proof-run';
import { VerdictBadge } from '../verdict';
import type { Item } from './draft';
import type { StepProps } from './wizard';

const done = (run: ProofRun | undefined) => run?.state === 'ended' || run?.state === 'canceled';

/** Tests what was chosen, one after another, and saves it. A red test does not forbid to save. */
export function StepTest({ draft, change }: StepProps) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const { items, runs } = draft;
  const { run, start, cancel } = useProofRun();
  const [current, setCurrent] = useState<string | null>(null);
  const [stopped, setStopped] = useState(false);
  const latest = useRef(runs);
  latest.current = runs;

  async function testOne(item: Item): Promise<ProofRun> {
    setCurrent(item.key);
    const body = { label: item.label.slice(0, 64), config: item.config };
    const ended = await start('/api/egresses/test', body);
    change({ runs: { ...latest.current, [item.key]: ended } });
    latest.current = { ...latest.current, [item.key]: ended };
    return ended;
  }
  const began = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the step is entered
  useEffect(() => {
    let left = false;
    if (!began.current) {
      began.current = true;
      void (async () => {
        for (const item of items) {
          if (left || done(latest.current[item.key])) continue;
          const ended = await testOne(item);
          if (ended.state === 'canceled') {
            setStopped(true);
            return;
          }
        }
        setCurrent(null);
      })();
    }
    return () => {
      left = true;
      // React runs an effect twice in development: the second time it has to begin anew.
      began.current = false;
    };
  }, []);

  const actions = useRef<HTMLDivElement>(null);
  const ended = run.state === 'ended';
  useEffect(() => {
    if (ended) actions.current?.scrollIntoView({ block: 'nearest' });
  }, [ended]);

  const saved = (views: EgressView[]) => {
    void queries.invalidateQueries({ queryKey: trpc.egress.pathKey() });
    change({ saved: views, step: 'use' });
  };
  const create = useMutation(
    trpc.egress.create.mutationOptions({ meta: { quiet: true }, onSuccess: (it) => saved([it]) }),
  );
  const importAll = useMutation(
    trpc.egress.import.mutationOptions({ meta: { quiet: true }, onSuccess: saved }),
  );
  const error = create.error ?? importAll.error;
  const failure = error ? failureOf(error) : null;
  const only = items.length === 1 ? items[0] : undefined;
  const shown = (item: Item): ProofRun =>
    item.key === current && run.state === 'running' ? run : (runs[item.key] ?? idleRun);
  const running = run.state === 'running';
  const proof = only ? shown(only).proof : null;
  const anyRed = items.some((it) => shown(it).failure !== null || shown(it).proof?.verdict === 'red');
  const sound = proof?.verdict === 'green';

  function save() {
    cancel();
    if (only) {
      const expectedAddress = draft.pin ? (proof?.exitAddress ?? null) : null;
      create.mutate({ label: only.label.slice(0, 64), config: only.config, expectedAddress });
    } else
      importAll.mutate({
        text: draft.text,
        lines: items.flatMap((it) => (it.line === null ? [] : [it.line])),
      });
  }
  return (
    <div className="grid gap-4">
      {only ? (
        <>
          <p className="truncate font-medium">{only.label}</p>
          <ProofRunView run={shown(only)} kind="test" cancel={cancel} />
        </>
      ) : (
        <ul aria-label="Tests" className="grid max-h-[50dvh] gap-1 overflow-y-auto">
          {items.map((it) => (
            <ManyLine key={it.key} item={it} run={shown(it)} />
          ))}
        </ul>
      )}
      {proof?.exitAddress && (
        <Switch
          label={`Insist on ${proof.exitAddress}`}
          hint="Another exit address is then a failed proof, and fences. Leave it off where the address changes."
          checked={draft.pin}
          onChange={(pin) => change({ pin })}
        />
      )}
      {failure && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      {!running && anyRed && (
        <p className="text-ink-soft text-sm">
          Go back to mend it, or save it all the same: a sandbox that is assigned to it stays fenced until its
          proof is green.
        </p>
      )}
      <DialogActions>
        <Button
          onClick={() => {
            cancel();
            change({ step: draft.from === 'form' ? 'source' : 'choose', runs: {} });
          }}
        >
          {draft.from === 'form' ? <Pencil /> : <ArrowLeft />} Back
        </Button>
        {running ? (
          !only && <Button onClick={cancel}>Stop the tests</Button>
        ) : (
          <Button
            onClick={() => {
              setStopped(false);
              void (async () => {
                for (const item of items)
                  if (only || !done(latest.current[item.key]) || stopped)
                    if ((await testOne(item)).state === 'canceled') return;
              })();
            }}
          >
            <RotateCw /> Test again
          </Button>
        )}
        <Button
          look={sound || !only || !running ? 'primary' : 'secondary'}
          busy={create.isPending || importAll.isPending}
          onClick={save}
        >
          <Save /> {running ? 'Save without waiting' : anyRed ? 'Save all the same' : 'Save'}
        </Button>
      </DialogActions>
      <div ref={actions} />
    </div>
  );
}

function ManyLine({ item, run }: { item: Item; run: ProofRun }) {
  const last = run.steps.at(-1);
  const text =
    run.state === 'running'
      ? (last?.message ?? 'Asking the host')
      : (run.failure?.title ??
        run.proof?.reason ??
        run.proof?.exitAddress ??
        (run.state === 'canceled' ? 'Stopped' : 'Waits'));
  return (
    <li className="flex items-center gap-3 rounded-md border px-3 py-2 text-sm">
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium">{item.label}</span>
        <span className="block truncate text-ink-soft text-xs" title={text}>
          {text}
        </span>
      </span>
      {run.state === 'running' ? (
        <span
          className="size-2 shrink-0 animate-pulse rounded-full bg-accent"
          role="img"
          aria-label="running"
        />
      ) : run.state === 'ended' ? (
        <VerdictBadge verdict={run.proof?.verdict ?? 'red'} />
      ) : null}
    </li>
  );
}
