/** Bindings: which sandbox, user, workspace, or everyone, goes by which way out or pool. */
import type { z } from 'zod';
import type { Prisma } from '../../../prisma/generated/client';
import { type BindingView, bindingTargets, type bindSchema } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import type { TaskView } from '../../../shared/views';
import { actorOf, type DbOrTx, type Identity } from '../../contracts';
import type { BindingTarget } from '../../egress/choose';
import { assign } from './assign';
import { follow, taskViews } from './follow';
import { type EgressParts, requireAdmin, told } from './parts';
import { targetName } from './use';

/** The sandboxes that a target may concern; a nearer binding may still decide for some. */
export function sandboxesOf(it: { target: string; targetId: string }): Prisma.SandboxWhereInput {
  switch (it.target) {
    case 'sandbox':
      return { id: it.targetId };
    case 'user':
      return { ownerId: it.targetId };
    case 'workspace':
      return { workspaceId: it.targetId };
    default:
      return {};
  }
}

/** Those whose target is still there, nearest targets first. */
export async function bindingViews(db: DbOrTx): Promise<BindingView[]> {
  const rows = await db.egressBinding.findMany({ include: { egress: true, pool: true } });
  const views: BindingView[] = [];
  for (const row of rows) {
    const name = await targetName(db, row);
    const target = bindingTargets.find((it) => it === row.target);
    if (name === null || target === undefined) continue;
    const { targetId, egressId, poolId } = row;
    const label = row.egress?.label ?? row.pool?.label ?? '';
    views.push({ target, targetId, targetName: name, egressId, poolId, label });
  }
  const rank = (it: BindingView) => bindingTargets.indexOf(it.target);
  return views.sort((a, b) => rank(a) - rank(b) || a.targetName.localeCompare(b.targetName));
}

export async function bind(
  parts: EgressParts,
  identity: Identity,
  input: z.output<typeof bindSchema>,
): Promise<TaskView[]> {
  requireAdmin(identity);
  const actor = actorOf(identity);
  const { target, targetId, egressId, poolId } = input;
  const tasks = await parts.db.$transaction(async (tx) => {
    const name = await targetName(tx, input);
    if (name === null)
      throw new AppError('not_found', 'What it should be bound to does not exist.', { field: 'targetId' });
    const to = await labelOf(tx, input);
    const where = { target_targetId: { target, targetId } };
    const before = await tx.egressBinding.findUnique({ where, include: { egress: true, pool: true } });
    if (to === null) await tx.egressBinding.deleteMany({ where: { target, targetId } });
    else {
      const data = { egressId, poolId, updatedBy: actor.name };
      await tx.egressBinding.upsert({ where, create: { target, targetId, ...data }, update: data });
    }
    await told(parts, tx, {
      actor,
      action: to === null ? 'deleted' : before ? 'updated' : 'created',
      type: to === null ? 'egress.unbound' : 'egress.bound',
      target: { type: target, id: targetId, name },
      message:
        to === null
          ? `${bindingName(target, name)} is bound to nothing`
          : `${bindingName(target, name)} goes by ${to}`,
      before: { egressId: before?.egressId ?? null, poolId: before?.poolId ?? null },
      after: { egressId, poolId },
    });
    const sandboxes = await assign(parts, tx, sandboxesOf(input));
    return follow(parts.engine, tx, { sandboxes, actor });
  });
  parts.engine.committed();
  return taskViews(parts.db, tasks);
}

function bindingName(target: BindingTarget, name: string): string {
  return target === 'everyone' ? 'Everyone' : `The ${target} ${name}`;
}

/** Null for neither. Throws `not_found`, and `invalid_input` for one that is switched off. */
async function labelOf(
  tx: DbOrTx,
  to: { egressId: string | null; poolId: string | null },
): Promise<string | null> {
  if (to.egressId !== null) {
    const egress = await tx.egress.findUnique({ where: { id: to.egressId } });
    if (!egress) throw new AppError('not_found', 'There is no such way out.', { field: 'egressId' });
    if (!egress.enabled)
      throw new AppError('invalid_input', `${egress.label} is switched off.`, { field: 'egressId' });
    return egress.label;
  }
  if (to.poolId === null) return null;
  const pool = await tx.egressPool.findUnique({ where: { id: to.poolId } });
  if (!pool) throw new AppError('not_found', 'There is no such pool.', { field: 'poolId' });
  return pool.label;
}
