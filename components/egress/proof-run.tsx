'use client';

import { CircleAlert, CircleCheck, CircleDashed, CircleHelp, LoaderCircle, Square } from 'lucide-react';
import { egressTestStages, type Proof, type ProofCheck, proofChecks } from '../../shared/proof';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { useNow } from '../ui/use-now';
import type { ProofRun, RunStep } from './use-proof-run';
import { checkWords, milliseconds, stageWords, verdictWords } from './words';

/** The clock of a running step, in ms. */
const TICK_MS = 250;

type Look = 'waiting' | 'running' | 'pass' | 'fail' | 'unknown';
const looks = {
  waiting: { icon: CircleDashed, class: 'text-ink-faint', word: 'waiting' },
  running: { icon: LoaderCircle, class: 'animate-spin text-accent', word: 'running' },
  pass: { icon: CircleCheck, class: 'text-good', word: 'passed' },
  fail: { icon: CircleAlert, class: 'text-bad', word: 'failed' },
  unknown: { icon: CircleHelp, class: 'text-warn', word: 'not judged' },
};

function Line({ look, title, text, ms }: { look: Look; title: string; text: string; ms: number | null }) {
  const { icon: Icon, class: tone, word } = looks[look];
  return (
    <li className="flex items-start gap-2.5 py-1.5" data-look={look}>
      <Icon className={cx('mt-0.5 size-4 shrink-0', tone)} aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="flex items-baseline justify-between gap-3">
          <span className={cx('font-medium text-sm', look === 'waiting' && 'text-ink-faint')}>
            {title} <span className="sr-only">{word}</span>
          </span>
          {ms !== null && <span className="tabular shrink-0 text-ink-faint text-xs">{milliseconds(ms)}</span>}
        </p>
        <p className={cx('break-words text-xs', look === 'fail' ? 'text-bad' : 'text-ink-faint')}>{text}</p>
      </div>
    </li>
  );
}

/** All checks of a proof that has been taken. */
export function ProofChecks({ checks }: { checks: readonly ProofCheck[] }) {
  return (
    <ul aria-label="Checks" className="divide-y divide-line/60">
      {checks.map((it) => (
        <Line
          key={it.name}
          look={it.result}
          title={checkWords[it.name].title}
          text={it.detail || checkWords[it.name].asks}
          ms={it.ms}
        />
      ))}
    </ul>
  );
}

const stageChecks = {
  handshake: ['connect'],
  'exit-address': ['exit-address'],
  dns: ['dns'],
} as const;

/** A check that could not be judged is told like one that passed; the proof at the end knows better. */
function lookOf(step: RunStep | undefined, run: ProofRun, names: readonly string[]): Look {
  if (!step) return 'waiting';
  if (step.state === 'started') return run.state === 'running' ? 'running' : 'unknown';
  if (step.state === 'failed') return 'fail';
  const judged = run.proof?.checks.filter((it) => names.includes(it.name)) ?? [];
  return judged.some((it) => it.result === 'unknown') ? 'unknown' : 'pass';
}

function took(step: RunStep | undefined, now: number | null): number | null {
  if (!step) return null;
  const end = step.endedAt ?? now;
  return end === null ? null : Math.max(0, end - step.startedAt);
}

/** A test with its six stages, or a proof with its twelve checks, while it runs and after. */
export function ProofRunView({
  run,
  kind,
  cancel,
}: {
  run: ProofRun;
  kind: 'test' | 'proof';
  cancel?: () => void;
}) {
  const running = run.state === 'running';
  const now = useNow(TICK_MS);
  return (
    <div className="grid gap-3" aria-busy={running}>
      {kind === 'test' ? (
        <ol aria-label="Stages of the test" className="divide-y divide-line/60">
          {egressTestStages.map((stage) => {
            const step = run.steps.find((it) => it.stage === stage);
            const names =
              stage === 'refused'
                ? proofChecks.filter((it) => it.startsWith('refused.'))
                : stage in stageChecks
                  ? stageChecks[stage as keyof typeof stageChecks] // guarded by `in`
                  : [];
            return (
              <Line
                key={stage}
                look={lookOf(step, run, names)}
                title={stageWords[stage].title}
                text={step?.message || stageWords[stage].asks}
                ms={took(step, running ? now : (step?.startedAt ?? null))}
              />
            );
          })}
        </ol>
      ) : run.proof ? (
        <ProofChecks checks={run.proof.checks} />
      ) : (
        <ol aria-label="Checks of the proof" className="divide-y divide-line/60">
          {proofChecks.map((name) => {
            const step = run.steps.find((it) => it.name === name);
            const look = step ? lookOf(step, run, [name]) : running ? 'running' : 'waiting';
            const text = step?.message || checkWords[name].asks;
            return <Line key={name} look={look} title={checkWords[name].title} text={text} ms={null} />;
          })}
        </ol>
      )}
      <div aria-live="polite">
        {run.state === 'canceled' && <Note tone="calm">Stopped. Nothing was changed by it.</Note>}
        {run.failure && (
          <Note tone="bad" icon={CircleAlert}>
            <strong>{run.failure.title}</strong> {run.failure.next}
          </Note>
        )}
        {run.proof && <Conclusion proof={run.proof} />}
      </div>
      {running && cancel && (
        <Button size="sm" look="ghost" onClick={cancel} className="justify-self-start">
          <Square /> Stop
        </Button>
      )}
    </div>
  );
}

/** What a proof says, in a sentence with its address. */
export function Conclusion({ proof }: { proof: Proof }) {
  const { tone, word } = verdictWords[proof.verdict];
  const Icon = looks[proof.verdict === 'green' ? 'pass' : proof.verdict === 'red' ? 'fail' : 'unknown'].icon;
  return (
    <Note tone={tone} icon={Icon}>
      <strong>{word}.</strong>{' '}
      {proof.exitAddress && (
        <>
          The Internet sees <span className="tabular font-semibold">{proof.exitAddress}</span>
          {proof.latencyMs !== null && `, first byte after ${milliseconds(proof.latencyMs)}`}.{' '}
        </>
      )}
      {proof.reason}
    </Note>
  );
}
