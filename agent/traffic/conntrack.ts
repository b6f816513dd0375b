import { TUN_ADDRESS, TUN_PEER } from '../plan/ranges';
import { PROBE_MARK } from '../proof/contract';

/** One flow of the sandbox as the kernel counts it: whole IP packets, `tx` what the sandbox sent. */
export interface Tracked {
  /** `flowKey`. */
  key: string;
  network: 'tcp' | 'udp';
  /** As sing-box sees it: of TCP not the one that the program has (agent/plan/source-ports). */
  port: number;
  txBytes: number;
  rxBytes: number;
  /** A TCP connection that one side has closed for good. */
  closed: boolean;
  /** The last packet sent was one of a proof's probe: nobody else in there can give it that mark. */
  probe: boolean;
}

export const flowKey = (network: string, port: number, to: { address: string; port: number }): string =>
  `${network} ${port} ${to.address} ${to.port}`;

const ENTRY =
  /^ipv4 +2 +(tcp|udp) +\d+ +\d+ (?:([A-Z_]+) )?src=(\S+) dst=(\S+) sport=\d+ dport=(\d+) packets=\d+ bytes=(\d+) .*?src=\S+ dst=\S+ sport=\d+ dport=(\d+) packets=\d+ bytes=(\d+) (?:.*\bmark=(\d+)\b)?/;
const CLOSED = new Set(['TIME_WAIT', 'CLOSE', 'LAST_ACK']);
/** sing-box answers names itself, at the tun's peer. */
const DNS_PORT = '53';

/**
 * From the text of /proc/net/nf_conntrack of the sandbox's namespace. Without loopback, and without the second entry that
 * each TCP connection has: sing-box's `system` stack brings it back as one from TUN_PEER to its own listener. Entries
 * without counters (net.netfilter.nf_conntrack_acct is 0) are left out.
 */
export function trackedOf(text: string): Tracked[] {
  const found: Tracked[] = [];
  for (const line of text.split('\n')) {
    const [, protocol, state = '', from, to = '', toPort = '', tx, port, rx, mark] = ENTRY.exec(line) ?? [];
    if (from !== TUN_ADDRESS || to === TUN_ADDRESS || (to === TUN_PEER && toPort !== DNS_PORT)) continue;
    const network = protocol === 'tcp' ? 'tcp' : 'udp';
    found.push({
      key: flowKey(network, Number(port), { address: to, port: Number(toPort) }),
      network,
      port: Number(port),
      txBytes: Number(tx),
      rxBytes: Number(rx),
      closed: CLOSED.has(state),
      probe: Number(mark) === PROBE_MARK,
    });
  }
  return found;
}
