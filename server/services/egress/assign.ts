/** Which way out each sandbox has: chosen by the bindings, kept in its row. */
import type { Prisma, Sandbox } from '../../../prisma/generated/client';
import type { DbOrTx, Live } from '../../contracts';
import { type Choice, type ChooseInput, chooseEgress, type Verdict } from '../../egress/choose';

/** Every row is locked by the transaction before it is read: SQLite has one writer, see lockSandbox. */
export interface AssignParts {
  live: Live;
  /** Counts as red for this choice, whatever its newest proof says. */
  shun?: string | null;
}

/** Chooses anew for the sandboxes of `where` and writes what changed. Answers those that changed, with their new way. */
export async function assign(
  parts: AssignParts,
  tx: DbOrTx,
  where: Prisma.SandboxWhereInput,
): Promise<Sandbox[]> {
  const rows = await tx.sandbox.findMany({ where, orderBy: { createdAt: 'asc' } });
  if (rows.length === 0) return [];
  const facts = await readFacts(tx);
  if (parts.shun) facts.health.set(parts.shun, 'red');
  const counts = new Map(facts.counts);
  const changed: Sandbox[] = [];
  for (const row of rows) {
    count(counts, row.egressId, -1);
    const choice = chooseEgress({ ...facts, counts, sandbox: row });
    count(counts, choice.egressId, 1);
    if (!differs(row, choice)) continue;
    await tx.sandbox.update({ where: { id: row.id }, data: choice });
    await parts.live.record(tx, {
      topic: 'sandbox',
      action: 'updated',
      subject: row.id,
      sandboxId: row.id,
      workspaceId: row.workspaceId,
    });
    // By whom it is bound says nothing about where its packets go.
    if (row.egressId !== choice.egressId) changed.push({ ...row, ...choice });
  }
  return changed;
}

function differs(row: Sandbox, choice: Choice): boolean {
  return row.egressId !== choice.egressId || row.boundBy !== choice.boundBy || row.poolId !== choice.poolId;
}

function count(counts: Map<string, number>, id: string | null, by: number): void {
  if (id !== null) counts.set(id, (counts.get(id) ?? 0) + by);
}

async function readFacts(
  tx: DbOrTx,
): Promise<Omit<ChooseInput, 'sandbox' | 'health'> & { health: Map<string, Verdict | null> }> {
  const bindings = await tx.egressBinding.findMany();
  const pools = await tx.egressPool.findMany({ include: { members: { orderBy: { position: 'asc' } } } });
  const egresses = await tx.egress.findMany({ select: { id: true, enabled: true, verdict: true } });
  const served = await tx.sandbox.groupBy({ by: ['egressId'], _count: true });
  return {
    bindings,
    pools: new Map(
      pools.map((it) => [
        it.id,
        { strategy: it.strategy, failover: it.failover, members: it.members.map((one) => one.egressId) },
      ]),
    ),
    egresses: new Map(egresses.map((it) => [it.id, { enabled: it.enabled }])),
    // Written by the store of proofs alone, from proofSchema.
    health: new Map(egresses.map((it) => [it.id, it.verdict as Verdict | null])),
    counts: new Map(served.flatMap((it) => (it.egressId === null ? [] : [[it.egressId, it._count]]))),
  };
}
