import type { NetworkSpec } from '../../shared/agent-api';
import { carriesUdp, type EgressDns, egressEndpoint } from '../../shared/egress';
import { TUN_NAME, uplinkNamespace, wireguardNamespace } from '../../shared/names';
import type { NetworkPolicy } from '../../shared/network-policy';
import { OUT_TAG } from './egress/dial';
import { directOutbound } from './egress/direct';
import { egressOutbound } from './egress/outbound';
import { routingMark } from './mark';
import { NAME_SET, nameSetText, usesNameSet } from './name-set';
import { grantedRanges, grantPlan, isEmpty, nameFields, usesFakeIp } from './policy';
import { FAKE_RANGE, NEVER_GRANTED_IPV4, REFUSED_IPV4, TUN_ADDRESS, TUN_PREFIX } from './ranges';
import { nameRules, questionRules, type SingBoxRule } from './singbox-names';
import { grantedHost, type Surroundings } from './surroundings';

export interface TunnelFacts {
  instance: string;
  slot: number;
  network: Pick<NetworkSpec, 'egress' | 'dns' | 'policy' | 'probes'>;
  /** The host's resolvers in order; the first is asked (sing-box has no fallback among servers). */
  resolvers: readonly string[];
}

/**
 * The largest that IP has, as loopback's: TCP ends in sing-box on this machine, so what counts is how few packets go through
 * the rules and user space. A download is 1.6 to 1.9 times as fast as by sing-box's own default, 9000 (bench/egress).
 */
const TUN_MTU = 65_535;
/** A question comes with the connection; whatever does not is hijacked all the same. */
const SNIFF_TIMEOUT = '300ms';
/**
 * Where sing-box reads what the server's name means: the agent hands it the sandbox's folder as descriptor 4, and
 * sing-box looks at the file anew every five seconds (dns/transport/hosts), so a moved server needs no restart.
 */
export const ENDPOINT_HOSTS = '/proc/self/fd/4/hosts';
/**
 * What changes while it runs, as when the host gets another address: sing-box follows such a file by itself
 * (route/rule/rule_set_local), within 0.2 s as measured.
 */
const ruleSet = (tag: keyof ReturnType<typeof rangeSetsOf> | typeof NAME_SET): SingBoxRule => ({
  ...{ type: 'local', tag, format: 'source' },
  path: `/proc/self/fd/4/${tag}.json`,
});
/** Each file's ranges, by its name without ending. */
export function rangeSetsOf(policy: NetworkPolicy, around: Surroundings) {
  const { own, routers, lan, bridges } = around;
  return {
    around: [...new Set([...own, ...routers, ...lan, ...bridges])],
    kept: [...new Set([...own, ...bridges])],
    'granted-host': grantedHost(policy, around),
  };
}
/** The text of such a file. */
export function rangeSetText(ranges: readonly string[]): string {
  return `${JSON.stringify({ version: 3, rules: ranges.length > 0 ? [{ ip_cidr: ranges }] : [] })}\n`;
}
/**
 * What passes a sandbox is read from the log (agent/traffic): rules and questions are told at `debug`, the end of a
 * connection that was cut at `trace`. Some ten lines a connection, none a packet.
 */
const LOG_LEVEL = 'trace';
/** Asked through the egress where nobody chose a resolver; by TCP, which every kind carries. */
const DEFAULT_DNS: EgressDns = { server: '1.1.1.1', transport: 'tcp', name: null };

export function isAddress(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** Who answers the sandbox's names through its egress; null when `direct` has neither. */
export function dnsOf(facts: Pick<TunnelFacts, 'network' | 'resolvers'>): EgressDns | null {
  const { egress, dns } = facts.network;
  const [host] = facts.resolvers;
  const chosen =
    dns ??
    (egress.kind !== 'direct'
      ? DEFAULT_DNS
      : host === undefined
        ? null
        : ({ server: host, transport: 'udp', name: null } as const));
  return chosen?.transport === 'udp' && !carriesUdp(egress) ? { ...chosen, transport: 'tcp' } : chosen;
}
export const dnsPort = (dns: EgressDns): number =>
  dns.transport === 'tls' ? 853 : dns.transport === 'https' ? 443 : 53;

/** sing-box's configuration as JSON text, the same for the same facts. Throws AppError `invalid_input`. */
export function singBoxConfig(facts: TunnelFacts): string {
  const { instance, slot, network, resolvers } = facts;
  const netns = uplinkNamespace(instance);
  const endpoint = egressEndpoint(network.egress);
  const byName = endpoint !== null && network.egress.kind !== 'wireguard' && !isAddress(endpoint.host);
  const out = egressOutbound(network.egress, {
    netns,
    routingMark: routingMark(instance, slot),
    server: endpoint?.host ?? '',
    // Its answers would be kept for ten minutes, longer than a moved server may be missed.
    fields: byName ? { domain_resolver: { server: 'endpoint', disable_cache: true } } : {},
    linkNamespace: wireguardNamespace(instance, slot),
  });
  const dns = dnsOf(facts);
  const plan = grantPlan(network.policy);
  const ranges = grantedRanges(network.policy);
  const named = !isEmpty(plan.names);
  const [uplink] = resolvers;
  const granted = nameFields(plan.names);

  const servers: SingBoxRule[] = [
    dns === null ? { type: 'local', tag: 'resolver' } : dnsServer(dns, OUT_TAG),
    ...(byName ? [{ type: 'hosts', tag: 'endpoint', path: [ENDPOINT_HOSTS] }] : []),
    ...(usesFakeIp(network.policy) ? [{ type: 'fakeip', tag: 'names', inet4_range: FAKE_RANGE }] : []),
    ...(named && uplink !== undefined
      ? [{ type: 'udp', tag: 'uplink', server: uplink, detour: 'grants' }]
      : []),
  ];
  const grants = {
    ...directOutbound(
      { netns, routingMark: routingMark(instance, slot, 'grant'), server: '', fields: {} },
      'grants',
    ),
    ...(named && uplink !== undefined && { domain_resolver: { server: 'uplink' } }),
  };
  const config = {
    log: { level: LOG_LEVEL, timestamp: true },
    dns: {
      servers,
      rules: [
        ...questionRules(network),
        // Without a resolver no question may fall back on something else: each is refused.
        ...(dns === null ? [{ action: 'reject' }] : []),
      ],
      final: 'resolver',
      // The sandbox has no IPv6: an AAAA answer would only make programs try and fail.
      strategy: 'ipv4_only',
    },
    inbounds: [
      {
        type: 'tun',
        tag: 'tun',
        interface_name: TUN_NAME,
        address: [`${TUN_ADDRESS}/${TUN_PREFIX}`],
        mtu: TUN_MTU,
        auto_route: true,
        strict_route: true,
        stack: 'system',
      },
    ],
    outbounds: [out, ...(named || ranges.length > 0 ? [grants] : [])],
    route: {
      rule_set: [
        ruleSet('around'),
        ...(ranges.length > 0 ? [ruleSet('kept'), ruleSet('granted-host')] : []),
        ...(usesNameSet(network.policy) ? [ruleSet(NAME_SET)] : []),
      ],
      rules: [
        // Sniffing makes sing-box wait for the first packet before it hijacks. Without it the two race, and one
        // question in twenty was lost (measured with 1.12.12): the program asks again only after seconds.
        { port: 53, action: 'sniff', sniffer: ['dns'], timeout: SNIFF_TIMEOUT },
        { port: 53, action: 'hijack-dns' },
        { port: 853, action: 'reject' },
        { ip_version: 6, action: 'reject' },
        ...(ranges.length > 0
          ? [
              { rule_set: ['granted-host'], outbound: 'grants' },
              { ip_cidr: NEVER_GRANTED_IPV4, action: 'reject' },
              { rule_set: ['kept'], action: 'reject' },
              { ip_cidr: ranges, outbound: 'grants' },
            ]
          : []),
        { ip_cidr: REFUSED_IPV4, action: 'reject' },
        { rule_set: ['around'], action: 'reject' },
        ...(named ? [{ ...granted, outbound: 'grants' }] : []),
        ...nameRules(network),
      ],
      final: OUT_TAG,
      default_domain_resolver: 'resolver',
    },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** As sing-box's `resolver`. */
export function dnsServer(dns: EgressDns, detour: string): SingBoxRule {
  const secure = dns.transport === 'tls' || dns.transport === 'https';
  return {
    type: dns.transport,
    tag: 'resolver',
    server: dns.server,
    detour,
    ...(secure && { tls: { enabled: true, server_name: dns.name ?? dns.server } }),
  };
}

/** The texts of all files that a running sing-box follows, by their names without ending. */
export function ruleSetTexts(policy: NetworkPolicy, around: Surroundings): Record<string, string> {
  const ranges = Object.entries(rangeSetsOf(policy, around)).map(([tag, it]) => [tag, rangeSetText(it)]);
  return { ...Object.fromEntries(ranges), [NAME_SET]: nameSetText(policy) };
}
