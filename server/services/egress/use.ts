/** Who holds on to a way out: what must let go of it before it may be removed or switched off. */
import type { Egress, EgressBinding } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import type { DbOrTx } from '../../contracts';

/** Bindings outlive what they are for, as that is of four kinds: one whose target is gone holds nothing. */
export async function dropDeadBindings(tx: DbOrTx): Promise<number> {
  const bindings = await tx.egressBinding.findMany({ where: { target: { not: 'everyone' } } });
  const dead: EgressBinding[] = [];
  for (const it of bindings) if ((await targetName(tx, it)) === null) dead.push(it);
  for (const { target, targetId } of dead)
    await tx.egressBinding.delete({ where: { target_targetId: { target, targetId } } });
  return dead.length;
}

/** Policies too: their versions go with them. */
export async function dropDeadPolicies(tx: DbOrTx): Promise<number> {
  const rows = await tx.networkPolicy.findMany({ where: { target: { not: 'everyone' } } });
  let dropped = 0;
  for (const { target, targetId } of rows) {
    if ((await targetName(tx, { target, targetId })) !== null) continue;
    await tx.networkPolicyVersion.deleteMany({ where: { target, targetId } });
    await tx.networkPolicy.delete({ where: { target_targetId: { target, targetId } } });
    dropped += 1;
  }
  return dropped;
}

/** Of a binding's or policy's target; null when it does not exist. */
export async function targetName(
  db: DbOrTx,
  { target, targetId }: { target: string; targetId: string },
): Promise<string | null> {
  const where = { where: { id: targetId } };
  switch (target) {
    case 'sandbox':
      return (await db.sandbox.findUnique(where))?.name ?? null;
    case 'user':
      return (await db.user.findUnique(where))?.username ?? null;
    case 'workspace':
      return (await db.workspace.findUnique(where))?.name ?? null;
    default:
      return target === 'everyone' && targetId === '' ? 'Everyone' : null;
  }
}

/** Throws `egress_in_use` naming what uses it. */
export async function refuseIfUsed(tx: DbOrTx, row: Pick<Egress, 'id' | 'label'>): Promise<void> {
  await dropDeadBindings(tx);
  const uses = await usesOf(tx, row.id);
  if (uses.length > 0)
    throw new AppError('egress_in_use', `${row.label} is in use by ${uses.slice(0, 5).join(', ')}.`);
}

export async function usesOf(tx: DbOrTx, id: string): Promise<string[]> {
  const bindings = await tx.egressBinding.findMany({ where: { egressId: id } });
  const names = await Promise.all(bindings.map((it) => targetName(tx, it)));
  const members = await tx.egressPoolMember.findMany({ where: { egressId: id }, include: { pool: true } });
  const fetches = await tx.egressSubscription.findMany({ where: { viaEgressId: id } });
  const sandboxes = await tx.sandbox.findMany({ where: { egressId: id }, select: { name: true } });
  return [
    ...bindings.map((it, n) => (it.target === 'everyone' ? 'everyone' : `the ${it.target} ${names[n]}`)),
    ...members.map((it) => `the pool ${it.pool.label}`),
    ...fetches.map((it) => `the subscription ${it.label}`),
    ...sandboxes.map((it) => `the sandbox ${it.name}`),
  ];
}

/** Throws `egress_in_use` where somebody would be left with a way out that is switched off. */
export async function refuseIfLast(tx: DbOrTx, id: string): Promise<void> {
  await dropDeadBindings(tx);
  if ((await tx.egressBinding.count({ where: { egressId: id } })) > 0)
    throw new AppError('egress_in_use', 'It is bound directly. Bind what uses it to another one first.');
  const alone = await tx.egressPool.findFirst({
    where: {
      members: { some: { egressId: id }, none: { egressId: { not: id }, egress: { enabled: true } } },
      bindings: { some: {} },
    },
  });
  if (alone)
    throw new AppError('egress_in_use', `It is the last one of the pool ${alone.label} that is switched on.`);
}
