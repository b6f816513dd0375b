/** What the reconciler does about one sandbox: row and observation in, one action out. Pure. */
import type { ObservedSandbox } from '../../shared/agent-api';
import {
  type SandboxState,
  type TaskKind,
  taskTransitions,
  transitionalStates,
} from '../../shared/sandbox-state';
import { type Condition, conditionOf, describe, fence, isHeld } from './decide';
import { type Power, powerSchema } from './plan';
import { type SandboxRow, stateOf } from './transition';

export type DriftAction =
  | { type: 'none' }
  /** The row is made to say what is there. */
  | { type: 'show'; state: SandboxState; reason: string | null; desiredPower?: Power }
  /** A task makes what is there into what the row wants; `via` is shown first, with the reason. */
  | { type: 'heal'; kind: TaskKind; via: SandboxState | null; reason: string }
  /** A transitional state without its task: the task is made again. */
  | { type: 'resume'; kind: TaskKind };

const none: DriftAction = { type: 'none' };

/** `observed` null: the agent knows nothing of it. Rows with a live task are not judged at all. */
export function driftOf(row: SandboxRow, observed: ObservedSandbox | null): DriftAction {
  const state = stateOf(row);
  if (transitionalStates.includes(state)) {
    const kind = kindDuring(state);
    return kind ? { type: 'resume', kind } : none;
  }
  const condition = observed ? conditionOf(observed) : 'absent';
  const wanted = powerSchema.parse(row.desiredPower);
  switch (state) {
    case 'running':
      return fromRunning(condition, observed);
    case 'unavailable':
      return fromUnavailable({ row, condition, wanted, observed });
    case 'stopped':
      return fromStopped(condition);
    case 'paused':
      return fromPaused(condition);
    case 'error':
      // Shown until a person decides, but for one thing: it is, after all, as it should be.
      return wanted === 'running' && condition === 'healthy'
        ? { type: 'show', state: 'running', reason: null }
        : none;
    default:
      return none;
  }
}

/** The task that works in this state. `starting` is also a rebuild's, and starting is what is left of that. */
function kindDuring(state: SandboxState): TaskKind | undefined {
  const kinds = Object.entries(taskTransitions) as [TaskKind, { during: SandboxState | null }][];
  return kinds.find(([, transition]) => transition.during === state)?.[0];
}

function fromRunning(condition: Condition, observed: ObservedSandbox | null): DriftAction {
  switch (condition) {
    case 'healthy':
    case 'unknown':
      return none;
    case 'fenced':
      // The agent brings a tunnel back by itself, with its own back-off.
      return { type: 'show', state: 'unavailable', reason: fence(observed) };
    default:
      return { type: 'heal', kind: 'sandbox.start', via: 'unavailable', reason: died(condition, observed) };
  }
}

function fromUnavailable(it: {
  row: SandboxRow;
  condition: Condition;
  wanted: Power;
  observed: ObservedSandbox | null;
}): DriftAction {
  const { row, condition, wanted, observed } = it;
  const there: Power | null =
    condition === 'healthy'
      ? 'running'
      : condition === 'paused'
        ? 'paused'
        : condition === 'stopped' || condition === 'absent'
          ? 'stopped'
          : null;
  if (there === wanted) return { type: 'show', state: wanted, reason: null };
  if (wanted === 'stopped')
    return { type: 'heal', kind: 'sandbox.stop', via: null, reason: describe(condition) };
  if (wanted === 'running' && condition === 'fenced') {
    const reason = fence(observed);
    // Seen so before: nothing is at work on it.
    if (isHeld(observed) && row.stateReason === reason)
      return { type: 'heal', kind: 'sandbox.network', via: null, reason };
    return row.stateReason === reason ? none : { type: 'show', state: 'unavailable', reason };
  }
  if (wanted === 'running')
    return { type: 'heal', kind: 'sandbox.start', via: null, reason: died(condition, observed) };
  // It was to be paused and is not: what is there counts, nobody waits for that pause any more.
  if (there === 'running') return { type: 'show', state: 'running', reason: null, desiredPower: 'running' };
  if (there === 'stopped') return lostPause;
  return none;
}

function fromStopped(condition: Condition): DriftAction {
  if (condition === 'stopped' || condition === 'absent' || condition === 'unknown') return none;
  return {
    type: 'heal',
    kind: 'sandbox.stop',
    via: 'running',
    reason: `It should be stopped. ${describe(condition)}`,
  };
}

const lostPause: DriftAction = {
  type: 'show',
  state: 'stopped',
  reason: 'Its container ended while it was paused. Start it again.',
  desiredPower: 'stopped',
};

function fromPaused(condition: Condition): DriftAction {
  if (condition === 'paused' || condition === 'unknown') return none;
  if (condition === 'stopped' || condition === 'absent') return lostPause;
  return {
    type: 'heal',
    kind: 'sandbox.pause',
    via: 'running',
    reason: `It should be paused. ${describe(condition)}`,
  };
}

function died(condition: Condition, observed: ObservedSandbox | null): string {
  if (observed?.oomKilled) return 'Its container was ended because it ran out of memory.';
  if (condition === 'stopped' && observed?.exitCode !== null && observed?.exitCode !== undefined)
    return `Its container ended with code ${observed.exitCode}.`;
  return describe(condition);
}
