/** Makes a task in one transaction with the change of state it stands for. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Prisma, Task } from '../../prisma/generated/client';
import { AppError, errorTable } from '../../shared/errors';
import { type TaskKind, taskKindSchema, taskTransitions } from '../../shared/sandbox-state';
import type { Actor, Audit, DbOrTx, Live } from '../contracts';
import { keepsState, powerSchema, stepsOf, type TaskInput, targetPower, verbOf } from './plan';
import { attemptsFor } from './retry';
import { lockSandbox, type Move, moveSandbox, type SandboxRow, stateOf } from './transition';

export const liveStates = ['queued', 'running'];

export interface TaskRequest {
  kind: TaskKind;
  sandboxId: string;
  actor: Actor;
  idempotencyKey?: string | undefined;
  /** What the key stands for, when that is more than kind and sandbox. JSON. */
  fingerprint?: unknown;
  /** `sandbox.create` only. */
  openClaude?: boolean;
  /** The row is already in this kind's own transitional state, without a live task. */
  stranded?: boolean;
  /** Asked for by the reconciler. */
  healing?: boolean;
  /** Looked at under the lock; false means `conflict`. */
  expect?: (row: SandboxRow) => boolean;
}

export interface EnqueueDeps {
  live: Live;
  audit: Audit;
  /** The image that a new container is made from now. Throws `image_missing`. */
  image: () => string;
}

/** `reused`: nothing was made, this is the task that already does it. */
export interface Enqueued {
  task: Task;
  reused: boolean;
}

let lastStamp = 0;
/** Ids sort by time, also within one millisecond of this process. */
function newTaskId(): string {
  lastStamp = Math.max(Date.now() * 1000, lastStamp + 1);
  return `t${lastStamp.toString(36).padStart(11, '0')}${randomBytes(8).toString('hex')}`;
}

/** Keys of two users never meet. */
function scopedKey(actor: Actor, key: string): string {
  return `${actor.userId ?? actor.name}:${key}`;
}

function requestHash(fingerprint: unknown): string {
  return createHash('sha256').update(JSON.stringify(fingerprint)).digest('hex');
}

/** The task that was made with this key. Throws `idempotency_mismatch` when it was made for another request. */
export async function findByKey(
  tx: DbOrTx,
  asked: { actor: Actor; key: string; fingerprint: unknown },
): Promise<Task | null> {
  const found = await tx.task.findUnique({ where: { idempotencyKey: scopedKey(asked.actor, asked.key) } });
  if (found && found.requestHash !== requestHash(asked.fingerprint))
    throw new AppError('idempotency_mismatch');
  return found;
}

/**
 * Throws `not_found`, `wrong_state` (another task works on it, or the kind does not fit its state),
 * `idempotency_mismatch`, `conflict`.
 */
export async function enqueue(deps: EnqueueDeps, tx: DbOrTx, request: TaskRequest): Promise<Enqueued> {
  const { kind, sandboxId, actor } = request;
  const row = await lockSandbox(tx, sandboxId);
  const fingerprint = request.fingerprint ?? { kind, sandboxId };
  if (request.idempotencyKey !== undefined) {
    const known = await findByKey(tx, { actor, key: request.idempotencyKey, fingerprint });
    if (known) return { task: known, reused: true };
  }
  if (!row) throw new AppError('not_found');
  if (request.expect && !request.expect(row)) throw new AppError('conflict');

  const before = await tx.task.findMany({
    where: { sandboxId, state: { in: liveStates } },
    orderBy: { id: 'asc' },
  });
  const same = before.find((task) => task.kind === kind && !task.cancelRequested);
  const keeps = keepsState(kind);
  // A queued one has not read the row yet; one that runs may have sent what the row said before.
  if (same && (!keeps || same.state === 'queued')) return { task: same, reused: true };
  const giveWay = before.filter(
    (task) => kind === 'sandbox.delete' || keepsState(taskKindSchema.parse(task.kind)),
  );
  if (!keeps && giveWay.length < before.length)
    throw new AppError('wrong_state', `${verbOf(kind)} has to wait: another task works on this sandbox.`);

  const { from, during } = taskTransitions[kind];
  const state = stateOf(row);
  const busyUpdate = keeps && before.length > 0;
  const stranded = request.stranded === true && state === during;
  if (!from.includes(state) && !stranded && !busyUpdate)
    throw new AppError('wrong_state', `This sandbox is ${state}. ${errorTable.wrong_state.next}`);

  for (const task of keeps ? [] : giveWay) await requestCancel(deps, tx, task);
  const prior = { state, reason: row.stateReason, desiredPower: powerSchema.parse(row.desiredPower) };
  const task = await insertTask(tx, { ...request, fingerprint, row, prior });
  if (during !== null) await moveSandbox(tx, deps.live, { row, move: moveFor(deps, request, row) });
  await deps.live.record(tx, { ...about(task, row), action: 'created' });
  await deps.audit.record(tx, {
    type: kind,
    actor,
    target: { type: 'sandbox', id: row.id, name: row.name },
    message: `${verbOf(kind)} ${row.name}`,
    before: { state, generation: row.generation },
    after: { task: task.id },
  });
  return { task, reused: false };
}

export function about(task: Task, row: { workspaceId: string } | null) {
  return {
    topic: 'task' as const,
    subject: task.id,
    sandboxId: task.sandboxId,
    workspaceId: row?.workspaceId ?? null,
  };
}

/** A task that has not begun ends at once; one that has is told, and its worker ends it. */
export async function requestCancel(deps: EnqueueDeps, tx: DbOrTx, task: Task): Promise<boolean> {
  const unbegun = task.state === 'queued' && task.attempt === 0;
  const now = new Date();
  const data: Prisma.TaskUpdateManyMutationInput = unbegun
    ? { state: 'canceled', cancelRequested: true, errorCode: 'canceled', finishedAt: now }
    : { cancelRequested: true, nextRunAt: now };
  const where = { id: task.id, state: task.state, attempt: task.attempt };
  const changed = await tx.task.updateMany({ where, data });
  if (changed.count === 0) throw new AppError('conflict');
  if (unbegun) await tx.taskStep.updateMany({ where: { taskId: task.id }, data: { state: 'skipped' } });
  await deps.live.record(tx, { ...about(task, null), action: 'updated' });
  return unbegun;
}

function moveFor(deps: EnqueueDeps, request: TaskRequest, row: SandboxRow): Move {
  const { during } = taskTransitions[request.kind];
  const move: Move = { state: during ?? stateOf(row), reason: null };
  const power = targetPower(request.kind, stateOf(row));
  if (power) move.desiredPower = power;
  if (request.kind !== 'sandbox.rebuild' && request.kind !== 'sandbox.create') return move;
  const image = deps.image();
  // Raised with the request, not by the worker: a worker that starts over must not raise it again.
  const anew = request.kind === 'sandbox.rebuild' || row.image !== image;
  return anew ? { ...move, generation: row.generation + 1, image } : move;
}

async function insertTask(
  tx: DbOrTx,
  made: TaskRequest & { row: SandboxRow; prior: TaskInput['prior'] },
): Promise<Task> {
  const input: TaskInput = {
    openClaude: made.openClaude ?? false,
    ...(made.openClaude ? { firstSession: randomUUID() } : {}),
    healing: made.healing ?? false,
    prior: made.prior,
  };
  const key = made.idempotencyKey;
  const steps = stepsOf(made.kind, input.openClaude);
  return tx.task.create({
    data: {
      id: newTaskId(),
      sandboxId: made.sandboxId,
      sandboxName: made.row.name,
      kind: made.kind,
      requestedById: made.actor.userId,
      requestedBy: made.actor.name,
      idempotencyKey: key === undefined ? null : scopedKey(made.actor, key),
      requestHash: key === undefined ? null : requestHash(made.fingerprint),
      input: JSON.stringify(input),
      maxAttempts: attemptsFor('agent_failed'),
      steps: { create: steps.map((name, position) => ({ name, position })) },
    },
  });
}
