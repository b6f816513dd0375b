/** What speaks against a policy. */
import { type NetworkPolicy, networkPolicySchema } from '../../../shared/network-policy';
import type { DbOrTx } from '../../contracts';

interface Judged {
  policy: NetworkPolicy;
  /** Of each sandbox that it concerns, as it would be. */
  effective: readonly NetworkPolicy[];
}

export async function judge(
  _parts: object,
  _tx: DbOrTx,
  { effective }: Judged,
): Promise<{ problems: string[]; warnings: string[] }> {
  const problems: string[] = [];
  const warnings: string[] = [];
  if (effective.some((it) => !networkPolicySchema.safeParse(it).success))
    problems.push(
      'Together with what is inherited there are more grants or names than one sandbox can have.',
    );
  return { problems, warnings };
}
