/** What speaks against a policy here: what guards every policy, and what this installation has. */
import { type NetworkPolicy, networkPolicySchema } from '../../../shared/network-policy';
import { type GuardResult, guardPolicy } from '../../../shared/policy-guards';
import type { DbOrTx } from '../../contracts';

export async function judge(
  tx: DbOrTx,
  judged: {
    policy: NetworkPolicy;
    /** Of each sandbox that it concerns, as it would be. */
    effective: readonly NetworkPolicy[];
  },
): Promise<GuardResult> {
  const rows = await tx.egress.findMany({ select: { endpoint: true } });
  const endpoints = [...new Set(rows.map((it) => it.endpoint.replace(/:\d+$/, '')))].filter(
    (it) => it !== '',
  );
  // The agent refuses the ranges of this host's own networks whatever is granted.
  const { problems, warnings } = guardPolicy(judged.policy, { endpoints, neighbours: [] });
  const fits = judged.effective.every((it) => networkPolicySchema.safeParse(it).success);
  return {
    problems: fits
      ? problems
      : [...problems, 'Together with what is inherited there are more entries than one sandbox can have.'],
    warnings,
  };
}
