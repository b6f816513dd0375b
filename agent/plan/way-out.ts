import type { NetworkSpec } from '../../shared/agent-api';
import { egressEndpoint } from '../../shared/egress';
import { isNeverGranted } from '../../shared/policy-guards';
import type { HostSandbox } from './host-rules';
import { grantedRanges, grantPlan, isEmpty } from './policy';
import { dnsOf, dnsPort, isAddress, pinsAddress, singBoxConfig } from './singbox';

/** What each name means now: from name to IPv4 addresses. */
export type Meanings = Readonly<Record<string, readonly string[]>>;

export interface WayOutFacts {
  instance: string;
  slot: number;
  network: NetworkSpec;
  resolvers: readonly string[];
  names: Meanings;
  privateKey?: string;
}

/** The name of the egress's server, where it has one; null for an address and for `direct`. */
export function endpointName(network: NetworkSpec): string | null {
  const host = egressEndpoint(network.egress)?.host ?? null;
  return host === null || isAddress(host) ? null : host;
}

/** Every name that the agent resolves on the host for this way out. */
export function namesToResolve(network: NetworkSpec): string[] {
  const endpoint = endpointName(network);
  return [...(endpoint === null ? [] : [endpoint]), ...grantPlan(network.policy).resolved];
}

/** sing-box's configuration. It changes with the meaning of a name only for kinds that look it up once. */
export function wayOutConfig(facts: WayOutFacts): string {
  const name = endpointName(facts.network);
  const pinned = name !== null && pinsAddress(facts.network.egress) ? (facts.names[name]?.[0] ?? null) : null;
  return singBoxConfig({ ...facts, serverAddress: pinned });
}

/** What the host lets its sing-box send. */
export function wayOutHost(facts: WayOutFacts): HostSandbox {
  return { slot: facts.slot, egress: hostEgress(facts), grants: hostGrants(facts) };
}

function hostEgress({ network, resolvers, names }: WayOutFacts): HostSandbox['egress'] {
  const { egress } = network;
  const endpoint = egressEndpoint(egress);
  if (endpoint === null) {
    const dns = dnsOf({ network, resolvers });
    return { kind: 'direct', resolvers: dns === null ? [] : [{ address: dns.server, port: dnsPort(dns) }] };
  }
  return {
    kind: 'endpoint',
    addresses: isAddress(endpoint.host) ? [endpoint.host] : (names[endpoint.host] ?? []),
    protocols: endpoint.protocols,
    ports: endpoint.ports,
    anyUdpPort: egress.kind === 'socks5',
  };
}

function hostGrants({ network, resolvers, names }: WayOutFacts): HostSandbox['grants'] {
  const plan = grantPlan(network.policy);
  if (isEmpty(plan.names) && grantedRanges(network.policy).length === 0) return null;
  // A name may be made to mean a metadata service (rebinding); that was never what was granted.
  const meant = plan.resolved.flatMap((name) => names[name] ?? []).filter((it) => !isNeverGranted(it));
  return {
    addresses: [...plan.addresses, ...meant],
    exact: plan.exact,
    lan: plan.lan,
    open: plan.open,
    resolvers: isEmpty(plan.names) ? [] : resolvers.slice(0, 1),
  };
}
