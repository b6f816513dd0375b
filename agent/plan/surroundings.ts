import type { NetworkPolicy } from '../../shared/network-policy';
import { isNeverGranted } from '../../shared/policy-guards';
import { NEVER_GRANTED_IPV4, REFUSED_IPV4 } from './ranges';

/** Where this host is, in IPv4: nothing of it is for sandboxes, public or not, whatever their way out. */
export interface Surroundings {
  /** The host's own addresses but loopback. */
  own: readonly string[];
  /** The routers it sends by. */
  routers: readonly string[];
  /** Subnets on the links that hold a default route: its LAN. */
  lan: readonly string[];
  /** Subnets of its bridges (Docker's and others'). */
  bridges: readonly string[];
}
export const nowhere: Surroundings = { own: [], routers: [], lan: [], bridges: [] };

/** What is refused where nothing is granted. */
export function refusedRanges({ own, routers, lan, bridges }: Surroundings): string[] {
  return unique([...REFUSED_IPV4, ...own, ...routers, ...lan, ...bridges]);
}

/** What no granted range opens because it lies inside: the host itself, other containers, metadata services. */
export function keptRanges({ own, bridges }: Surroundings): string[] {
  return unique([...NEVER_GRANTED_IPV4, ...own, ...bridges]);
}

/** The host's own addresses that are granted each as exactly that address: somebody means the host itself. */
export function grantedHost(policy: NetworkPolicy, { own }: Pick<Surroundings, 'own'>): string[] {
  const exact = policy.grants.filter((it) => it.type === 'ip').map((it) => it.value);
  return unique(exact.filter((it) => own.includes(it) && !isNeverGranted(it)));
}

export const sameSurroundings = (one: Surroundings, other: Surroundings): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

const unique = (all: readonly string[]): string[] => [...new Set(all)];
