/** Budgets as they are kept. */
import { budgetMeasureSchema, budgetTargetSchema, budgetWindowSchema } from '../../../shared/usage';
import type { DbOrTx } from '../../contracts';
import type { Budget } from '../../usage/ledger';
import { targetName } from '../egress/use';

export async function budgetRows(db: DbOrTx, where: object): Promise<Budget[]> {
  const rows = await db.budget.findMany({ where, orderBy: [{ target: 'asc' }, { targetId: 'asc' }] });
  return rows.map((it) => ({
    target: budgetTargetSchema.parse(it.target),
    targetId: it.targetId,
    window: budgetWindowSchema.parse(it.window),
    measure: budgetMeasureSchema.parse(it.measure),
    limit: it.limit,
  }));
}

/** A budget outlives what it is for, as that is of three kinds. */
export async function dropDeadBudgets(tx: DbOrTx): Promise<number> {
  let dropped = 0;
  for (const { target, targetId } of await tx.budget.findMany({ distinct: ['target', 'targetId'] })) {
    if ((await targetName(tx, { target, targetId })) !== null) continue;
    dropped += (await tx.budget.deleteMany({ where: { target, targetId } })).count;
  }
  return dropped;
}
