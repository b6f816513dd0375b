/** One change of a policy: what it does, what speaks against it, and writing it. */
import type { Sandbox } from '../../../prisma/generated/client';
import type { PolicyPreview } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import { type NetworkPolicy, networkPolicySchema, openPolicy } from '../../../shared/network-policy';
import { diffPolicies } from '../../../shared/policy-diff';
import type { Actor, DbOrTx } from '../../contracts';
import { sandboxesOf } from '../egress/bindings';
import { follow } from '../egress/follow';
import { told } from '../egress/parts';
import { targetName } from '../egress/use';
import { effectivePolicy, type PolicyLevel, type PolicyTarget } from './effective';
import { readLevels } from './effective-rows';
import { judge } from './guards';
import type { PolicyParts } from './parts';

export interface PolicyChange {
  target: PolicyTarget;
  targetId: string;
  policy: NetworkPolicy;
}

export async function readPolicy(db: DbOrTx, it: { target: PolicyTarget; targetId: string }) {
  const { target, targetId } = it;
  const row = await db.networkPolicy.findUnique({ where: { target_targetId: { target, targetId } } });
  const policy = row ? networkPolicySchema.parse(JSON.parse(row.body)) : openPolicy;
  return { row, version: row?.version ?? 0, policy };
}

/** The sandboxes for which the effective policy becomes another one. */
async function concerned(
  tx: DbOrTx,
  change: PolicyChange,
): Promise<{ row: Sandbox; after: NetworkPolicy }[]> {
  const found: { row: Sandbox; after: NetworkPolicy }[] = [];
  for (const row of await tx.sandbox.findMany({ where: sandboxesOf(change) })) {
    const levels: PolicyLevel[] = await readLevels(tx, row);
    const before = effectivePolicy(levels);
    const others = levels.filter((it) => it.target !== change.target);
    const after = effectivePolicy([...others, { target: change.target, policy: change.policy }]);
    if (JSON.stringify(before) !== JSON.stringify(after)) found.push({ row, after });
  }
  return found;
}

const lives = (row: Sandbox) => row.state !== 'stopped' && row.state !== 'error' && row.state !== 'deleting';

export async function previewChange(tx: DbOrTx, change: PolicyChange): Promise<PolicyPreview> {
  const before = (await readPolicy(tx, change)).policy;
  const sandboxes = await concerned(tx, change);
  const { problems, warnings } = await judge(tx, {
    policy: change.policy,
    effective: sandboxes.map((it) => it.after),
  });
  return {
    ...diffPolicies(before, change.policy),
    problems,
    warnings,
    affects: sandboxes.filter((it) => lives(it.row)).map((it) => it.row.name),
  };
}

/** Writes it as the next version and answers the ids of the tasks that bring it to live sandboxes. */
export async function writeChange(
  parts: PolicyParts,
  tx: DbOrTx,
  change: PolicyChange & { actor: Actor; note: string; type: string; message: (name: string) => string },
): Promise<string[]> {
  const { target, targetId, policy, actor } = change;
  const name = await targetName(tx, change);
  if (name === null) throw new AppError('not_found', undefined, { field: 'targetId' });
  const sandboxes = await concerned(tx, change);
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
  return follow(parts.engine, tx, { sandboxes: sandboxes.map((it) => it.row), actor });
}
