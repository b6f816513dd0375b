import { TUN_NAME } from '../../shared/names';
import { LOCAL_PORTS, TUN_ADDRESS } from './ranges';

/** In the sandbox's namespace. */
export const PORTS_TABLE = 'cloud_claude_ports';

const FIRST = 1024;
/** More than a sandbox opens in ten minutes; the rest is room for another beginning. */
const PORTS = 20_000;
const BEGINNINGS = LOCAL_PORTS.first - FIRST - PORTS;
/** About the golden section of that room, and prime to it: beginnings of loads close in time lie far apart. */
const PORTS_APART = 14_813;
/** Each beginning suits three listeners of four. */
const TRIES = 16;

/**
 * nft text by which each new connection into the tun gets the next source port. sing-box's `system` stack knows a TCP
 * connection by its source port alone, for five to ten minutes (sing-tun 0.7.3 to 0.8.2, stack_system_nat.go), and the
 * kernel takes a port again as soon as the destination is another: such a connection would be answered in the name of
 * the old one, and hang (measured).
 *
 * Counting begins anew with each load of the rules, from another beginning: sing-box remembers what was counted before,
 * and so does the kernel, which drops the first packet of whoever gets a port that it still keeps of an earlier
 * connection to the same destination (agent/traffic/follower: 10 s).
 */
export const portRules = (first = FIRST): string => `table inet ${PORTS_TABLE} {
  chain ports {
    type nat hook postrouting priority 100; policy accept;
    oifname "${TUN_NAME}" meta l4proto tcp snat ip to ${TUN_ADDRESS}:numgen inc mod ${PORTS} offset ${first}
  }
}
`;

const COUNTING = new RegExp(`(numgen inc mod ${PORTS} offset )\\d+`);

/** A listing as if counting had begun at `FIRST`: where it began is no part of the rules. */
export const fromFirst = (listed: string): string => listed.replace(COUNTING, `$1${FIRST}`);

/**
 * Whether a connection may get the port of one of these listeners: the `system` stack takes a packet from its listener's
 * port for an answer of its own, and such a connection hangs (sing-tun 0.7.3, stack_system.go). nft hands the number on
 * in the processor's order (1.0.6, by `--debug=netlink`), so the port is the number with its bytes exchanged, or the
 * number itself where that is mended.
 */
function meets(first: number, listeners: readonly number[]): boolean {
  const counted = (port: number) => port >= first && port < first + PORTS;
  return listeners.some((port) => counted(port) || counted(((port & 0xff) << 8) | (port >> 8)));
}

/** A load of the rules. */
export interface Counting {
  load: number;
  /** The first port, before nft. */
  first: number;
}

/** The next load after one of that number, in which no listener is counted. No load begins where one before it did. */
export function countingAfter(last: number, listeners: readonly number[]): Counting {
  const next = Array.from({ length: TRIES }, (_, i): Counting => {
    const load = last + 1 + i;
    return { load, first: FIRST + ((load * PORTS_APART) % BEGINNINGS) };
  });
  // None suits only where the sandbox itself listens there on many ports, to its own harm.
  return next.find((it) => !meets(it.first, listeners)) ?? { load: last + 1, first: FIRST };
}
