/** Policies: what everyone, a workspace or one sandbox may reach. Versioned; live sandboxes follow by tasks. */
import type { NetworkPolicyVersion } from '../../../prisma/generated/client';
import { type PolicyView, policyTargets } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import { writtenPolicySchema } from '../../../shared/policy-presets';
import { actorOf, type DbOrTx, type EgressServices } from '../../contracts';
import { taskViews } from '../egress/follow';
import { requireAdmin } from '../egress/parts';
import { targetName } from '../egress/use';
import { allowing, hostName } from './allow';
import { type PolicyPlace, previewChange, readPolicy, writeChanges } from './change';
import type { PolicyParts } from './parts';
import { createPresets, withPresets } from './presets';

async function viewOf(db: DbOrTx, { target, targetId }: PolicyPlace): Promise<PolicyView> {
  const name = await targetName(db, { target, targetId });
  if (name === null) throw new AppError('not_found', undefined, { field: 'targetId' });
  const { row, version, policy } = await readPolicy(db, { target, targetId });
  return {
    target,
    targetId,
    targetName: name,
    version,
    policy,
    updatedAt: row?.updatedAt.toISOString() ?? null,
    updatedBy: row?.updatedBy ?? null,
  };
}

const versionView = (row: NetworkPolicyVersion) => ({
  version: row.version,
  policy: writtenPolicySchema.parse(JSON.parse(row.body)),
  at: row.at.toISOString(),
  by: row.by,
  note: row.note,
});

export function createPolicies(parts: PolicyParts): EgressServices['policies'] {
  const { db, engine, access } = parts;

  async function checked(tx: DbOrTx, input: Parameters<typeof previewChange>[1]): Promise<void> {
    const { problems } = await previewChange(tx, input);
    if (problems.length > 0) throw new AppError('invalid_input', problems.join(' '), { field: 'policy' });
  }

  return {
    ...createPresets(parts),

    async list(identity) {
      requireAdmin(identity);
      const rows = await db.networkPolicy.findMany();
      const views: PolicyView[] = [];
      for (const target of policyTargets)
        for (const { targetId } of rows.filter((it) => it.target === target))
          if ((await targetName(db, { target, targetId })) !== null)
            views.push(await viewOf(db, { target, targetId }));
      return views;
    },

    async get(identity, input) {
      requireAdmin(identity);
      return viewOf(db, input);
    },

    async preview(identity, input) {
      requireAdmin(identity);
      await viewOf(db, input);
      return previewChange(db, { ...input, policy: await withPresets(db, input.policy) });
    },

    async apply(identity, input) {
      requireAdmin(identity);
      const { target, targetId, note } = input;
      const tasks = await db.$transaction(async (tx) => {
        const { version } = await readPolicy(tx, input);
        if (version !== input.baseVersion) throw new AppError('conflict');
        const change = { target, targetId, policy: await withPresets(tx, input.policy) };
        await checked(tx, change);
        return writeChanges(parts, tx, {
          changes: [change],
          note,
          actor: actorOf(identity),
          type: 'policy.applied',
          message: (name) => `Changed what ${name} may reach`,
        });
      });
      engine.committed();
      return { policy: await viewOf(db, input), tasks: await taskViews(db, tasks) };
    },

    async versions(identity, { target, targetId }) {
      requireAdmin(identity);
      const where = { target, targetId };
      const rows = await db.networkPolicyVersion.findMany({ where, orderBy: { version: 'desc' } });
      return rows.map(versionView);
    },

    async rollBack(identity, { target, targetId, version }) {
      requireAdmin(identity);
      const tasks = await db.$transaction(async (tx) => {
        const where = { target_targetId_version: { target, targetId, version } };
        const old = await tx.networkPolicyVersion.findUnique({ where });
        if (!old) throw new AppError('not_found', 'There is no such version.', { field: 'version' });
        const change = { target, targetId, policy: await withPresets(tx, versionView(old).policy) };
        // What was fine then may be in conflict with a way out that is new.
        await checked(tx, change);
        return writeChanges(parts, tx, {
          changes: [change],
          note: `Back to version ${version}`,
          actor: actorOf(identity),
          type: 'policy.rolled_back',
          message: (name) => `Went back to version ${version} of what ${name} may reach`,
        });
      });
      engine.committed();
      return { policy: await viewOf(db, { target, targetId }), tasks: await taskViews(db, tasks) };
    },

    async allow(identity, { sandboxId, host: typed }) {
      await access(identity, sandboxId, 'manage');
      const host = hostName(typed);
      const tasks = await db.$transaction(async (tx) => {
        const row = await tx.sandbox.findUnique({ where: { id: sandboxId } });
        if (!row) throw new AppError('not_found');
        const policy = await allowing(tx, row, host);
        if (policy === null) return [];
        const change = { target: 'sandbox' as const, targetId: row.id, policy };
        await checked(tx, change);
        return writeChanges(parts, tx, {
          changes: [change],
          note: `Allowed ${host}`,
          actor: actorOf(identity),
          type: 'policy.allowed',
          message: (name) => `Allowed ${host} to ${name}`,
        });
      });
      engine.committed();
      return taskViews(db, tasks);
    },
  };
}
