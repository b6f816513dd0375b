/** Subscriptions: ways out that somebody else keeps a list of. */
import type { z } from 'zod';
import type { EgressSubscription } from '../../../prisma/generated/client';
import { maskEgress } from '../../../shared/egress';
import type { SubscriptionView, saveSubscriptionSchema } from '../../../shared/egress-views';
import { AppError, toAppError } from '../../../shared/errors';
import { type Actor, actorOf, type DbOrTx, type Identity, systemActor } from '../../contracts';
import { configColumns, insertEgress, readEgress } from './crud';
import { follow } from './follow';
import { type EgressParts, newId, requireAdmin, told } from './parts';
import {
  fetchSubscription,
  hasWork,
  type Plan,
  planOf,
  sealFetched,
  subscriptionView,
} from './subscription-fetch';
import { usesOf } from './use';

async function read(db: DbOrTx, id: string): Promise<EgressSubscription> {
  const row = await db.egressSubscription.findUnique({ where: { id } });
  if (!row) throw new AppError('not_found', 'There is no such subscription.');
  return row;
}
const targetOf = (row: { id: string; label: string }) => ({
  type: 'subscription',
  id: row.id,
  name: row.label,
});

export async function listSubscriptions(parts: EgressParts, identity: Identity): Promise<SubscriptionView[]> {
  requireAdmin(identity);
  const rows = await parts.db.egressSubscription.findMany({ orderBy: { createdAt: 'asc' } });
  return Promise.all(rows.map((row) => subscriptionView(parts, row)));
}

export async function saveSubscription(
  parts: EgressParts,
  identity: Identity,
  input: z.output<typeof saveSubscriptionSchema>,
): Promise<SubscriptionView> {
  requireAdmin(identity);
  const { id: given, url, ...settings } = input;
  const id = given ?? newId();
  await parts.db.$transaction(async (tx) => {
    const before = given === undefined ? null : await read(tx, given);
    if (settings.viaEgressId !== null) await readEgress(tx, settings.viaEgressId);
    const address =
      url === undefined
        ? null
        : { url: parts.secrets.sealText('subscription.url', url), origin: new URL(url).origin };
    if (before)
      await tx.egressSubscription.update({
        where: { id },
        // What was fetched from another address says nothing about this one.
        data: {
          ...settings,
          ...(address ? { ...address, pending: null, triedAt: null, problem: null } : {}),
        },
      });
    else if (address)
      await tx.egressSubscription.create({
        data: { id, ...settings, ...address, createdById: identity.userId },
      });
    else throw new AppError('invalid_input', 'A subscription needs its address.', { field: 'url' });
    await told(parts, tx, {
      actor: actorOf(identity),
      action: before ? 'updated' : 'created',
      type: before ? 'egress.subscription.updated' : 'egress.subscription.created',
      target: targetOf({ id, label: settings.label }),
      message: `Saved the subscription ${settings.label}`,
      ...(before ? { before: shown(before) } : {}),
      after: { ...settings, ...(address ? { origin: address.origin } : {}) },
    });
  });
  parts.live.flush();
  return subscriptionView(parts, await read(parts.db, id));
}

function shown(row: EgressSubscription): Record<string, unknown> {
  const { label, origin, viaEgressId, everyMinutes, autoApply } = row;
  return { label, origin, viaEgressId, everyMinutes, autoApply };
}

/** Fetches now. A fetch that fails is kept as `problem`; what is there stays as it is. */
export async function refresh(
  parts: EgressParts,
  id: string,
  options: { actor: Actor; signal?: AbortSignal },
): Promise<void> {
  const row = await read(parts.db, id);
  const triedAt = new Date();
  const result = await fetchSubscription(parts, row, options.signal).catch((thrown: unknown) => {
    const error = toAppError(thrown);
    // Shut down or left by who asked: that says nothing about the subscription.
    if (error.code === 'canceled' || error.code === 'internal') throw thrown;
    return { fetched: null, problem: error.message };
  });
  await parts.db.$transaction(async (tx) => {
    // Its address may have been changed while it was fetched.
    const changed = await tx.egressSubscription.updateMany({
      where: { id, url: row.url },
      data: {
        triedAt,
        problem: result.problem,
        ...(result.fetched ? { fetchedAt: triedAt, pending: sealFetched(parts, result.fetched) } : {}),
      },
    });
    if (changed.count === 0) throw new AppError('conflict');
    await parts.live.record(tx, { topic: 'egress', action: 'updated', subject: id });
    if (!result.fetched) return;
    const plan = await planOf(parts, tx, await read(tx, id));
    if (plan && !hasWork(plan))
      await tx.egressSubscription.update({ where: { id }, data: { pending: null } });
    else if (plan && row.autoApply) await apply(parts, tx, { row, plan, actor: options.actor });
  });
  parts.engine.committed();
}

export async function refreshSubscription(
  parts: EgressParts,
  identity: Identity,
  id: string,
): Promise<SubscriptionView> {
  requireAdmin(identity);
  await refresh(parts, id, { actor: actorOf(identity) });
  return subscriptionView(parts, await read(parts.db, id));
}

/** Throws `wrong_state` when nothing waits. */
export async function applySubscription(
  parts: EgressParts,
  identity: Identity,
  id: string,
): Promise<SubscriptionView> {
  requireAdmin(identity);
  await parts.db.$transaction(async (tx) => {
    const row = await read(tx, id);
    const plan = await planOf(parts, tx, row);
    if (!plan) throw new AppError('wrong_state', 'Nothing waits to be applied. Fetch it first.');
    await apply(parts, tx, { row, plan, actor: actorOf(identity) });
  });
  parts.engine.committed();
  return subscriptionView(parts, await read(parts.db, id));
}

/** All of it, in the caller's transaction. One in use that is not listed any more is kept and flagged. */
async function apply(
  parts: EgressParts,
  tx: DbOrTx,
  { row, plan, actor }: { row: EgressSubscription; plan: Plan; actor: Actor },
): Promise<void> {
  // Keys are unique: two that swap theirs must not meet half-way.
  for (const { row: egress } of plan.changed)
    await tx.egress.update({ where: { id: egress.id }, data: { subscriptionKey: `\u0000${egress.id}` } });
  const flagged: string[] = [];
  for (const egress of plan.removed) {
    const used = (await usesOf(tx, egress.id)).length > 0;
    if (used) flagged.push(egress.label);
    if (used)
      await tx.egress.update({
        where: { id: egress.id },
        data: { vanishedAt: egress.vanishedAt ?? new Date() },
      });
    else await tx.egress.delete({ where: { id: egress.id } });
  }
  await tx.egress.updateMany({
    where: { id: { in: plan.kept.map((it) => it.id) } },
    data: { vanishedAt: null },
  });
  for (const { entry, row: egress } of plan.changed) {
    const renamed = egress.label === egress.key ? { label: entry.label } : {};
    const anew =
      entry.fingerprint === egress.fingerprint
        ? {}
        : {
            ...(await configColumns(parts, tx, entry.config)),
            ...{
              verdict: null,
              provenAt: null,
              verdictReason: null,
              exitAddress: null,
              country: null,
              latencyMs: null,
            },
          };
    await tx.egress.update({
      where: { id: egress.id },
      data: { ...renamed, ...anew, subscriptionKey: entry.key, vanishedAt: null },
    });
    const sandboxes = 'config' in anew ? await tx.sandbox.findMany({ where: { egressId: egress.id } }) : [];
    await follow(parts.engine, tx, { sandboxes, actor });
  }
  for (const entry of plan.added)
    await insertEgress(parts, tx, {
      actor,
      createdById: row.createdById,
      input: { label: entry.label, config: entry.config, expectedAddress: null, dns: null, proof: null },
      from: { subscriptionId: row.id, subscriptionKey: entry.key },
    });
  await tx.egressSubscription.update({ where: { id: row.id }, data: { pending: null } });
  await told(parts, tx, {
    actor,
    action: 'updated',
    type: 'egress.subscription.applied',
    target: targetOf(row),
    message: `Took the changes of the subscription ${row.label}`,
    before: { removed: plan.removed.map((it) => it.key) },
    after: {
      added: plan.added.map((it) => it.key),
      changed: plan.changed.map((it) => ({ key: it.entry.key, config: maskEgress(it.entry.config) })),
      keptInUse: flagged,
    },
  });
}

/** Its ways out stay, as ones of one's own. */
export async function removeSubscription(parts: EgressParts, identity: Identity, id: string): Promise<void> {
  requireAdmin(identity);
  await parts.db.$transaction(async (tx) => {
    const row = await read(tx, id);
    await tx.egress.updateMany({
      where: { subscriptionId: id },
      data: { subscriptionId: null, subscriptionKey: null, vanishedAt: null },
    });
    await tx.egressSubscription.delete({ where: { id } });
    await told(parts, tx, {
      actor: actorOf(identity),
      action: 'deleted',
      type: 'egress.subscription.deleted',
      target: targetOf(row),
      message: `Removed the subscription ${row.label}`,
      before: shown(row),
    });
  });
  parts.live.flush();
}

/** Those whose time has come, one after the other; what fails waits for its next time. */
export async function refreshDue(parts: EgressParts, signal: AbortSignal, now = Date.now()): Promise<void> {
  const actor = systemActor('subscriptions');
  const rows = await parts.db.egressSubscription.findMany();
  const failures: unknown[] = [];
  for (const row of rows) {
    if (signal.aborted) return;
    const due = row.triedAt === null || row.triedAt.getTime() + row.everyMinutes * 60_000 <= now;
    // A fault with one must not keep the others from their turn.
    if (due)
      await refresh(parts, row.id, { actor, signal }).catch((thrown: unknown) => failures.push(thrown));
  }
  if (failures.length > 0 && !signal.aborted) throw new AggregateError(failures, 'subscriptions not fetched');
}
