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

/** `noteFence` of what was observed. A container that ended was not unfenced: nobody is told of that. */
export async function noteObserved(
  parts: Parts,
  tx: DbOrTx,
  { row, observed }: { row: SandboxRow; observed: ObservedSandbox },
): Promise<void> {
  const reason = fenceOf(observed);
  await noteFence(parts, tx, { row, reason, quiet: reason === null && observed.power !== 'running' });
}

/** In the caller's transaction; `reason` null: not fenced. Tells nobody when nothing changed. */
export async function noteFence(
  parts: Parts,
  tx: DbOrTx,
  { row, reason, quiet }: { row: SandboxRow; reason: string | null; quiet?: boolean },
): Promise<void> {
  const fenced = reason !== null;
  if (row.fenced === fenced && row.networkReason === reason) return;
  await tx.sandbox.update({ where: { id: row.id }, data: { fenced, networkReason: reason } });
  const { id, workspaceId } = row;
  await parts.live.record(tx, {
    topic: 'sandbox',
    action: 'updated',
    subject: id,
    sandboxId: id,
    workspaceId,
  });
  // Another reason is the same fence.
  if (row.fenced === fenced || quiet) return;
  await parts.audit.record(tx, {
    type: fenced ? 'network.fenced' : 'network.unfenced',
    actor: systemActor('network'),
    target: { type: 'sandbox', id, name: row.name },
    message: fenced ? `${row.name} is fenced: ${reason}` : `${row.name} is not fenced any more`,
    before: { reason: row.networkReason },
    after: { reason, egressId: row.egressId },
  });
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
