/** Ways out: make, change, remove, and read. */
import type { z } from 'zod';
import { type Egress, MASK, maskEgress } from '../../../shared/egress';
import type { createEgressSchema, EgressView, updateEgressSchema } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import { type Actor, actorOf, type DbOrTx, type Identity } from '../../contracts';
import { mergeEgress, refuseMask } from '../../egress/secrets';
import { assign } from './assign';
import { follow } from './follow';
import { type EgressParts, newId, requireAdmin, told } from './parts';
import { refuseIfLast, refuseIfUsed } from './use';
import { egressView, endpointText, servedBy } from './view';
import { forgetKey, publicKeyFor } from './wireguard-keys';

export async function readEgress(db: DbOrTx, id: string) {
  const row = await db.egress.findUnique({ where: { id } });
  if (!row) throw new AppError('not_found', 'There is no such way out.');
  return row;
}

export async function viewOf(parts: EgressParts, id: string): Promise<EgressView> {
  const row = await readEgress(parts.db, id);
  const served = await servedBy(parts.db, 'egressId');
  return egressView(row, parts.secrets, served.get(id) ?? 0);
}

/** Columns that follow from a configuration. */
export async function configColumns(parts: EgressParts, tx: DbOrTx, egress: Egress) {
  return {
    kind: egress.kind,
    endpoint: endpointText(egress),
    config: parts.secrets.seal(egress),
    fingerprint: parts.secrets.fingerprint(egress),
    publicKey: await publicKeyFor(tx, egress),
  };
}

/** One new row with its audit entry; also what an import and a subscription make. */
export async function insertEgress(
  parts: EgressParts,
  tx: DbOrTx,
  made: {
    actor: Actor;
    createdById: string;
    input: z.output<typeof createEgressSchema>;
    from?: { subscriptionId: string; subscriptionKey: string };
  },
): Promise<string> {
  const { actor, input } = made;
  const id = newId();
  await tx.egress.create({
    data: {
      id,
      label: input.label,
      ...(await configColumns(parts, tx, input.config)),
      expectedAddress: input.expectedAddress,
      dns: input.dns === null ? null : JSON.stringify(input.dns),
      proof: input.proof ?? (input.config.kind === 'direct' ? 'watch' : 'gate'),
      createdById: made.createdById,
      ...made.from,
    },
  });
  await told(parts, tx, {
    actor,
    action: 'created',
    type: 'egress.created',
    target: { type: 'egress', id, name: input.label },
    message: `Made the way out ${input.label}`,
    after: { ...input, config: maskEgress(input.config) },
  });
  return id;
}

export async function createEgress(
  parts: EgressParts,
  identity: Identity,
  input: z.output<typeof createEgressSchema>,
): Promise<EgressView> {
  requireAdmin(identity);
  refuseMask(input.config);
  const id = await parts.db.$transaction((tx) =>
    insertEgress(parts, tx, { actor: actorOf(identity), createdById: identity.userId, input }),
  );
  parts.live.flush();
  return viewOf(parts, id);
}

/** What its sandboxes get by it changes: each live one is switched by a task. */
export async function updateEgress(
  parts: EgressParts,
  identity: Identity,
  input: z.output<typeof updateEgressSchema>,
): Promise<EgressView> {
  requireAdmin(identity);
  const { secrets } = parts;
  await parts.db.$transaction(async (tx) => {
    const row = await readEgress(tx, input.id);
    const stored = secrets.open(row.config);
    const config = input.config === undefined ? stored : mergeEgress(stored, input.config);
    const renewed = secrets.fingerprint(config) !== row.fingerprint;
    if (input.enabled === false && row.enabled) await refuseIfLast(tx, row.id);
    const settings = {
      ...(input.label === undefined ? {} : { label: input.label }),
      ...(input.expectedAddress === undefined ? {} : { expectedAddress: input.expectedAddress }),
      ...(input.dns === undefined ? {} : { dns: input.dns === null ? null : JSON.stringify(input.dns) }),
      ...(input.proof === undefined ? {} : { proof: input.proof }),
      ...(input.enabled === undefined ? {} : { enabled: input.enabled }),
    };
    const unproven = {
      verdict: null,
      provenAt: null,
      verdictReason: null,
      exitAddress: null,
      latencyMs: null,
    };
    await tx.egress.update({
      where: { id: row.id },
      data: { ...settings, ...(renewed ? { ...(await configColumns(parts, tx, config)), ...unproven } : {}) },
    });
    const { label, expectedAddress, dns, proof, enabled } = row;
    await told(parts, tx, {
      actor: actorOf(identity),
      action: 'updated',
      type: 'egress.updated',
      target: { type: 'egress', id: row.id, name: row.label },
      message: `Changed the way out ${row.label}`,
      before: { label, expectedAddress, dns, proof, enabled, config: maskEgress(stored) },
      after: {
        ...settings,
        ...(renewed ? { config: maskEgress(config), changed: changedFields(stored, config) } : {}),
      },
    });
    const { label: _label, ...felt } = settings;
    if (!renewed && Object.keys(felt).length === 0) return;
    const moved = await assign(parts, tx, { egressId: row.id });
    const still = await tx.sandbox.findMany({ where: { egressId: row.id } });
    await follow(parts.engine, tx, { sandboxes: [...moved, ...still], actor: actorOf(identity) });
  });
  parts.engine.committed();
  return viewOf(parts, input.id);
}

/** Names only: a changed secret looks the same on both sides of an audit entry. */
function changedFields(before: Egress, after: Egress): string[] {
  const old = new Map(Object.entries(before));
  return Object.entries(after).flatMap(([name, value]) =>
    JSON.stringify(old.get(name)) === JSON.stringify(value) ? [] : [name],
  );
}

export async function removeEgress(parts: EgressParts, identity: Identity, id: string): Promise<void> {
  requireAdmin(identity);
  const row = await parts.db.$transaction(async (tx) => {
    const found = await readEgress(tx, id);
    await refuseIfUsed(tx, found);
    await tx.egress.delete({ where: { id } });
    await told(parts, tx, {
      actor: actorOf(identity),
      action: 'deleted',
      type: 'egress.deleted',
      target: { type: 'egress', id, name: found.label },
      message: `Removed the way out ${found.label}`,
      before: { kind: found.kind, endpoint: found.endpoint, config: MASK },
    });
    return found;
  });
  parts.live.flush();
  await forgetKey(parts, parts.secrets.open(row.config));
}
