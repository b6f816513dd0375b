import type { EgressEndpoint } from '../../shared/egress';
import { hostTable } from '../../shared/names';
import { LAN_RANGES } from '../../shared/network-policy';
import { hex, MARK_MASK, markPrefix, routingMark } from './mark';
import { NEVER_GRANTED_IPV4 } from './ranges';
import { refusedRanges, type Surroundings } from './surroundings';

/** Where one sandbox's sing-box may send. */
export interface HostSandbox {
  slot: number;
  egress:
    | {
        kind: 'direct';
        /** Name servers it asks, wherever they are: on this port only. */
        resolvers: readonly { address: string; port: number }[];
      }
    | {
        kind: 'endpoint';
        /** What the endpoint's name means now, and while it changes also what it meant before. */
        addresses: readonly string[];
        protocols: EgressEndpoint['protocols'];
        ports: EgressEndpoint['ports'];
        /** UDP ASSOCIATE of SOCKS5: the server names a port of its choice (RFC 1928). */
        anyUdpPort: boolean;
      };
  grants: {
    addresses: readonly string[];
    /** Of these what was granted as one address: it may be one of the host's own. */
    exact: readonly string[];
    lan: boolean;
    open: boolean;
    /** Asked for the granted names. */
    resolvers: readonly string[];
  } | null;
}

export interface HostFacts {
  instance: string;
  around: Surroundings;
  sandboxes: readonly HostSandbox[];
}

const REJECT = 'reject with icmpx type admin-prohibited';

/**
 * nft text for the host: a second judge of what sing-box sends, in case its own rules are wrong. It looks only at
 * packets with this instance's marks. For each mark there is a chain with exactly what that sandbox's way out
 * needs; a mark without a chain gets nothing. It accepts nothing finally (an `accept` ends this chain only), so it
 * stands beside Docker's, firewalld's and the administrator's own rules without changing them.
 */
export function hostRules(facts: HostFacts): string {
  const { instance } = facts;
  const table = hostTable(instance);
  const sandboxes = [...facts.sandboxes].sort((a, b) => a.slot - b.slot);
  const ways = sandboxes.flatMap(({ slot, grants }) => [
    `${hex(routingMark(instance, slot))} : goto egress_${slot}`,
    ...(grants ? [`${hex(routingMark(instance, slot, 'grant'))} : goto grant_${slot}`] : []),
  ]);
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
${set('refused', refusedRanges(facts.around))}${set('never', NEVER_GRANTED_IPV4)}${set('bridges', facts.around.bridges)}${sandboxes
  .map(chainsOf)
  .join('')}  map ways {
    type mark : verdict
${ways.length > 0 ? `    elements = { ${ways.join(', ')} }\n` : ''}  }
  chain output {
    type filter hook output priority filter - 5; policy accept;
    meta mark and ${hex(MARK_MASK)} != ${hex(markPrefix(instance))} accept
    meta nfproto != ipv4 ${REJECT}
    meta mark vmap @ways
    ${REJECT}
  }
}
`;
}

function chainsOf({ slot, egress, grants }: HostSandbox): string {
  return egressChain(slot, egress) + (grants ? grantChain(slot, grants) : '');
}

function egressChain(slot: number, egress: HostSandbox['egress']): string {
  if (egress.kind === 'direct') {
    return `  chain egress_${slot} {
${egress.resolvers.map(({ address, port }) => asks([address], port)).join('')}    fib daddr type != unicast ${REJECT}
    ip daddr @refused ${REJECT}
    accept
  }
`;
  }
  const ports = egress.ports.map((it) => (typeof it === 'number' ? it : `${it.from}-${it.to}`)).join(', ');
  const lines = egress.protocols.map((protocol) =>
    protocol === 'udp' && egress.anyUdpPort
      ? `    ip daddr @endpoint_${slot} meta l4proto udp accept\n`
      : `    ip daddr @endpoint_${slot} meta l4proto ${protocol} th dport { ${ports} } accept\n`,
  );
  return `${set(`endpoint_${slot}`, egress.addresses)}  chain egress_${slot} {
${lines.join('')}    ${REJECT}
  }
`;
}

function grantChain(slot: number, grants: NonNullable<HostSandbox['grants']>): string {
  const lan = `    ip daddr { ${LAN_RANGES.join(', ')} } accept
`;
  const open = `    fib daddr type != unicast ${REJECT}
    ip daddr @refused ${REJECT}
    accept
`;
  const host = `    fib daddr type local ip daddr { ${grants.exact.join(', ')} } accept
`;
  return `${set(`granted_${slot}`, grants.addresses)}  chain grant_${slot} {
${grants.resolvers.length > 0 ? asks(grants.resolvers, 53) : ''}    ip daddr @never ${REJECT}
${grants.exact.length > 0 ? host : ''}    fib daddr type local ${REJECT}
    ip daddr @bridges ${REJECT}
    ip daddr @granted_${slot} accept
${grants.lan ? lan : ''}${grants.open ? open : ''}    ${REJECT}
  }
`;
}

const asks = (addresses: readonly string[], port: number) =>
  `    ip daddr { ${addresses.join(', ')} } meta l4proto { tcp, udp } th dport ${port} accept\n`;

function set(name: string, elements: readonly string[]): string {
  const unique = [...new Set(elements)].sort();
  return `  set ${name} {
    type ipv4_addr
    flags interval
    auto-merge
${unique.length > 0 ? `    elements = { ${unique.join(', ')} }\n` : ''}  }
`;
}
