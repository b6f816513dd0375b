/** Brings what changed to the sandboxes that live: one task each. */
import { taskTransitions, transitionalStates } from '../../../shared/sandbox-state';
import type { TaskView } from '../../../shared/views';
import type { Actor, Db, DbOrTx } from '../../contracts';
import type { TaskEngine } from '../../tasks/engine';
import { liveStates } from '../../tasks/enqueue';
import { stateOf } from '../../tasks/transition';
import { taskView, withSteps } from '../tasks/view';

/** Ids of the tasks. A sandbox that does not live needs none: its next start takes what is chosen then. */
export async function follow(
  engine: TaskEngine,
  tx: DbOrTx,
  change: { sandboxes: readonly { id: string; state: string }[]; actor: Actor },
): Promise<string[]> {
  const tasks: string[] = [];
  for (const row of change.sandboxes) {
    if (!(await mayUpdate(tx, row))) continue;
    const { task } = await engine.enqueue(tx, {
      kind: 'sandbox.network',
      sandboxId: row.id,
      actor: change.actor,
    });
    tasks.push(task.id);
  }
  return tasks;
}

/** One that another task works on may have been sent the old settings already, so it is updated after that task. */
async function mayUpdate(tx: DbOrTx, row: { id: string; state: string }): Promise<boolean> {
  const state = stateOf(row);
  if (taskTransitions['sandbox.network'].from.includes(state)) return true;
  if (state === 'deleting' || !transitionalStates.includes(state)) return false;
  return (await tx.task.count({ where: { sandboxId: row.id, state: { in: liveStates } } })) > 0;
}

export async function taskViews(db: Db, ids: readonly string[]): Promise<TaskView[]> {
  const rows = await db.task.findMany({ where: { id: { in: [...ids] } }, include: withSteps });
  return rows.map(taskView);
}
