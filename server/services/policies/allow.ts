/** One tap on a denied name: the sandbox's own policy lets it pass from now on. */
import { domainToASCII } from 'node:url';
import { bundleRules } from '../../../shared/domain-bundles';
import { matchesDomain, normaliseName } from '../../../shared/domain-names';
import { AppError } from '../../../shared/errors';
import type { DomainPolicy } from '../../../shared/network-policy';
import { spelledOut, type WrittenPolicy } from '../../../shared/policy-presets';
import type { DbOrTx } from '../../contracts';
import { readPolicy } from './change';
import { effectivePolicy } from './effective';
import { readLevels } from './effective-rows';

/**
 * The sandbox's own policy with this name allowed, null when it is allowed already; `host` as hostName gives it.
 * Throws `wrong_state` where a rule denies it that is not the sandbox's own or that denies more than this name.
 */
export async function allowing(
  tx: DbOrTx,
  sandbox: { id: string; workspaceId: string },
  host: string,
): Promise<WrittenPolicy | null> {
  const levels = await readLevels(tx, sandbox);
  const others = levels.filter((it) => it.target !== 'sandbox');
  const { policy: own } = await readPolicy(tx, { target: 'sandbox', targetId: sandbox.id });
  const before = effectivePolicy(levels).domains;
  if (passes(before, host)) return null;
  const { rules } = own.domains;
  const changed =
    before.mode === 'allow-list'
      ? // An `open` level of one's own adds to the allow-list that it inherits.
        [...rules, { type: 'domain' as const, value: host }]
      : rules.filter((it) => it.type !== 'domain' || it.value !== host);
  const policy = { ...own, domains: { ...own.domains, rules: changed } };
  const after = effectivePolicy([...others, { target: 'sandbox', policy: spelledOut(policy) }]);
  if (passes(after.domains, host)) return policy;
  throw new AppError(
    'wrong_state',
    'A rule denies this name that is wider or not of this sandbox alone. An administrator has to change it.',
  );
}

/** Whether the policy as it stands lets the name pass, learning or not. */
function passes({ mode, rules, bundles }: DomainPolicy, host: string): boolean {
  if (mode === 'open') return true;
  const listed = [...rules, ...bundles.flatMap(bundleRules)].some((it) => matchesDomain(it, host));
  return listed === (mode === 'allow-list');
}

/** As it stands in rules. Throws `invalid_input` for what is no name. */
export function hostName(typed: string): string {
  const result = normaliseName(typed, domainToASCII);
  if (!result.ok) throw new AppError('invalid_input', result.problem, { field: 'host' });
  return result.name;
}
