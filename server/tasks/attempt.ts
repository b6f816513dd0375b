/** One attempt at one task: converge by the agent, then settle task and row in one transaction. */
import type { Logger } from 'pino';
import type { Task } from '../../prisma/generated/client';
import type { AgentCheck, FirstSession, ObservedSandbox, SandboxSpec } from '../../shared/agent-api';
import { AppError, toAppError } from '../../shared/errors';
import { type TaskKind, taskKindSchema, taskTransitions } from '../../shared/sandbox-state';
import type { AgentClient, Db } from '../contracts';
import type { EnqueueDeps } from './enqueue';
import { keepsState, type Power, parseTaskInput, type TaskInput, targetPower } from './plan';
import { finishTask, retryTask } from './settle';
import { createSteps, type Steps } from './steps';
import { moveSandbox, type SandboxRow, stateOf } from './transition';
import { wayOf } from './way';

export interface AttemptDeps extends EnqueueDeps {
  db: Db;
  agent: AgentClient;
  log: Logger;
  /** Row to desired state, with the power that is wanted. */
  sandboxSpec: (row: SandboxRow, power: Power) => SandboxSpec | Promise<SandboxSpec>;
  /** Closes the gateway's connection into a sandbox before its power goes. */
  dropConnection: (sandboxId: string, reason: string) => void;
  /** The sandbox takes log-ins: the gateway may log in while its network is verified. Never throws. */
  expectConnection?: (sandboxId: string) => void;
  /**
   * The sandbox is released: the gateway may open its connection while the agent finishes. `provided`: it has got its
   * provider.env with its first session. Never throws.
   */
  connect?: (sandboxId: string, released: { provided: boolean }) => void;
  /**
   * After a way out has failed: whether the sandbox's pool has another one that the next attempt will take. Notes
   * before that what this one's failure says of it.
   */
  otherWay?: (sandboxId: string, error: AppError) => Promise<boolean>;
  /**
   * Makes the first Claude session of a new sandbox unless it has one: an attempt that starts over asks again.
   * `sessionId`: the one that the agent was told to open with the release, if it was.
   */
  openSession: (sandboxId: string, userId: string, sessionId?: string) => Promise<void>;
  /** What the agent needs to open it. */
  firstSession?: (sandboxId: string, sessionId: string) => FirstSession | Promise<FirstSession>;
  timings: Timings;
}

export interface Timings {
  leaseMs: number;
  retryBaseMs: number;
  /** Without any step event for this long the attempt counts as hung. */
  stepLimitMs: number;
  /** For the look at what is really there after a failure or a cancel. */
  observeMs: number;
  /** The engine looks by itself this often. */
  pollMs: number;
}

export interface Attempt {
  task: Task;
  token: string;
  /** Aborted with an AppError `canceled` (somebody wants it), or with anything else to just stop. */
  signal: AbortSignal;
}

type Ended = { observed: ObservedSandbox | null } & (
  | { type: 'succeeded' }
  | { type: 'failed'; error: AppError }
  | { type: 'canceled' }
);

/** Throws LeaseLost when another worker took over; any other error is a fault of ours. */
export async function runAttempt(deps: AttemptDeps, attempt: Attempt): Promise<void> {
  const { task } = attempt;
  const kind = taskKindSchema.parse(task.kind);
  const input = parseTaskInput(task.input);
  const row = await deps.db.sandbox.findUnique({ where: { id: task.sandboxId } });
  const steps = createSteps(deps, task, row?.workspaceId ?? null);
  // With the first step: what goes wrong in it is told by `settled`.
  steps.reset();
  const ended = await converge(deps, attempt, { kind, input, row, steps });
  await steps.settled();
  if (ended === null) return;
  if (ended.type === 'failed' && (await retryTask(deps, attempt, ended.error))) return;
  const outcome =
    ended.type === 'failed'
      ? { type: ended.type, code: ended.error.code, message: ended.error.message }
      : { type: ended.type };
  await finishTask(deps, attempt, { outcome, observed: ended.observed });
}

/** Null: stopped from outside (shut down, lease lost), nothing to settle. */
async function converge(
  deps: AttemptDeps,
  attempt: Attempt,
  work: { kind: TaskKind; input: TaskInput; row: SandboxRow | null; steps: Steps },
): Promise<Ended | null> {
  const { task, signal } = attempt;
  const watch = watchdog(signal, deps.timings.stepLimitMs);
  try {
    if (task.cancelRequested) throw new AppError('canceled');
    return { type: 'succeeded', observed: await perform(deps, { ...work, attempt, task, watch }) };
  } catch (thrown) {
    const error = watch.reason ?? toAppError(thrown);
    if (signal.aborted && !isCancel(signal.reason)) return null;
    const observed = await observe(deps, task.sandboxId);
    if (task.cancelRequested || isCancel(signal.reason)) return { type: 'canceled', observed };
    if (error.code === 'internal')
      deps.log.error({ task: task.id, err: error.cause ?? error }, 'task failed');
    return { type: 'failed', error, observed };
  } finally {
    watch.end();
  }
}

async function perform(
  deps: AttemptDeps,
  work: {
    kind: TaskKind;
    input: TaskInput;
    row: SandboxRow | null;
    steps: Steps;
    attempt: Attempt;
    task: Task;
    watch: Watchdog;
  },
): Promise<ObservedSandbox | null> {
  const { kind, steps, watch } = work;
  steps.begin('prepare');
  const row = await prepare(deps, work);
  steps.end('prepare', 'done');
  if (!row) return null;
  const power = targetPower(kind, stateOf(row));
  const opens = kind === 'sandbox.create' && work.input.openClaude;
  const { firstSession } = work.input;
  const first = opens && firstSession ? await deps.firstSession?.(row.id, firstSession) : undefined;
  let opening: Promise<void> | undefined;
  const options = {
    signal: watch.signal,
    onStep: (event: Parameters<Steps['agent']>[0]) => {
      watch.kick();
      steps.agent(event);
      if (power !== 'running' || event.state !== 'done') return;
      // A first session needs none of it, and its release comes the sooner.
      if (event.step === 'container.start' && !keepsState(kind) && !first) deps.expectConnection?.(row.id);
      if (event.step !== 'container.release') return;
      deps.connect?.(row.id, { provided: first !== undefined });
      // While the agent finishes: it only looks at what it has made.
      if (opens) opening ??= openFirstSession(deps, row, work);
    },
    onCheck: ({ check }: AgentCheck) => {
      watch.kick();
      if (check) steps.note('network.proof', check.detail);
    },
  };
  if (power === null) {
    await deps.agent.call('sandbox.remove', { id: row.id, home: true }, options);
    return null;
  }
  // Nothing to apply to: the next start takes the row as it is.
  if (keepsState(kind) && !taskTransitions[kind].from.includes(stateOf(row))) return null;
  await noteWayBefore(deps, work);
  if (kind === 'sandbox.update') steps.begin('limits.apply');
  const spec = { ...(await deps.sandboxSpec(row, power)), ...(first && { firstSession: first }) };
  const observed = await deps.agent
    .call('sandbox.ensure', spec, options)
    // It never throws, and must be over before anything else is done with the sandbox.
    .finally(() => opening);
  if (kind === 'sandbox.update') steps.end('limits.apply', 'done');
  if (opens) await (opening ?? openFirstSession(deps, row, work));
  steps.begin('finish');
  return observed;
}

/** The row, in the state that this task shows while it works; null when a delete finds it gone. */
async function prepare(deps: AttemptDeps, work: { kind: TaskKind; task: Task }): Promise<SandboxRow | null> {
  const { kind, task } = work;
  const { during } = taskTransitions[kind];
  const row = await deps.db.sandbox.findUnique({ where: { id: task.sandboxId } });
  if (!row) {
    if (kind === 'sandbox.delete') return null;
    throw new AppError('not_found', 'The sandbox is gone.');
  }
  if (
    kind === 'sandbox.stop' ||
    kind === 'sandbox.pause' ||
    kind === 'sandbox.rebuild' ||
    during === 'deleting'
  )
    deps.dropConnection(row.id, kind);
  if (during === null || stateOf(row) === during) return row;
  if (stateOf(row) === 'deleting') throw new AppError('canceled', 'The sandbox is being deleted.');
  const moved = await deps.db.$transaction((tx) =>
    moveSandbox(tx, deps.live, { row, move: { state: during, reason: null } }),
  );
  deps.live.flush();
  return moved;
}

/** These may send the agent another way out than it was sent before. */
const mayMove: readonly TaskKind[] = [
  'sandbox.start',
  'sandbox.resume',
  'sandbox.rebuild',
  'sandbox.update',
  'sandbox.network',
];

/** Kept with the task: after a kill in the middle of a switch the agent tells the new one only. */
async function noteWayBefore(
  deps: AttemptDeps,
  { kind, input, attempt, watch }: { kind: TaskKind; input: TaskInput; attempt: Attempt; watch: Watchdog },
): Promise<void> {
  if (!mayMove.includes(kind) || input.wayBefore !== undefined) return;
  const { task, token } = attempt;
  const { power, network } = await deps.agent.call(
    'sandbox.observe',
    { id: task.sandboxId },
    { signal: watch.signal },
  );
  // One that was never made went by nothing.
  input.wayBefore = power === 'absent' ? null : await wayOf(deps.db, network.egressId);
  await deps.db.task.updateMany({
    where: { id: task.id, leaseOwner: token },
    data: { input: JSON.stringify(input) },
  });
  task.input = JSON.stringify(input);
}

/** A failure here does not undo a sandbox that runs. */
async function openFirstSession(
  deps: AttemptDeps,
  row: SandboxRow,
  { steps, input }: { steps: Steps; input: TaskInput },
): Promise<void> {
  steps.begin('sessions.open');
  try {
    await deps.openSession(row.id, row.ownerId, input.firstSession);
    steps.end('sessions.open', 'done');
  } catch (thrown) {
    const error = toAppError(thrown);
    deps.log.error({ sandbox: row.id, err: error.cause ?? error }, 'first session not opened');
    steps.end('sessions.open', 'failed', error.message);
  }
}

async function observe(deps: AttemptDeps, id: string): Promise<ObservedSandbox | null> {
  try {
    const signal = AbortSignal.timeout(deps.timings.observeMs);
    return await deps.agent.call('sandbox.observe', { id }, { signal });
  } catch (thrown) {
    deps.log.debug({ sandbox: id, err: thrown }, 'could not observe');
    return null;
  }
}

function isCancel(reason: unknown): boolean {
  return reason instanceof AppError && reason.code === 'canceled';
}

interface Watchdog {
  signal: AbortSignal;
  /** Set when it was the watchdog that ended the work. */
  readonly reason: AppError | undefined;
  kick(): void;
  end(): void;
}

function watchdog(outer: AbortSignal, limitMs: number): Watchdog {
  const own = new AbortController();
  let reason: AppError | undefined;
  const arm = () =>
    setTimeout(() => {
      reason = new AppError('timeout', 'The host agent has not moved on for too long.');
      own.abort(reason);
    }, limitMs);
  let timer = arm();
  return {
    signal: AbortSignal.any([outer, own.signal]),
    get reason() {
      return reason;
    },
    kick: () => {
      clearTimeout(timer);
      timer = arm();
    },
    end: () => clearTimeout(timer),
  };
}
