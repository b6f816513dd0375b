/** Reads the policies that concern a sandbox. */
import type { NetworkPolicy } from '../../../shared/network-policy';
import { spelledOut, writtenPolicySchema } from '../../../shared/policy-presets';
import type { DbOrTx } from '../../contracts';
import { effectivePolicy, type PolicyLevel, type PolicyTarget } from './effective';

export interface Effective {
  policy: NetworkPolicy;
  /** The sandbox's own, the workspace's and everyone's versions together: it rises with every change. */
  version: number;
}

export function levelsOf(sandbox: {
  id: string;
  workspaceId: string;
}): { target: PolicyTarget; targetId: string }[] {
  return [
    { target: 'sandbox', targetId: sandbox.id },
    { target: 'workspace', targetId: sandbox.workspaceId },
    { target: 'everyone', targetId: '' },
  ];
}

export async function readLevels(
  db: DbOrTx,
  sandbox: { id: string; workspaceId: string },
): Promise<(PolicyLevel & { version: number })[]> {
  const where = levelsOf(sandbox);
  const rows = await db.networkPolicy.findMany({ where: { OR: where } });
  return where.flatMap(({ target }) => {
    const row = rows.find((it) => it.target === target);
    return row
      ? [
          {
            target,
            version: row.version,
            policy: spelledOut(writtenPolicySchema.parse(JSON.parse(row.body))),
          },
        ]
      : [];
  });
}

export async function readEffective(
  db: DbOrTx,
  sandbox: { id: string; workspaceId: string },
): Promise<Effective> {
  const levels = await readLevels(db, sandbox);
  return {
    policy: effectivePolicy(levels),
    version: levels.reduce((sum, it) => sum + it.version, 0),
  };
}
