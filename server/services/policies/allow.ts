/** One tap on a denied name: the sandbox's own policy lets it pass from now on. */
import { AppError } from '../../../shared/errors';
import { domainNameSchema, type NetworkPolicy, openPolicy } from '../../../shared/network-policy';
import type { DbOrTx } from '../../contracts';
import { effectivePolicy } from './effective';
import { readLevels } from './effective-rows';

/**
 * The sandbox's own policy with this name allowed; `host` as hostName gives it. Throws `wrong_state` where nothing is denied or where a policy denies it that is not the sandbox's own.
 */
export async function allowing(
  tx: DbOrTx,
  sandbox: { id: string; workspaceId: string },
  host: string,
): Promise<NetworkPolicy> {
  const levels = await readLevels(tx, sandbox);
  const own = levels.find((it) => it.target === 'sandbox')?.policy ?? openPolicy;
  const { mode } = effectivePolicy(levels).domains;
  if (mode === 'open') throw new AppError('wrong_state', 'No name is denied to this sandbox.');
  const isHost = (it: { type: string; value: string }) => it.type === 'domain' && it.value === host;
  if (mode === 'allow-list') {
    if (own.domains.rules.some(isHost)) return own;
    // An `open` level of one's own adds to the allow-list that it inherits.
    const rules = [...own.domains.rules, { type: 'domain' as const, value: host }];
    return { ...own, domains: { ...own.domains, rules } };
  }
  if (own.domains.mode === 'deny-list' && own.domains.rules.some(isHost))
    return { ...own, domains: { ...own.domains, rules: own.domains.rules.filter((it) => !isHost(it)) } };
  throw new AppError(
    'wrong_state',
    'A wider rule denies this name. An administrator has to change that policy.',
  );
}

/** As it stands in rules. Throws `invalid_input` for what is no name. */
export function hostName(typed: string): string {
  const host = typed.trim().toLowerCase().replace(/\.$/, '');
  if (/^[\d.]+$/.test(host) || host.includes(':'))
    throw new AppError('invalid_input', 'An address has to be granted by an administrator.', {
      field: 'host',
    });
  const parsed = domainNameSchema.safeParse(host);
  if (!parsed.success || host === '')
    throw new AppError('invalid_input', 'This is not a name.', { field: 'host' });
  return parsed.data;
}
