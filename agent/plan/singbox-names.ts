import type { NetworkSpec } from '../../shared/agent-api';
import type { NetworkPolicy } from '../../shared/network-policy';
import { UNIQUE_LABEL_CHARS } from '../proof/contract';
import { NAME_SET, usesNameSet } from './name-set';
import { grantPlan, nameFields } from './policy';
import { REFUSED_IPV4 } from './ranges';

export type SingBoxRule = Record<string, unknown>;

/** How long a program may keep a stand-in address, in seconds: sing-box forgets them when it starts anew. */
const FAKE_TTL = 1;
/** Bytes that a client sends first come at once; a protocol in which the server speaks first waits this long. */
const SNIFF_TIMEOUT = '300ms';
/** Ports on which the client speaks first. There waiting costs an honest client nothing, however busy the machine is. */
const CLIENT_FIRST = [80, 443];
const CLIENT_FIRST_TIMEOUT = '5s';
/** What may be spoken there: each tells a name, or has none (SSH). */
const CLIENT_FIRST_PROTOCOLS = ['http', 'tls', 'quic', 'ssh'];
/** Their answers hold addresses, by which a program would go past the name. */
const ADDRESS_HINTS = ['HTTPS', 'SVCB'];

/** A rule that holds for names that the policy does not let pass, which a file lists; null while none is refused. */
function deniedNames(policy: NetworkPolicy): SingBoxRule | null {
  if (!usesNameSet(policy)) return null;
  // Inverted, a set without names denies whatever comes.
  return { rule_set: [NAME_SET], ...(policy.domains.mode === 'allow-list' && { invert: true }) };
}

type Judged = Pick<NetworkSpec, 'policy' | 'probes'>;
const isAddress = (host: string) => /^\d+\.\d+\.\d+\.\d+$/.test(host);

/**
 * What the probe of a proof speaks to, which no policy refuses: a proof is about the egress, not the policy. It is let
 * pass for the sandbox as well, as sing-box cannot tell the two apart; so no more than this: TCP, to the ports that
 * the addresses in the settings have, and questions of the one shape and type that the probe asks.
 */
function probed({ probes }: Judged): {
  services: SingBoxRule[];
  names: string[];
  question: SingBoxRule | null;
} {
  const { connectUrl, echoUrls, dnsEcho } = probes;
  const urls = [...(connectUrl === null ? [] : [connectUrl]), ...echoUrls].map((it) => new URL(it));
  const names = [...new Set(urls.map((it) => it.hostname))].filter((it) => !isAddress(it));
  const ports = new Map<string, Set<number>>();
  for (const { hostname, port, protocol } of urls) {
    const of = ports.get(hostname) ?? new Set();
    ports.set(hostname, of.add(Number(port || (protocol === 'https:' ? 443 : 80))));
  }
  const services = [...ports].map(([host, of]) => ({
    ...(isAddress(host) ? { ip_cidr: [host] } : { domain: [host] }),
    ...{ network: 'tcp', port: [...of].sort((a, b) => a - b) },
  }));
  const question = dnsEcho && {
    domain_regex: [
      `^${dnsEcho.name.replace('{unique}', `[0-9a-f]{${UNIQUE_LABEL_CHARS}}`).replaceAll('.', '\\.')}$`,
    ],
    query_type: [dnsEcho.type],
  };
  return { services, names, question };
}

/** DNS rules: denied names do not exist, judged names get a stand-in address. */
export function questionRules(judged: Judged): SingBoxRule[] {
  const { policy } = judged;
  const granted = nameFields(grantPlan(policy).names);
  const rules: SingBoxRule[] = [];
  const standIn = { query_type: ['A'], server: 'names', rewrite_ttl: FAKE_TTL };
  const noHints = { query_type: ADDRESS_HINTS, action: 'predefined', rcode: 'NOERROR' };
  if (Object.keys(granted).length > 0) rules.push({ ...granted, ...noHints }, { ...granted, ...standIn });
  if (policy.domains.mode === 'open') return rules;
  const { names, question } = probed(judged);
  // The answer itself is what the proof looks at: no stand-in.
  if (question !== null) rules.push({ ...question, server: 'resolver' });
  if (names.length > 0) rules.push({ domain: names, ...standIn });
  const denied = deniedNames(policy);
  if (denied !== null) rules.push({ ...denied, action: 'predefined', rcode: 'NXDOMAIN' });
  return [...rules, noHints, standIn];
}

/**
 * Route rules behind the ones for addresses. The destination is the name that was asked for, which its stand-in
 * address led back to; a name seen inside the connection (TLS, HTTP, QUIC) must be allowed as well, so an allowed name
 * is no cover for another. Then the name is resolved here, so that a public name with a private address stays refused.
 */
export function nameRules(judged: Judged): SingBoxRule[] {
  const { policy } = judged;
  const { mode, learn } = policy.domains;
  if (mode === 'open') return [];
  const denied = deniedNames(policy);
  const refuse = denied !== null ? [{ ...denied, action: 'reject' }] : [];
  const strict = mode === 'allow-list' && !learn;
  // Who is silent until the look is over, or speaks what it does not know, would have an allowed name as cover.
  const unseen = {
    ...{ type: 'logical', mode: 'and', action: 'reject' },
    rules: [{ port: CLIENT_FIRST }, { protocol: CLIENT_FIRST_PROTOCOLS, invert: true }],
  };
  const bare = strict ? [{ ip_cidr: ['0.0.0.0/0'], action: 'reject' }] : [];
  return [
    ...probed(judged).services.map((it) => ({ ...it, outbound: 'out' })),
    ...bare,
    ...refuse,
    ...(strict ? [{ port: CLIENT_FIRST, action: 'sniff', timeout: CLIENT_FIRST_TIMEOUT }, unseen] : []),
    { action: 'sniff', timeout: SNIFF_TIMEOUT },
    ...refuse,
    { action: 'resolve', server: 'resolver', strategy: 'ipv4_only' },
    { ip_cidr: REFUSED_IPV4, action: 'reject' },
    { rule_set: ['around'], action: 'reject' },
  ];
}
