import { TUN_NAME } from '../../shared/names';
import { REFUSED_IPV4, TUN_ADDRESS, TUN_PEER } from './ranges';

/** Table in the sandbox's own network namespace. */
export const SANDBOX_TABLE = 'cloud_claude';
/**
 * Flows a sandbox may have open at once. A browser with many tabs needs some hundreds; more would let one
 * sandbox fill sing-box's memory and the host's conntrack table, which all sandboxes share.
 */
export const SANDBOX_FLOWS = 4096;

/** `closed` until the tunnel is verified: then not even a PID 1 that root replaced gets a packet out. */
export type Gate = 'open' | 'closed';

/**
 * nft text for a sandbox's namespace, loaded before the tun exists. One transaction replaces what was there, so
 * loading it again never opens a gap.
 *
 * Input takes new connections from the tun's peer only: sing-box's `system` stack turns each outgoing TCP
 * connection into one from TUN_PEER to its own listener on TUN_ADDRESS. Replies to the sandbox are established.
 * There is no `netdev` hook against raw frames (AF_PACKET passes by the output hook): no link of this namespace
 * leads to the host. A raw frame into the tun ends in sing-box, behind which the host table judges once more.
 * Port 53 is let through to any address because sing-box answers it itself, whatever server was named.
 */
export function sandboxRules(gate: Gate): string {
  return `table inet ${SANDBOX_TABLE}
delete table inet ${SANDBOX_TABLE}
table inet ${SANDBOX_TABLE} {
  set refused {
    type ipv4_addr
    flags interval
    elements = { ${REFUSED_IPV4.join(', ')} }
  }
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    iifname "${TUN_NAME}" ct state established,related accept
    iifname "${TUN_NAME}" ip saddr ${TUN_PEER} ip daddr ${TUN_ADDRESS} meta l4proto tcp accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
  chain output {
    type filter hook output priority filter; policy drop;
    oifname "lo" accept
${gate === 'open' ? throughTheTun : ''}  }
}
`;
}

const throughTheTun = `    oifname != "${TUN_NAME}" drop
    meta nfproto != ipv4 drop
    ip daddr ${TUN_PEER} accept
    meta l4proto { tcp, udp } th dport 53 accept
    ip daddr @refused reject with icmp type admin-prohibited
    meta l4proto != { tcp, udp } reject with icmp type admin-prohibited
    ct state new ct count over ${SANDBOX_FLOWS} reject with icmp type admin-prohibited
    accept
`;
