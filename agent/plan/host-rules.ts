import { hostTable } from '../../shared/names';
import { routingMark } from './mark';
import { REFUSED_IPV4 } from './ranges';

export interface HostFacts {
  instance: string;
  /** The host's own resolvers, IPv4: the only private addresses sing-box may speak to, and only on port 53. */
  resolvers: readonly string[];
  /** Subnets on the interfaces that hold the default route: the host's LAN. Its machines are no Internet. */
  neighbours: readonly string[];
}

/**
 * nft text for the host: a second judge of what sing-box sends, in case its own rules are wrong. It looks only
 * at packets with this instance's mark and accepts nothing finally (an `accept` ends this chain only), so it
 * stands beside Docker's and the administrator's own rules without changing them.
 */
export function hostRules(facts: HostFacts): string {
  const table = hostTable(facts.instance);
  const mark = `0x${routingMark(facts.instance).toString(16)}`;
  const refused = [...REFUSED_IPV4, ...facts.neighbours];
  const resolvers =
    facts.resolvers.length > 0
      ? `    ip daddr { ${facts.resolvers.join(', ')} } meta l4proto { tcp, udp } th dport 53 accept\n`
      : '';
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  set refused {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { ${refused.join(', ')} }
  }
  chain output {
    type filter hook output priority filter - 5; policy accept;
    meta mark != ${mark} accept
${resolvers}    meta nfproto != ipv4 reject with icmpx type admin-prohibited
    fib daddr type != unicast reject with icmpx type admin-prohibited
    ip daddr @refused reject with icmpx type admin-prohibited
  }
}
`;
}
