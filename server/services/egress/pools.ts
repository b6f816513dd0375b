/** Pools: several ways out of which each sandbox gets one. */
import type { z } from 'zod';
import type { PoolView, savePoolSchema } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import { actorOf, type DbOrTx, type Identity } from '../../contracts';
import { assign } from './assign';
import { follow } from './follow';
import { type EgressParts, newId, requireAdmin, told } from './parts';
import { dropDeadBindings, targetName } from './use';
import { healthOf, servedBy } from './view';

const withMembers = {
  members: { orderBy: { position: 'asc' as const }, include: { egress: true } },
};

export async function poolViews(db: DbOrTx, where: { id?: string } = {}): Promise<PoolView[]> {
  const rows = await db.egressPool.findMany({ where, include: withMembers, orderBy: { createdAt: 'asc' } });
  const served = await servedBy(db, 'poolId');
  return rows.map((row) => ({
    id: row.id,
    label: row.label,
    strategy: row.strategy === 'spread' ? 'spread' : 'order',
    failover: row.failover,
    members: row.members.map(({ egress }) => ({
      egressId: egress.id,
      label: egress.label,
      health: healthOf(egress),
    })),
    sandboxes: served.get(row.id) ?? 0,
  }));
}

/** Members in the given order. Sandboxes whose present way out is no member any more are switched. */
export async function savePool(
  parts: EgressParts,
  identity: Identity,
  input: z.output<typeof savePoolSchema>,
): Promise<PoolView> {
  requireAdmin(identity);
  const id = input.id ?? newId();
  const { label, strategy, failover } = input;
  await parts.db.$transaction(async (tx) => {
    const before = (await poolViews(tx, { id }))[0];
    if (input.id !== undefined && !before) throw new AppError('not_found', 'There is no such pool.');
    await checkMembers(tx, input.egressIds);
    const data = { label, strategy, failover };
    await tx.egressPool.upsert({
      where: { id },
      create: { id, ...data, createdById: identity.userId },
      update: data,
    });
    await tx.egressPoolMember.deleteMany({ where: { poolId: id } });
    await tx.egressPoolMember.createMany({
      data: input.egressIds.map((egressId, position) => ({ poolId: id, egressId, position })),
    });
    await told(parts, tx, {
      actor: actorOf(identity),
      action: before ? 'updated' : 'created',
      type: before ? 'egress.pool.updated' : 'egress.pool.created',
      target: { type: 'pool', id, name: label },
      message: `Saved the pool ${label}`,
      ...(before ? { before: summary(before) } : {}),
      after: { ...data, egressIds: input.egressIds },
    });
    const sandboxes = await assign(parts, tx, { poolId: id });
    await follow(parts.engine, tx, { sandboxes, actor: actorOf(identity) });
  });
  parts.engine.committed();
  const [view] = await poolViews(parts.db, { id });
  if (!view) throw new AppError('conflict');
  return view;
}

function summary(view: PoolView): Record<string, unknown> {
  const { label, strategy, failover } = view;
  return { label, strategy, failover, egressIds: view.members.map((it) => it.egressId) };
}

async function checkMembers(tx: DbOrTx, ids: readonly string[]): Promise<void> {
  const field = { field: 'egressIds' };
  if (new Set(ids).size < ids.length)
    throw new AppError('invalid_input', 'A pool has each way out once.', field);
  const found = await tx.egress.findMany({ where: { id: { in: [...ids] } }, select: { enabled: true } });
  if (found.length < ids.length) throw new AppError('not_found', 'There is no such way out.', field);
  if (!found.some((it) => it.enabled))
    throw new AppError('invalid_input', 'At least one of them has to be switched on.', field);
}

export async function removePool(parts: EgressParts, identity: Identity, id: string): Promise<void> {
  requireAdmin(identity);
  await parts.db.$transaction(async (tx) => {
    const [view] = await poolViews(tx, { id });
    if (!view) throw new AppError('not_found', 'There is no such pool.');
    await dropDeadBindings(tx);
    const binding = await tx.egressBinding.findFirst({ where: { poolId: id } });
    if (binding)
      throw new AppError('egress_in_use', `${view.label} is bound to ${await targetName(tx, binding)}.`);
    await tx.egressPool.delete({ where: { id } });
    await told(parts, tx, {
      actor: actorOf(identity),
      action: 'deleted',
      type: 'egress.pool.deleted',
      target: { type: 'pool', id, name: view.label },
      message: `Removed the pool ${view.label}`,
      before: summary(view),
    });
  });
  parts.live.flush();
}
