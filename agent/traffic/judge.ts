import type { NetworkSpec } from '../../shared/agent-api';
import { bundleRules } from '../../shared/domain-bundles';
import { matchesDomain } from '../../shared/domain-names';
import { contains, rangeOf } from '../../shared/ipv4-ranges';
import type { DomainRule } from '../../shared/network-policy';
import { grantedRanges } from '../plan/policy';
import { FAKE_RANGE, REFUSED_IPV4 } from '../plan/ranges';
import { probeHosts } from '../proof/contract';

/** Which rule of a policy is against something, in words for people. */
export interface Denial {
  rule: string;
  verdict: 'denied' | 'would-deny';
}
export const RULES = {
  egress: 'egress',
  grant: 'grant',
  /** A proof's own, not the sandbox's. */
  proof: 'proof',
  range: 'refused-range',
  dot: 'dns-over-tls',
  ipv6: 'ipv6',
  allowList: 'allow-list',
  bareAddress: 'address-without-name',
  /** On a port where a client begins with a name (plan/singbox-names.ts) none was seen. */
  unseen: 'no-name-seen',
} as const;

export type Judge = ReturnType<typeof createJudge>;
export const isAddress = (host: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(host);
const FAKE = rangeOf(FAKE_RANGE);
const REFUSED = REFUSED_IPV4.map(rangeOf);
/** Means a name, between the sandbox and its sing-box only. */
export const isStandIn = (address: string): boolean => contains(FAKE, rangeOf(address));
const DOT_PORT = 853;

/**
 * Says which rule was the reason where sing-box or the kernel refused, and what would have been refused while learning.
 * It decides nothing: that is done by the rules that agent/plan makes from the same policy.
 */
export function createJudge({ policy, probes }: Pick<NetworkSpec, 'policy' | 'probes'>) {
  const { mode, learn, rules, bundles } = policy.domains;
  const names = policy.grants.filter(
    (it) => it.type === 'domain' || it.type === 'suffix' || it.type === 'keyword',
  );
  const listed: DomainRule[] = [...rules, ...bundles.flatMap(bundleRules)];
  const granted = grantedRanges(policy).map(rangeOf);
  const probed = probeHosts(probes);
  const verdict = learn ? 'would-deny' : 'denied';
  const inside = (ranges: typeof granted, address: string) =>
    ranges.some((it) => contains(it, rangeOf(address)));

  function ofName(name: string): Denial | null {
    if (mode === 'open' || probed.some((it) => name === it || name.endsWith(`.${it}`))) return null;
    const match = listed.find((it) => matchesDomain(it, name));
    if (mode === 'deny-list') {
      return match === undefined ? null : { rule: `deny-list ${match.type} ${match.value}`, verdict };
    }
    if (match !== undefined || names.some((it) => matchesDomain(it, name))) return null;
    return { rule: RULES.allowList, verdict };
  }

  /** A destination without a name. */
  function ofAddress(address: string): Denial | null {
    if (mode !== 'allow-list' || probed.includes(address) || inside(granted, address)) return null;
    return { rule: RULES.bareAddress, verdict };
  }

  return {
    ofHost: (host: string): Denial | null => (isAddress(host) ? ofAddress(host) : ofName(host)),
    ofName,

    /** Something that was tried and may never have been let out. `name`: what a stand-in address stands for. */
    ofAttempt(address: string, port: number, name: string | undefined): Denial | null {
      if (port === DOT_PORT) return { rule: RULES.dot, verdict: 'denied' };
      if (inside(granted, address)) return null;
      if (isStandIn(address) && name !== undefined) return ofName(name);
      if (inside(REFUSED, address)) return { rule: RULES.range, verdict: 'denied' };
      return learn ? null : ofAddress(address);
    },

    /** The rule behind a rejection in sing-box's log, by the condition that it prints. */
    ofRejection(condition: string, hosts: readonly string[]): { host: string | undefined; rule: string } {
      if (condition.includes('!(protocol=')) return { host: hosts[0], rule: RULES.unseen };
      if (condition.startsWith('port=')) return { host: hosts[0], rule: RULES.dot };
      if (condition.startsWith('ip_version=')) return { host: hosts[0], rule: RULES.ipv6 };
      if (condition === 'ip_cidr=0.0.0.0/0') return { host: hosts[0], rule: RULES.bareAddress };
      if (condition.startsWith('ip_cidr=')) return { host: hosts[0], rule: RULES.range };
      for (const host of hosts) {
        const denial = ofName(host);
        if (denial !== null) return { host, rule: denial.rule };
      }
      return { host: hosts[0], rule: mode };
    },
  };
}
