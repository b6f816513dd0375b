import type { NetworkSpec } from '../../shared/agent-api';
import { egressEndpoint } from '../../shared/egress';
import { AppError } from '../../shared/errors';
import { isNeverGranted } from '../../shared/policy-guards';
import type { HostSandbox } from './host-rules';
import { grantedRanges, grantPlan, isEmpty } from './policy';
import { dnsOf, dnsPort, dnsServer, isAddress, singBoxConfig } from './singbox';
import { LINK_TAG, type LinkPlan, linkPlan } from './wireguard-link';

/** What each name means now: from name to IPv4 addresses. */
export type Meanings = Readonly<Record<string, readonly string[]>>;

export interface WayOutFacts {
  instance: string;
  slot: number;
  network: NetworkSpec;
  resolvers: readonly string[];
  names: Meanings;
  /** WireGuard: the key that the agent made, where the egress names one. */
  privateKey?: string | undefined;
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

/** What a tunnel is made from: what sing-box is told, and for WireGuard the link that it dials by. */
export interface TunnelPlan {
  config: string;
  link: LinkPlan | null;
}

/** Names that move change it for WireGuard in user space only: its peer is looked up once. */
export function wayOutPlan(facts: WayOutFacts): TunnelPlan {
  return { config: singBoxConfig(facts), link: linkOf(facts) };
}

function linkOf(facts: WayOutFacts): LinkPlan | null {
  const { egress } = facts.network;
  const dns = dnsOf(facts);
  if (egress.kind !== 'wireguard' || dns === null) return null;
  const address = isAddress(egress.server) ? egress.server : facts.names[egress.server]?.[0];
  if (address === undefined) {
    throw new AppError('egress_failed', `The egress's server ${egress.server} has no address.`);
  }
  return linkPlan(egress, { ...facts, address, resolver: dnsServer(dns, LINK_TAG) });
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
