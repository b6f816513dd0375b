/** Why a sandbox of a pool stays cut off: when none of the pool's ways out is left, each is named with its reason. */
import type { ObservedSandbox } from '../../shared/agent-api';
import type { DbOrTx } from '../contracts';
import { conditionOf } from './decide';

/** The reason is shown on a card: a few words of each way out. */
const REASON_MAX_CHARS = 160;

/** Null while there is one that is not red, or where the pool does not fail over. */
export async function poolReason(db: DbOrTx, poolId: string | null): Promise<string | null> {
  if (poolId === null) return null;
  const pool = await db.egressPool.findUnique({
    where: { id: poolId },
    include: { members: { orderBy: { position: 'asc' }, include: { egress: true } } },
  });
  if (!pool?.failover) return null;
  const enabled = pool.members.map((it) => it.egress).filter((it) => it.enabled);
  if (enabled.length === 0 || enabled.some((it) => it.verdict !== 'red')) return null;
  const each = enabled.map((it) => `${it.label}: ${short(it.verdictReason ?? 'it is red.')}`);
  return `Every way out of the pool ${pool.label} is red. ${each.join(' ')} It opens again when one of them works.`;
}

function short(reason: string): string {
  return reason.length <= REASON_MAX_CHARS ? reason : `${reason.slice(0, REASON_MAX_CHARS - 1)}…`;
}

/** What was observed, with the pool's reason instead of that of the one way out that was tried last. */
export async function withPoolReason(
  db: DbOrTx,
  row: { poolId: string | null },
  observed: ObservedSandbox,
): Promise<ObservedSandbox> {
  if (row.poolId === null || conditionOf(observed) !== 'fenced') return observed;
  const reason = await poolReason(db, row.poolId);
  return reason === null ? observed : { ...observed, network: { ...observed.network, reason } };
}
