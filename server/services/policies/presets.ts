/** Presets of one's own. A change is a change of every policy that takes the preset in, in one transaction. */
import type { z } from 'zod';
import type { GrantPreset } from '../../../prisma/generated/client';
import type { PresetPreview } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import { type Grant, grantSchema, openPolicy } from '../../../shared/network-policy';
import { diffPolicies } from '../../../shared/policy-diff';
import type { PresetView, savePresetSchema, WrittenPolicy } from '../../../shared/policy-presets';
import { writtenPolicySchema } from '../../../shared/policy-presets';
import { actorOf, type DbOrTx, type EgressServices, type Identity } from '../../contracts';
import { taskViews } from '../egress/follow';
import { newId, requireAdmin, told } from '../egress/parts';
import { dropDeadPolicies, targetName } from '../egress/use';
import { judgeChanges, type PolicyChange, writeChanges } from './change';
import type { PolicyTarget } from './effective';
import { judge } from './guards';
import type { PolicyParts } from './parts';

type SavePreset = z.output<typeof savePresetSchema>;
type PresetServices = Pick<
  EgressServices['policies'],
  'presets' | 'previewPreset' | 'savePreset' | 'presetVersions' | 'rollBackPreset' | 'removePreset'
>;

const readGrants = (text: string): Grant[] => grantSchema.array().parse(JSON.parse(text));

/** The policy with its presets as they stand now. Throws `not_found` for one that is gone. */
export async function withPresets(tx: DbOrTx, policy: WrittenPolicy): Promise<WrittenPolicy> {
  const ids = [...new Set(policy.own.map((it) => it.id))];
  const rows = await tx.grantPreset.findMany({ where: { id: { in: ids } } });
  const own = ids.map((id) => {
    const row = rows.find((it) => it.id === id);
    if (row) return { id, label: row.label, grants: readGrants(row.grants) };
    const label = policy.own.find((it) => it.id === id)?.label;
    throw new AppError('not_found', `The preset ${label || 'that is named here'} was removed.`, {
      field: 'policy',
    });
  });
  return { ...policy, own };
}

async function users(tx: DbOrTx, id: string): Promise<PolicyChange[]> {
  const rows = await tx.networkPolicy.findMany({ where: { body: { contains: JSON.stringify(id) } } });
  const found: PolicyChange[] = [];
  for (const { target, targetId, body } of rows) {
    const policy = writtenPolicySchema.parse(JSON.parse(body));
    if (!policy.own.some((it) => it.id === id)) continue;
    // One whose target is gone holds nothing, as with bindings.
    if ((await targetName(tx, { target, targetId })) === null) continue;
    // The column holds policyTargets only.
    found.push({ target: target as PolicyTarget, targetId, policy });
  }
  return found;
}

async function userNames(tx: DbOrTx, used: readonly PolicyChange[]): Promise<string[]> {
  const names: string[] = [];
  for (const it of used)
    names.push(it.target === 'everyone' ? 'everyone' : `the ${it.target} ${await targetName(tx, it)}`);
  return names;
}

async function view(tx: DbOrTx, row: GrantPreset): Promise<PresetView> {
  const { id, label, version, updatedBy } = row;
  return {
    id,
    label,
    version,
    grants: readGrants(row.grants),
    updatedAt: row.updatedAt.toISOString(),
    updatedBy,
    usedBy: await userNames(tx, await users(tx, id)),
  };
}

async function read(tx: DbOrTx, id: string): Promise<GrantPreset> {
  const row = await tx.grantPreset.findUnique({ where: { id } });
  if (!row) throw new AppError('not_found', 'There is no such preset.', { field: 'id' });
  return row;
}

/** The policies as they become with it. */
async function changesOf(
  tx: DbOrTx,
  preset: { id: string; label: string; grants: Grant[] },
): Promise<PolicyChange[]> {
  const used = await users(tx, preset.id);
  return used.map((it) => ({
    ...it,
    policy: { ...it.policy, own: it.policy.own.map((one) => (one.id === preset.id ? preset : one)) },
  }));
}

async function preview(tx: DbOrTx, input: SavePreset): Promise<PresetPreview> {
  const before = input.id === undefined ? null : await read(tx, input.id);
  const preset = { id: input.id ?? '', label: input.label, grants: input.grants };
  const changes = input.id === undefined ? [] : await changesOf(tx, preset);
  const alone = await judge(tx, { policy: { ...openPolicy, grants: input.grants }, effective: [] });
  const there = await judgeChanges(tx, changes);
  const taken = await tx.grantPreset.findUnique({ where: { label: input.label } });
  const problems = [...alone.problems, ...there.problems];
  if (taken && taken.id !== input.id) problems.push(`There is a preset ${input.label} already.`);
  return {
    ...diffPolicies(
      { ...openPolicy, grants: before ? readGrants(before.grants) : [] },
      { ...openPolicy, grants: input.grants },
    ),
    problems: [...new Set(problems)],
    warnings: [...new Set([...alone.warnings, ...there.warnings])],
    affects: there.affects,
    policies: await userNames(tx, changes),
  };
}

export function createPresets(parts: PolicyParts): PresetServices {
  const { db, engine } = parts;

  async function write(identity: Identity, tx: DbOrTx, input: SavePreset & { type: string }) {
    const { id = newId(), label, grants, note } = input;
    const { problems } = await preview(tx, input);
    if (problems.length > 0) throw new AppError('invalid_input', problems.join(' '), { field: 'grants' });
    const before = input.id === undefined ? null : await read(tx, input.id);
    const actor = actorOf(identity);
    const version = (before?.version ?? 0) + 1;
    const changes = await changesOf(tx, { id, label, grants });
    const body = JSON.stringify(grants);
    const data = { label, version, grants: body, updatedBy: actor.name };
    await tx.grantPreset.upsert({ where: { id }, create: { id, ...data }, update: data });
    await tx.grantPresetVersion.create({
      data: { presetId: id, version, label, grants: body, by: actor.name, note },
    });
    await told(parts, tx, {
      topic: 'policies',
      action: before ? 'updated' : 'created',
      actor,
      type: input.type,
      target: { type: 'preset', id, name: label },
      message: `Saved the preset ${label}`,
      ...(before ? { before: { label: before.label, version: before.version } } : {}),
      after: { label, version, policies: await userNames(tx, changes) },
    });
    const tasks = await writeChanges(parts, tx, {
      changes,
      actor,
      note: `Preset ${label}, version ${version}`,
      type: 'policy.applied',
      message: (name) => `Changed what ${name} may reach by the preset ${label}`,
    });
    return { id, tasks };
  }

  const answer = async ({ id, tasks }: { id: string; tasks: string[] }) => {
    engine.committed();
    return { preset: await view(db, await read(db, id)), tasks: await taskViews(db, tasks) };
  };

  return {
    async presets(identity) {
      requireAdmin(identity);
      const rows = await db.grantPreset.findMany({ orderBy: { label: 'asc' } });
      return Promise.all(rows.map((row) => view(db, row)));
    },

    async previewPreset(identity, input) {
      requireAdmin(identity);
      return preview(db, input);
    },

    async savePreset(identity, input) {
      requireAdmin(identity);
      const written = await db.$transaction(async (tx) => {
        const version = input.id === undefined ? 0 : (await read(tx, input.id)).version;
        if (version !== input.baseVersion) throw new AppError('conflict');
        return write(identity, tx, { ...input, type: version ? 'preset.updated' : 'preset.created' });
      });
      return answer(written);
    },

    async presetVersions(identity, id) {
      requireAdmin(identity);
      await read(db, id);
      const where = { presetId: id };
      const rows = await db.grantPresetVersion.findMany({ where, orderBy: { version: 'desc' } });
      return rows.map(({ version, label, grants, at, by, note }) => ({
        version,
        label,
        grants: readGrants(grants),
        at: at.toISOString(),
        by,
        note,
      }));
    },

    async rollBackPreset(identity, { id, version }) {
      requireAdmin(identity);
      const written = await db.$transaction(async (tx) => {
        const where = { presetId_version: { presetId: id, version } };
        const old = await tx.grantPresetVersion.findUnique({ where });
        if (!old) throw new AppError('not_found', 'There is no such version.', { field: 'version' });
        return write(identity, tx, {
          id,
          label: old.label,
          grants: readGrants(old.grants),
          baseVersion: 0,
          note: `Back to version ${version}`,
          type: 'preset.rolled_back',
        });
      });
      return answer(written);
    },

    async removePreset(identity, id) {
      requireAdmin(identity);
      await db.$transaction(async (tx) => {
        const row = await read(tx, id);
        await dropDeadPolicies(tx);
        const used = await userNames(tx, await users(tx, id));
        if (used.length > 0)
          throw new AppError(
            'wrong_state',
            `The rules of ${used.slice(0, 5).join(', ')} take it in. Take it out of them first.`,
          );
        await tx.grantPreset.delete({ where: { id } });
        await told(parts, tx, {
          topic: 'policies',
          action: 'deleted',
          actor: actorOf(identity),
          type: 'preset.removed',
          target: { type: 'preset', id, name: row.label },
          message: `Removed the preset ${row.label}`,
          before: { version: row.version, grants: readGrants(row.grants) },
        });
      });
      parts.live.flush();
    },
  };
}
