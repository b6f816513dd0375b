'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { CircleCheck, CircleX, Play } from 'lucide-react';
import { useState } from 'react';
import { hookSamples } from '../../shared/hook-samples';
import type { HookInput, HookPlace, HookTest as Tested } from '../../shared/hooks';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { span } from '../inspector/clock';
import { Facts, Fold } from '../inspector/detail';
import { MaybeJson } from '../inspector/json-tree';
import { Badge, Note } from '../ui/banner';
import { Button } from '../ui/button';
import { DialogActions } from '../ui/dialog';
import { Field, Select } from '../ui/field';

const decisionTone = { allow: 'good', ask: 'warn', deny: 'bad' } as const;

function Result({ tested }: { tested: Tested }) {
  const { request, answer, error, decision } = tested;
  return (
    <section aria-label="Result" className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <Note tone={error ? 'bad' : 'good'} icon={error ? CircleX : CircleCheck}>
        <span className="flex flex-wrap items-center gap-2">
          <span className="min-w-0 break-words">
            {error ? `It failed: ${error}. ${tested.effect}` : tested.effect}
          </span>
          {decision && <Badge tone={decisionTone[decision]}>{decision}</Badge>}
          <span className="text-xs">{span(tested.durationMs)}</span>
        </span>
      </Note>
      {!tested.matches && (
        <Note tone="warn">Its matcher leaves this payload out: in a session it would not have run.</Note>
      )}
      <div className="overflow-x-auto rounded-lg border p-3">
        <Fold title="Request" note={request.line}>
          <Facts rows={request.headers} />
          <div className="mt-2">
            <MaybeJson text={request.body} />
          </div>
        </Fold>
        <Fold title="Answer" note={answer ? answer.line : 'none came'}>
          {answer && (
            <div className="grid gap-2">
              {answer.body !== '' && <MaybeJson text={answer.body} />}
              {answer.stderr !== '' && <pre className="whitespace-pre-wrap text-xs">{answer.stderr}</pre>}
              {answer.body === '' && answer.stderr === '' && <p className="text-ink-faint text-xs">Empty.</p>}
            </div>
          )}
        </Fold>
        <Fold title="Told to Claude Code" note={tested.told === null ? 'nothing' : ''}>
          {tested.told !== null && <MaybeJson text={JSON.stringify(tested.told)} />}
        </Fold>
      </div>
    </section>
  );
}

/** Runs one hook once, on a sample of its event that may be changed first. */
export function HookTest({
  hook,
  place,
  sandboxId,
  close,
}: {
  hook: HookInput;
  place: HookPlace;
  /** Null: any running one of the workspace. */
  sandboxId: string | null;
  close(): void;
}) {
  const trpc = useTRPC();
  const [payload, setPayload] = useState(() => JSON.stringify(hookSamples[hook.event], null, 2));
  const [problem, setProblem] = useState<string | null>(null);
  const [chosen, setChosen] = useState(sandboxId);
  const all = useQuery({ ...trpc.sandboxes.list.queryOptions({}), enabled: sandboxId === null });
  const workspaceId = place.level === 'workspace' ? place.workspaceId : null;
  const running = (all.data ?? []).filter(
    (it) => it.state === 'running' && (workspaceId === null || it.workspaceId === workspaceId),
  );
  const target = chosen ?? running[0]?.id ?? null;
  const test = useMutation(trpc.hooks.test.mutationOptions({ meta: { quiet: true } }));
  const failure = test.error && failureOf(test.error);

  function run() {
    let given: unknown;
    try {
      given = JSON.parse(payload);
    } catch (error) {
      return setProblem(error instanceof Error ? error.message : 'This is no JSON.');
    }
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      return setProblem('The payload is a JSON object.');
    setProblem(null);
    if (target === null) return;
    test.mutate({ sandboxId: target, place, hook, payload: { ...given } });
  }
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      {sandboxId === null && (
        <Field
          label="Sandbox"
          hint={
            all.data && running.length === 0 ? 'None of this workspace runs. Start one first.' : undefined
          }
        >
          {(control) => (
            <Select {...control} value={target ?? ''} onChange={(it) => setChosen(it.target.value)}>
              {running.map((it) => (
                <option key={it.id} value={it.id}>
                  {it.name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      <Field
        label={`Payload of ${hook.event}`}
        hint="As Claude Code sent it once; change what matters to your hook."
        error={problem}
      >
        {(control) => (
          <textarea
            {...control}
            rows={8}
            spellCheck={false}
            value={payload}
            onChange={(it) => setPayload(it.target.value)}
            className="w-full rounded-md border border-line-strong bg-raised px-3 py-2 font-mono text-xs hover:border-ink-faint focus:border-accent aria-invalid:border-bad max-sm:text-[16px]"
          />
        )}
      </Field>
      {failure && (
        <Note tone="bad" icon={CircleX}>
          {failure.title} {failure.next}
        </Note>
      )}
      {test.data && !test.isPending && <Result tested={test.data} />}
      <DialogActions>
        <Button onClick={close}>Done</Button>
        <Button look="primary" busy={test.isPending} disabled={target === null} onClick={run}>
          <Play /> Run it
        </Button>
      </DialogActions>
    </div>
  );
}
