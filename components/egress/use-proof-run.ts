'use client';

import { useCallback, useEffect, useRef, useState } from 'react';
import type { ProofEvent } from '../../shared/egress-views';
import { type Proof, type ProofCheckName, proofChecks } from '../../shared/proof';
import { failureWords, type RunFailure, streamProof } from './proof-stream';

export interface RunStep {
  /** Stage of a test, or null for a check of a proof. */
  stage: string | null;
  name: ProofCheckName | null;
  state: 'started' | 'done' | 'failed';
  message: string;
  /** Milliseconds since 1970, by this browser's clock. */
  startedAt: number;
  endedAt: number | null;
}
export interface ProofRun {
  state: 'idle' | 'running' | 'ended' | 'canceled';
  steps: RunStep[];
  proof: Proof | null;
  failure: RunFailure | null;
  startedAt: number | null;
}
export const idleRun: ProofRun = { state: 'idle', steps: [], proof: null, failure: null, startedAt: null };

const isCheck = (name: string | null): name is ProofCheckName => proofChecks.some((it) => it === name);

/** The run after one more event. Pure. */
export function withEvent(run: ProofRun, event: ProofEvent, now: number): ProofRun {
  if (event.type === 'proof') return { ...run, state: 'ended', proof: event.proof };
  if (event.type === 'error') {
    const failure = failureWords(event.code, event.error);
    const steps = run.steps.map((it) =>
      it.state === 'started' ? { ...it, state: 'failed' as const, endedAt: now } : it,
    );
    return { ...run, state: 'ended', failure, steps };
  }
  const { stage, state, message } = event;
  const name = isCheck(event.name) ? event.name : null;
  // The first one only says that the host is asked.
  if (stage === null && name === null) return run;
  // The stage `refused` is told again with each of its checks; without a stage every check is a step of its own.
  const known = run.steps.find((it) => (stage === null ? it.name === name : it.stage === stage));
  const step: RunStep = {
    ...{ stage, name, state, message },
    startedAt: known?.startedAt ?? now,
    endedAt: state === 'started' ? null : now,
  };
  const steps = known ? run.steps.map((it) => (it === known ? step : it)) : [...run.steps, step];
  return { ...run, steps };
}

/** One test or proof that is running or has ended; it is given up when the component goes. */
export function useProofRun(first: ProofRun = idleRun) {
  const [run, setRun] = useState<ProofRun>(first);
  const going = useRef<AbortController | null>(null);
  useEffect(() => () => going.current?.abort(), []);

  const start = useCallback(async (path: string, body?: unknown): Promise<ProofRun> => {
    going.current?.abort();
    const abort = new AbortController();
    going.current = abort;
    let latest: ProofRun = { ...idleRun, state: 'running', startedAt: Date.now() };
    setRun(latest);
    try {
      await streamProof(path, {
        body,
        signal: abort.signal,
        onEvent: (event) => {
          latest = withEvent(latest, event, Date.now());
          if (going.current === abort) setRun(latest);
        },
      });
    } catch {
      // Only the signal ends it this way: somebody canceled it or started another one.
      latest = { ...latest, state: 'canceled' };
      if (going.current === abort) setRun(latest);
    }
    return latest;
  }, []);
  const cancel = useCallback(() => going.current?.abort(), []);
  const reset = useCallback(() => {
    going.current?.abort();
    going.current = null;
    setRun(idleRun);
  }, []);
  return { run, start, cancel, reset };
}
