/** A policy as lines that people compare. Pure. */
import type { NetworkPolicy } from '../../../shared/network-policy';

const kinds: Record<NetworkPolicy['grants'][number]['type'], string> = {
  ip: 'address',
  cidr: 'network',
  domain: 'name',
  suffix: 'names under',
  keyword: 'names with',
};
const modes: Record<NetworkPolicy['domains']['mode'], string> = {
  open: 'Names: all are allowed',
  'allow-list': 'Names: only listed ones are allowed',
  'deny-list': 'Names: listed ones are denied',
};

export function policyLines(policy: NetworkPolicy): string[] {
  const { domains } = policy;
  return [
    ...policy.presets.map((it) => `Preset: ${it}`),
    ...policy.grants.map((it) => `Grant: ${kinds[it.type]} ${it.value}`),
    modes[domains.mode],
    ...(domains.learn ? ['Learning: nothing is refused for its name'] : []),
    ...domains.bundles.map((it) => `List: bundle ${it}`),
    ...domains.rules.map((it) => `List: ${kinds[it.type]} ${it.value}`),
  ];
}

export function lineDiff(
  before: NetworkPolicy,
  after: NetworkPolicy,
): { added: string[]; removed: string[] } {
  const old = policyLines(before);
  const next = policyLines(after);
  return { added: next.filter((it) => !old.includes(it)), removed: old.filter((it) => !next.includes(it)) };
}
