/** Changes of policies that belong together: what they do, what speaks against them, and writing them. */
import type { Sandbox } from '../../../prisma/generated/client';
import type { PolicyPreview } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import type { NetworkPolicy } from '../../../shared/network-policy';
import { diffPolicies } from '../../../shared/policy-diff';
import {
  nothingWritten,
  spelledOut,
  type WrittenPolicy,
  writtenPolicySchema,
} from '../../../shared/policy-presets';
import type { Actor, DbOrTx } from '../../contracts';
import { sandboxesOf } from '../egress/bindings';
import { follow } from '../egress/follow';
import { told } from '../egress/parts';
import { targetName } from '../egress/use';
import { effectivePolicy, type PolicyTarget } from './effective';
import { levelsOf, readLevels } from './effective-rows';
import { judge } from './guards';
import type { PolicyParts } from './parts';

export interface PolicyPlace {
  target: PolicyTarget;
  targetId: string;
}
export interface PolicyChange extends PolicyPlace {
  policy: WrittenPolicy;
}

export async function readPolicy(db: DbOrTx, { target, targetId }: PolicyPlace) {
  const row = await db.networkPolicy.findUnique({ where: { target_targetId: { target, targetId } } });
  const policy = row ? writtenPolicySchema.parse(JSON.parse(row.body)) : nothingWritten;
  return { row, version: row?.version ?? 0, policy };
}

/** The sandboxes for which the effective policy becomes another one by all of the changes together. */
async function concerned(
  tx: DbOrTx,
  changes: readonly PolicyChange[],
): Promise<{ row: Sandbox; after: NetworkPolicy }[]> {
  const rows = new Map<string, Sandbox>();
  for (const change of changes)
    for (const row of await tx.sandbox.findMany({ where: sandboxesOf(change) })) rows.set(row.id, row);
  const found: { row: Sandbox; after: NetworkPolicy }[] = [];
  for (const row of rows.values()) {
    const levels = await readLevels(tx, row);
    const places = levelsOf(row);
    const changed = changes.filter(({ target, targetId }) =>
      places.some((it) => it.target === target && it.targetId === targetId),
    );
    const before = effectivePolicy(levels);
    const after = effectivePolicy([
      ...levels.filter((it) => !changed.some((one) => one.target === it.target)),
      ...changed.map((it) => ({ target: it.target, policy: spelledOut(it.policy) })),
    ]);
    if (JSON.stringify(before) !== JSON.stringify(after)) found.push({ row, after });
  }
  return found;
}

const lives = (row: Sandbox) => row.state !== 'stopped' && row.state !== 'error' && row.state !== 'deleting';

/** All but the difference, which is told of one policy or of what is behind several. */
export async function judgeChanges(
  tx: DbOrTx,
  changes: readonly PolicyChange[],
): Promise<Omit<PolicyPreview, 'added' | 'removed'>> {
  const sandboxes = await concerned(tx, changes);
  const problems = new Set<string>();
  const warnings = new Set<string>();
  for (const change of changes) {
    const found = await judge(tx, {
      policy: spelledOut(change.policy),
      effective: sandboxes.map((it) => it.after),
    });
    for (const it of found.problems) problems.add(it);
    for (const it of found.warnings) warnings.add(it);
  }
  return {
    problems: [...problems],
    warnings: [...warnings],
    affects: sandboxes.filter((it) => lives(it.row)).map((it) => it.row.name),
  };
}

export async function previewChange(tx: DbOrTx, change: PolicyChange): Promise<PolicyPreview> {
  const before = (await readPolicy(tx, change)).policy;
  return { ...diffPolicies(before, change.policy), ...(await judgeChanges(tx, [change])) };
}

/** Writes each as the next version and answers the ids of the tasks that bring them to live sandboxes. */
export async function writeChanges(
  parts: PolicyParts,
  tx: DbOrTx,
  {
    changes,
    ...of
  }: {
    changes: readonly PolicyChange[];
    actor: Actor;
    note: string;
    type: string;
    message: (name: string) => string;
  },
): Promise<string[]> {
  const sandboxes = await concerned(tx, changes);
  for (const change of changes) await writeVersion(parts, tx, { ...change, ...of });
  return follow(parts.engine, tx, { sandboxes: sandboxes.map((it) => it.row), actor: of.actor });
}

async function writeVersion(
  parts: PolicyParts,
  tx: DbOrTx,
  change: PolicyChange & { actor: Actor; note: string; type: string; message: (name: string) => string },
): Promise<void> {
  const { target, targetId, policy, actor } = change;
  const name = await targetName(tx, change);
  if (name === null) throw new AppError('not_found', undefined, { field: 'targetId' });
  const before = await readPolicy(tx, change);
  const version = before.version + 1;
  const body = JSON.stringify(policy);
  const where = { target_targetId: { target, targetId } };
  const data = { version, body, updatedBy: actor.name };
  await tx.networkPolicy.upsert({ where, create: { target, targetId, ...data }, update: data });
  await tx.networkPolicyVersion.create({
    data: { target, targetId, version, body, by: actor.name, note: change.note },
  });
  const { added, removed } = diffPolicies(before.policy, policy);
  await told(parts, tx, {
    topic: 'policies',
    action: before.row ? 'updated' : 'created',
    actor,
    type: change.type,
    target: { type: target, id: targetId, name },
    message: change.message(name),
    before: { version: before.version, removed },
    after: { version, added },
  });
}
