import { expect, test } from 'vitest';
import type { ObservedSandbox } from '../../shared/agent-api';
import {
  mayFollow,
  sandboxStates,
  type TaskKind,
  taskKinds,
  taskTransitions,
} from '../../shared/sandbox-state';
import { type Condition, conditionOf, type Outcome, settle } from './decide';
import { attemptsFor, nextTry } from './retry';

function seen(condition: Exclude<Condition, 'unknown'>): ObservedSandbox {
  const running = condition === 'healthy' || condition === 'fenced' || condition === 'unready';
  return {
    id: 'a234567890123456',
    power: running ? 'running' : condition,
    generation: 1,
    image: null,
    startedAt: null,
    exitCode: null,
    oomKilled: false,
    homeExists: true,
    network: {
      rules: running,
      tunnel: condition === 'healthy' ? 'up' : 'fenced',
      reason: condition === 'fenced' ? 'No way out.' : null,
      restarts: 0,
      gate: 'open',
      egressId: null,
      proof: null,
    },
    released: running && condition !== 'unready',
    hostKey: null,
    diskLimited: false,
  };
}

const conditions: Condition[] = ['healthy', 'fenced', 'unready', 'paused', 'stopped', 'absent', 'unknown'];
const outcomes: Outcome[] = [
  { type: 'succeeded' },
  { type: 'failed', code: 'agent_failed', message: 'No.' },
  { type: 'canceled' },
];

function decide(kind: TaskKind, outcome: Outcome, condition: Condition, healing = false) {
  const { during } = taskTransitions[kind];
  return settle({
    kind,
    outcome,
    observed: condition === 'unknown' ? null : seen(condition),
    row: { state: during ?? 'running', desiredPower: 'running' },
    prior: { desiredPower: 'running' },
    healing,
  });
}

test.each(conditions.filter((it) => it !== 'unknown'))('%s is recognised', (condition) => {
  expect(conditionOf(seen(condition))).toBe(condition);
});

test('every end of every task is a legal move to a state at rest, with a reason unless all is well', () => {
  for (const kind of taskKinds)
    for (const outcome of outcomes)
      for (const condition of conditions)
        for (const healing of [true, false]) {
          const { during } = taskTransitions[kind];
          const end = decide(kind, outcome, condition, healing);
          const label = `${kind} ${outcome.type} ${condition}`;
          if (during === null) {
            // It keeps the state, but for what it has made of the way out.
            expect(end?.state ?? null, label).toBe(condition === 'fenced' ? 'unavailable' : null);
            continue;
          }
          if (!end) throw new Error(label);
          expect(mayFollow(during, end.state), `${label} -> ${end.state}`).toBe(true);
          expect(['running', 'paused', 'stopped', 'unavailable', 'error'], label).toContain(end.state);
          const troubled = end.state === 'error' || end.state === 'unavailable';
          if (troubled) expect(end.reason, label).toMatch(/^[A-Z].*\.$/);
          // Never "running" for what does not run.
          if (end.state === 'running') expect(condition, label).toBe('healthy');
          if (end.state === 'paused') expect(condition, label).toBe('paused');
        }
});

test.each<[TaskKind, Outcome['type'], Condition, string]>([
  ['sandbox.create', 'succeeded', 'healthy', 'running'],
  ['sandbox.create', 'succeeded', 'fenced', 'unavailable'],
  ['sandbox.create', 'failed', 'stopped', 'error'],
  ['sandbox.create', 'failed', 'unknown', 'error'],
  ['sandbox.create', 'canceled', 'absent', 'error'],
  ['sandbox.start', 'failed', 'stopped', 'error'],
  ['sandbox.start', 'failed', 'unknown', 'unavailable'],
  ['sandbox.start', 'canceled', 'stopped', 'stopped'],
  ['sandbox.start', 'canceled', 'unready', 'unavailable'],
  ['sandbox.network', 'failed', 'fenced', 'unavailable'],
  ['sandbox.stop', 'succeeded', 'absent', 'stopped'],
  ['sandbox.stop', 'failed', 'healthy', 'running'],
  ['sandbox.stop', 'canceled', 'healthy', 'running'],
  ['sandbox.pause', 'canceled', 'healthy', 'running'],
  ['sandbox.resume', 'failed', 'paused', 'paused'],
  ['sandbox.delete', 'failed', 'healthy', 'error'],
  ['sandbox.delete', 'canceled', 'absent', 'error'],
])('%s %s with %s there -> %s', (kind, type, condition, state) => {
  const outcome = outcomes.find((it) => it.type === type) ?? { type: 'succeeded' };
  expect(decide(kind, outcome, condition)?.state).toBe(state);
});

test.each(['proof_failed', 'egress_failed'] as const)('%s: it waits for its way out', (code) => {
  const outcome: Outcome = { type: 'failed', code, message: 'No.' };
  expect(decide('sandbox.start', outcome, 'unready')?.state).toBe('unavailable');
  expect(decide('sandbox.start', outcome, 'stopped')?.state).toBe('error');
  expect(decide('sandbox.create', outcome, 'unready')?.state).toBe('error');
});

test('what was unavailable runs when its way out was changed to one that works', () => {
  const end = settle({
    kind: 'sandbox.network',
    outcome: { type: 'succeeded' },
    observed: seen('healthy'),
    row: { state: 'unavailable', desiredPower: 'running' },
    prior: { desiredPower: 'running' },
    healing: false,
  });
  expect(end).toEqual({ state: 'running', reason: null, desiredPower: 'running' });
});

test('a task that lost the row to another one leaves it alone', () => {
  for (const state of sandboxStates.filter((it) => it !== 'creating'))
    expect(
      settle({
        kind: 'sandbox.create',
        outcome: { type: 'canceled' },
        observed: seen('healthy'),
        row: { state, desiredPower: 'running' },
        prior: { desiredPower: 'running' },
        healing: false,
      }),
    ).toBeNull();
});

test('tries are spread, bounded, and only where they help', () => {
  for (const code of ['invalid_input', 'image_missing', 'internal', 'canceled'] as const)
    expect(nextTry({ code, attempt: 1, random: 0 })).toBeNull();
  const delays = Array.from({ length: 11 }, (_, n) =>
    nextTry({ code: 'agent_unreachable', attempt: n + 1, random: 1 }),
  );
  expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, null]);
  expect(nextTry({ code: 'timeout', attempt: 1, random: 0 })).toBe(500);
  expect(nextTry({ code: 'timeout', attempt: 1, random: 0, retryAfterSeconds: 9 })).toBe(9000);
  expect(attemptsFor('agent_failed')).toBe(3);
});
