/** What a sandbox's row says after a task has ended. Pure: outcome and observation in, row out. */
import type { ObservedSandbox } from '../../shared/agent-api';
import type { ErrorCode } from '../../shared/errors';
import { mayFollow, type SandboxState, type TaskKind, taskTransitions } from '../../shared/sandbox-state';
import { type Power, targetPower, verbOf } from './plan';

/** What an observation comes to. `unknown` = the agent could not be asked. */
export type Condition = 'healthy' | 'fenced' | 'unready' | 'paused' | 'stopped' | 'absent' | 'unknown';

export function conditionOf(observed: ObservedSandbox | null): Condition {
  if (!observed) return 'unknown';
  if (observed.power !== 'running') return observed.power;
  if (!observed.released || !observed.network.rules) return 'unready';
  const { tunnel, gate } = observed.network;
  return tunnel === 'up' && gate === 'open' ? 'healthy' : 'fenced';
}

export type Outcome =
  | { type: 'succeeded' }
  | { type: 'failed'; code: ErrorCode; message: string }
  | { type: 'canceled' };

export interface Settled {
  state: SandboxState;
  reason: string | null;
  desiredPower: Power;
}

export interface SettleInput {
  kind: TaskKind;
  outcome: Outcome;
  observed: ObservedSandbox | null;
  /** The row as it is now. */
  row: { state: SandboxState; desiredPower: Power };
  prior: { desiredPower: Power };
  healing: boolean;
}

/** Null: the row stays as it is, because this task does not own its state (any more). */
export function settle(input: SettleInput): Settled | null {
  const { during } = taskTransitions[input.kind];
  if (during === null) return afterChange(input);
  if (input.row.state !== during) return null;
  const settled =
    input.outcome.type === 'succeeded'
      ? succeeded(input)
      : input.outcome.type === 'failed'
        ? failed(input, input.outcome)
        : canceled(input);
  if (mayFollow(during, settled.state)) return settled;
  // What is there cannot follow directly: say so and let the reconciler move on from a state that may go anywhere.
  const state = mayFollow(during, 'unavailable') ? 'unavailable' : 'error';
  return { ...settled, state, reason: settled.reason ?? describe(conditionOf(input.observed)) };
}

/** A task that keeps the state only brings the row up to what it has made of the way out. */
function afterChange({ row, observed }: SettleInput): Settled | null {
  if (row.desiredPower !== 'running') return null;
  const condition = conditionOf(observed);
  if (condition === 'healthy' && row.state === 'unavailable')
    return { state: 'running', reason: null, ...keep(row) };
  if (condition === 'fenced' && (row.state === 'running' || row.state === 'unavailable'))
    return { state: 'unavailable', reason: fence(observed), ...keep(row) };
  return null;
}

function succeeded({ kind, observed, row }: SettleInput): Settled {
  const condition = conditionOf(observed);
  const wanted = targetPower(kind, row.state);
  if (wanted === 'stopped' && (condition === 'stopped' || condition === 'absent'))
    return { state: 'stopped', reason: null, desiredPower: 'stopped' };
  if (wanted === 'paused' && condition === 'paused')
    return { state: 'paused', reason: null, desiredPower: 'paused' };
  if (wanted === 'running' && condition === 'healthy')
    return { state: 'running', reason: null, desiredPower: 'running' };
  if (condition === 'fenced') return { state: 'unavailable', reason: fence(observed), ...keep(row) };
  return { state: 'error', reason: `${verbOf(kind)} ended, but ${lower(describe(condition))}`, ...keep(row) };
}

function failed(
  { kind, observed, row, healing }: SettleInput,
  { code, message }: { code: ErrorCode; message: string },
): Settled {
  const reason = `${verbOf(kind)} failed: ${message}`;
  const condition = conditionOf(observed);
  if (kind === 'sandbox.create' || kind === 'sandbox.delete') return { state: 'error', reason, ...keep(row) };
  // Not let go before its way out is proven: it waits for that, and the reconciler tries again.
  const unproven =
    (code === 'proof_failed' || code === 'egress_failed') &&
    (condition === 'unready' || condition === 'fenced') &&
    row.desiredPower === 'running';
  // The reconciler tries again by its own back-off, towards what is wanted.
  if (condition === 'unknown' || healing || unproven) return { state: 'unavailable', reason, ...keep(row) };
  if (kind === 'sandbox.stop' || kind === 'sandbox.pause') {
    if (condition === 'healthy') return { state: 'running', reason, desiredPower: 'running' };
    if (condition === 'paused') return { state: 'paused', reason, desiredPower: 'paused' };
    if (condition === 'stopped' || condition === 'absent')
      return { state: 'stopped', reason: null, desiredPower: 'stopped' };
    return { state: 'unavailable', reason, ...keep(row) };
  }
  if (kind === 'sandbox.resume' && condition === 'paused')
    return { state: 'paused', reason, desiredPower: 'paused' };
  return { state: 'error', reason, ...keep(row) };
}

function canceled({ kind, observed, prior }: SettleInput): Settled {
  const reason = `${verbOf(kind)} was canceled.`;
  const condition = conditionOf(observed);
  if (kind === 'sandbox.delete')
    return {
      state: 'error',
      reason: 'Deleting was canceled after it had begun; part of it may be gone. Delete it again.',
      desiredPower: prior.desiredPower,
    };
  if (condition === 'healthy') return { state: 'running', reason: null, desiredPower: 'running' };
  if (kind === 'sandbox.create') return { state: 'error', reason, desiredPower: 'stopped' };
  switch (condition) {
    case 'paused':
      return { state: 'paused', reason, desiredPower: 'paused' };
    case 'stopped':
    case 'absent':
      return { state: 'stopped', reason, desiredPower: 'stopped' };
    case 'fenced':
      return { state: 'unavailable', reason: fence(observed), desiredPower: 'running' };
    case 'unready':
      // Half started: the reconciler stops it, which is what canceling a start means.
      return { state: 'unavailable', reason, desiredPower: 'stopped' };
    case 'unknown':
      return {
        state: 'unavailable',
        reason: `${reason} The host agent does not answer, so its real state is not known yet.`,
        desiredPower: prior.desiredPower,
      };
  }
}

function keep(row: { desiredPower: Power }): { desiredPower: Power } {
  return { desiredPower: row.desiredPower };
}

export function fence(observed: ObservedSandbox | null): string {
  if (isHeld(observed)) return 'Its way out is there but not opened yet, so nothing may leave it.';
  return observed?.network.reason ?? describe('fenced');
}

/** Brought up and never opened, as by a task that was canceled: the agent leaves that to the next one. */
export function isHeld(observed: ObservedSandbox | null): boolean {
  return observed?.network.tunnel === 'up' && observed.network.gate === 'closed';
}

/** One sentence on what is there. */
export function describe(condition: Condition): string {
  const sentences: Record<Condition, string> = {
    healthy: 'It is running.',
    fenced: 'Its way out is not up, so nothing may leave it.',
    unready: 'Its container runs, but it was not let go.',
    paused: 'Its container is paused.',
    stopped: 'Its container is stopped.',
    absent: 'Its container does not exist.',
    unknown: 'The host agent does not answer.',
  };
  return sentences[condition];
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
