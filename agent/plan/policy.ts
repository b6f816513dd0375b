import type { NetworkPolicy } from '../../shared/network-policy';
import { LAN_RANGES } from '../../shared/network-policy';

/** Names in the words of sing-box's rules: within one rule these are alternatives. */
export interface Names {
  domain: string[];
  domain_suffix: string[];
  domain_keyword: string[];
}

/** What a policy grants, told apart by who must know it. */
export interface GrantPlan {
  /** Addresses and ranges that were granted as such. */
  addresses: string[];
  /** Of these the single addresses: only they may mean the host itself. */
  exact: string[];
  /** RFC 1918 as a whole; the host table takes its own bridges out of it. */
  lan: boolean;
  /** Names that the agent resolves and whose addresses may be private. */
  resolved: string[];
  /** Some names are granted by suffix or keyword: they may reach any public address. */
  open: boolean;
  names: Names;
}

export function grantPlan(policy: NetworkPolicy): GrantPlan {
  const { grants } = policy;
  const addresses = grants.filter((it) => it.type === 'ip' || it.type === 'cidr').map((it) => it.value);
  const names = namesOf(grants);
  const exact = grants.filter((it) => it.type === 'ip').map((it) => it.value);
  return {
    exact: [...new Set(exact)].sort(),
    addresses: [...new Set(addresses)].sort(),
    lan: policy.presets.includes('lan'),
    resolved: names.domain,
    open: names.domain_suffix.length + names.domain_keyword.length > 0,
    names,
  };
}

export function namesOf(rules: readonly { type: string; value: string }[]): Names {
  const of = (type: string) => [
    ...new Set(rules.filter((it) => it.type === type).map((it) => it.value.toLowerCase())),
  ];
  return {
    domain: of('domain').sort(),
    domain_suffix: of('suffix').sort(),
    domain_keyword: of('keyword').sort(),
  };
}

export function mergeNames(...all: readonly Names[]): Names {
  const of = (field: keyof Names) => [...new Set(all.flatMap((it) => it[field]))].sort();
  return {
    domain: of('domain'),
    domain_suffix: of('domain_suffix'),
    domain_keyword: of('domain_keyword'),
  };
}

export const isEmpty = (names: Names): boolean =>
  names.domain.length + names.domain_suffix.length + names.domain_keyword.length === 0;

/**
 * As fields of a sing-box rule, without empty lists (an empty list means "no condition"). A suffix is written as the
 * name itself and everything below its dot: without the dot older versions match `badexample.org` too.
 */
export function nameFields(names: Names): Record<string, string[]> {
  const fields = {
    domain: [...new Set([...names.domain, ...names.domain_suffix])].sort(),
    domain_suffix: names.domain_suffix.map((it) => `.${it}`),
    domain_keyword: names.domain_keyword,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, values]) => values.length > 0));
}

/** Whether names of the sandbox are answered with stand-in addresses, so that the name is known when it connects. */
export function usesFakeIp(policy: NetworkPolicy): boolean {
  return policy.domains.mode !== 'open' || !isEmpty(grantPlan(policy).names);
}

/** Every range of a policy that the sandbox's own rules must let pass. */
export function grantedRanges(policy: NetworkPolicy): string[] {
  const plan = grantPlan(policy);
  return [...plan.addresses, ...(plan.lan ? LAN_RANGES : [])];
}
