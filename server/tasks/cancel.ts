/** Cancel: a task that has not begun ends at once and the row goes back; one that has is ended by its worker. */
import type { Task } from '../../prisma/generated/client';
import { AppError } from '../../shared/errors';
import { mayFollow, taskKindSchema, taskTransitions, transitionalStates } from '../../shared/sandbox-state';
import type { Actor, DbOrTx } from '../contracts';
import { type EnqueueDeps, liveStates, requestCancel } from './enqueue';
import { parseTaskInput, verbOf } from './plan';
import { lockSandbox, moveSandbox, stateOf } from './transition';

/** Throws `not_found`; `wrong_state` when it has already ended otherwise than by a cancel. */
export async function cancelTask(
  deps: EnqueueDeps,
  tx: DbOrTx,
  asked: { id: string; actor: Actor },
): Promise<Task> {
  // Takes the write lock before anything is read, see lockSandbox.
  await tx.task.updateMany({ where: { id: asked.id }, data: { cancelRequested: { set: true } } });
  const task = await tx.task.findUnique({ where: { id: asked.id } });
  if (!task) throw new AppError('not_found');
  if (task.state === 'canceled') return task;
  if (!liveStates.includes(task.state)) throw new AppError('wrong_state', 'This task has already ended.');
  const kind = taskKindSchema.parse(task.kind);
  if (await requestCancel(deps, tx, task)) await putBack(deps, tx, task);
  await deps.audit.record(tx, {
    type: 'task.cancel',
    actor: asked.actor,
    target: { type: 'sandbox', id: task.sandboxId, name: task.sandboxName },
    message: `Canceled: ${verbOf(kind)} ${task.sandboxName}`,
    after: { task: task.id },
  });
  return tx.task.findUniqueOrThrow({ where: { id: asked.id } });
}

async function putBack(deps: EnqueueDeps, tx: DbOrTx, task: Task): Promise<void> {
  const kind = taskKindSchema.parse(task.kind);
  const row = await lockSandbox(tx, task.sandboxId);
  if (!row || stateOf(row) !== taskTransitions[kind].during) return;
  const { prior } = parseTaskInput(task.input);
  // A delete that made another task give way has no resting state to go back to: the reconciler looks.
  const rests = !transitionalStates.includes(prior.state) && mayFollow(stateOf(row), prior.state);
  const move = rests
    ? { state: prior.state, reason: prior.reason, desiredPower: prior.desiredPower }
    : { state: 'error' as const, reason: `${verbOf(kind)} was canceled.`, desiredPower: prior.desiredPower };
  await moveSandbox(tx, deps.live, { row, move });
}
