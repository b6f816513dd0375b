/** Ends an attempt: another try later, or the task's end together with what the row becomes. */
import type { Task } from '../../prisma/generated/client';
import type { ObservedSandbox } from '../../shared/agent-api';
import type { AppError, ErrorCode } from '../../shared/errors';
import { type TaskKind, taskKindSchema } from '../../shared/sandbox-state';
import { type DbOrTx, systemActor } from '../contracts';
import type { AttemptDeps } from './attempt';
import { type Outcome, type Settled, settle } from './decide';
import { about } from './enqueue';
import { LeaseLost, release } from './lease';
import { parseTaskInput, powerSchema, verbOf } from './plan';
import { withPoolReason } from './pool-reason';
import { attemptsFor, nextTry } from './retry';
import { lockSandbox, type Move, moveSandbox, type SandboxRow, stateOf } from './transition';
import { auditSwitch, noteObserved } from './way';

interface Held {
  task: Task;
  token: string;
}

/** True when it will be tried again. Throws LeaseLost. */
export async function retryTask(deps: AttemptDeps, held: Held, error: AppError): Promise<boolean> {
  const { attempt } = held.task;
  const again = await nextWay(deps, held.task, error);
  const delay = again
    ? 0
    : nextTry({
        code: error.code,
        attempt,
        random: Math.random(),
        retryAfterSeconds: error.retryAfterSeconds,
        baseMs: deps.timings.retryBaseMs,
      });
  if (delay === null) return false;
  await deps.db.$transaction(async (tx) => {
    await release(
      tx,
      { id: held.task.id, token: held.token },
      {
        nextRunAt: new Date(Date.now() + delay),
        errorCode: error.code,
        errorMessage: error.message,
        maxAttempts: again ? attempt + 1 : attemptsFor(error.code),
      },
    );
    await failRunningSteps(tx, held.task.id, error.message);
    await deps.live.record(tx, { ...about(held.task, null), action: 'updated' });
  });
  deps.live.flush();
  deps.log.warn({ task: held.task.id, code: error.code, delay }, 'task will be tried again');
  return true;
}

/** Of a pool at most so many are tried in one task: each is started and proven, which takes seconds. */
const WAYS_TRIED = 8;
const failuresOfWay: readonly ErrorCode[] = ['proof_failed', 'egress_failed'];

async function nextWay(deps: AttemptDeps, task: Task, error: AppError): Promise<boolean> {
  if (!failuresOfWay.includes(error.code) || task.attempt >= WAYS_TRIED) return false;
  return (await deps.otherWay?.(task.sandboxId, error)) ?? false;
}

export interface Ending {
  outcome: Outcome;
  observed: ObservedSandbox | null;
}

/** Throws LeaseLost. */
export async function finishTask(deps: AttemptDeps, held: Held, ending: Ending): Promise<void> {
  const { task } = held;
  const { outcome } = ending;
  const kind = taskKindSchema.parse(task.kind);
  await deps.db.$transaction(async (tx) => {
    const now = new Date();
    const ended = await tx.task.updateMany({
      where: { id: task.id, leaseOwner: held.token, state: 'running' },
      data: {
        state: outcome.type,
        leaseOwner: null,
        leaseUntil: null,
        finishedAt: now,
        errorCode: outcome.type === 'failed' ? outcome.code : outcome.type === 'canceled' ? 'canceled' : null,
        errorMessage: outcome.type === 'failed' ? outcome.message : null,
      },
    });
    if (ended.count === 0) throw new LeaseLost();
    await endSteps(tx, task.id, outcome);
    const row = await lockSandbox(tx, task.sandboxId);
    if (row) await settleRow(deps, tx, { row, task, ending });
    await deps.live.record(tx, { ...about(task, row), action: 'updated' });
    if (outcome.type === 'failed') await auditFailure(deps, tx, { task, kind, message: outcome.message });
  });
  deps.live.flush();
  deps.log.info({ task: task.id, kind, sandbox: task.sandboxId, outcome: outcome.type }, 'task ended');
}

async function settleRow(
  deps: AttemptDeps,
  tx: DbOrTx,
  { row, task, ending }: { row: SandboxRow; task: Task; ending: Ending },
): Promise<void> {
  const { outcome } = ending;
  const observed = ending.observed && (await withPoolReason(tx, row, ending.observed));
  const kind = taskKindSchema.parse(task.kind);
  const input = parseTaskInput(task.input);
  if (kind === 'sandbox.delete' && outcome.type === 'succeeded') {
    await tx.sandbox.delete({ where: { id: row.id } });
    await deps.live.record(tx, {
      topic: 'sandbox',
      action: 'deleted',
      subject: row.id,
      sandboxId: row.id,
      workspaceId: row.workspaceId,
    });
    return;
  }
  const desiredPower = powerSchema.parse(row.desiredPower);
  const settled = settle({
    kind,
    outcome,
    observed,
    row: { state: stateOf(row), desiredPower },
    prior: input.prior,
    healing: input.healing,
  });
  if (observed) await noteObserved(deps, tx, { row, observed });
  if (observed && outcome.type === 'succeeded' && input.wayBefore)
    await auditSwitch(deps, tx, {
      ...{ row, observed, before: input.wayBefore, task: task.id },
      actor: { ...systemActor('tasks'), userId: task.requestedById, name: task.requestedBy },
    });
  if (settled === null) return;
  await moveSandbox(tx, deps.live, { row, move: moveTo(settled, observed) });
  if (observed?.hostKey && row.hostKey && observed.hostKey !== row.hostKey)
    await deps.audit.record(tx, {
      type: 'sandbox.hostkey.changed',
      actor: systemActor('tasks'),
      target: { type: 'sandbox', id: row.id, name: row.name },
      message: `${row.name} has a new host key, made by the host agent`,
      before: { hostKey: row.hostKey },
      after: { hostKey: observed.hostKey },
    });
}

function moveTo(settled: Settled, observed: ObservedSandbox | null): Move {
  const move: Move = { ...settled };
  if (observed) move.startedAt = observed.startedAt === null ? null : new Date(observed.startedAt);
  if (settled.state === 'stopped') move.startedAt = null;
  // The agent makes this key and puts it there: what it says is what is pinned.
  if (observed?.hostKey) move.hostKey = observed.hostKey;
  // Coming up counts as activity: what was resumed after a long pause is not idle.
  if (settled.state === 'running') move.lastActivityAt = new Date();
  return move;
}

async function endSteps(tx: DbOrTx, taskId: string, outcome: Outcome): Promise<void> {
  const finishedAt = new Date();
  if (outcome.type === 'succeeded')
    await tx.taskStep.updateMany({
      where: { taskId, name: 'finish' },
      data: { state: 'done', startedAt: finishedAt, finishedAt },
    });
  if (outcome.type === 'failed') await failRunningSteps(tx, taskId, outcome.message);
  await tx.taskStep.updateMany({
    where: { taskId, state: { in: ['waiting', 'running'] } },
    data: { state: 'skipped', finishedAt },
  });
}

async function failRunningSteps(tx: DbOrTx, taskId: string, message: string): Promise<void> {
  await tx.taskStep.updateMany({
    where: { taskId, state: 'running' },
    data: { state: 'failed', message, finishedAt: new Date() },
  });
}

async function auditFailure(
  deps: AttemptDeps,
  tx: DbOrTx,
  failure: { task: Task; kind: TaskKind; message: string },
): Promise<void> {
  const { task, kind, message } = failure;
  await deps.audit.record(tx, {
    type: `${kind}.failed`,
    actor: { ...systemActor('tasks'), userId: task.requestedById, name: task.requestedBy },
    target: { type: 'sandbox', id: task.sandboxId, name: task.sandboxName },
    message: `${verbOf(kind)} ${task.sandboxName} failed: ${message}`,
    after: { task: task.id },
  });
}
