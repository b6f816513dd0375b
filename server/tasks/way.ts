/** What the agent says of a sandbox's way out, written into its row, and its changes into the audit log. */
import type { ObservedSandbox } from '../../shared/agent-api';
import { type Actor, type Audit, type DbOrTx, type Live, systemActor } from '../contracts';
import type { SandboxRow } from './transition';

interface Parts {
  live: Live;
  audit: Audit;
}

/** Cut off by the agent, until a later proof is good: null when it is not. */
export function fenceOf(observed: ObservedSandbox): string | null {
  const alive = observed.power === 'running' || observed.power === 'paused';
  if (!alive || observed.network.tunnel !== 'fenced') return null;
  return observed.network.reason ?? 'Its way out was not proven.';
}

/** In the caller's transaction. Tells nobody when nothing changed; false then. */
export async function noteFence(
  parts: Parts,
  tx: DbOrTx,
  { row, observed }: { row: SandboxRow; observed: ObservedSandbox },
): Promise<boolean> {
  const reason = fenceOf(observed);
  const fenced = reason !== null;
  if (row.fenced === fenced && row.networkReason === reason) return false;
  await tx.sandbox.update({ where: { id: row.id }, data: { fenced, networkReason: reason } });
  const { id, workspaceId } = row;
  await parts.live.record(tx, {
    topic: 'sandbox',
    action: 'updated',
    subject: id,
    sandboxId: id,
    workspaceId,
  });
  // A container that ended was not unfenced; and another reason is the same fence.
  if (row.fenced === fenced || (!fenced && observed.power !== 'running')) return true;
  await parts.audit.record(tx, {
    type: fenced ? 'network.fenced' : 'network.unfenced',
    actor: systemActor('network'),
    target: { type: 'sandbox', id, name: row.name },
    message: fenced ? `${row.name} is fenced: ${reason}` : `${row.name} is not fenced any more`,
    before: { reason: row.networkReason },
    after: { reason, egressId: observed.network.egressId, proof: observed.network.proof?.id ?? null },
  });
  return true;
}

export interface Way {
  egressId: string | null;
  label: string;
}

export async function wayOf(db: DbOrTx, egressId: string | null): Promise<Way> {
  const row = egressId === null ? null : await db.egress.findUnique({ where: { id: egressId } });
  return { egressId, label: egressId === null ? 'Direct' : (row?.label ?? 'one that is gone') };
}

/** In the caller's transaction, at the end of the task that did it. */
export async function auditSwitch(
  parts: Parts,
  tx: DbOrTx,
  change: { row: SandboxRow; actor: Actor; before: Way; observed: ObservedSandbox; task: string },
): Promise<void> {
  const { row, actor, before, observed, task } = change;
  if (observed.network.egressId === before.egressId) return;
  const after = await wayOf(tx, observed.network.egressId);
  await parts.audit.record(tx, {
    type: 'egress.switched',
    actor,
    target: { type: 'sandbox', id: row.id, name: row.name },
    message: `${row.name} went from ${before.label} to ${after.label}`,
    before: { ...before },
    after: { ...after, task, proof: observed.network.proof?.id ?? null },
  });
}
