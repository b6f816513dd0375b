import { TUN_NAME } from '../../shared/names';
import type { NetworkPolicy } from '../../shared/network-policy';
import { PROBE_MARK } from '../proof/contract';
import { hex } from './mark';
import { grantedRanges, usesFakeIp } from './policy';
import { FAKE_RANGE, TUN_ADDRESS, TUN_PEER } from './ranges';
import { grantedHost, keptRanges, refusedRanges, type Surroundings } from './surroundings';

/** Tables in the sandbox's own network namespace: what its sockets send, and what reaches the tun by whatever way. */
export const SANDBOX_TABLE = 'cloud_claude';
export const LINK_TABLE = 'cloud_claude_link';
/**
 * Flows a sandbox may have open at once. A browser with many tabs needs some hundreds; more would let one
 * sandbox fill sing-box's memory and the host's conntrack table, which all sandboxes share.
 */
export const SANDBOX_FLOWS = 4096;
/**
 * What the sandbox tried that may be refused without a word in sing-box's log: by these rules, or by sing-box before it
 * takes the connection. Read by agent/traffic. A scan fills it; then the rest is not seen until places are free again.
 */
export const TRIED_SET = 'tried';
export const TRIED_MAX = 1024;
const TRIED_SECONDS = 60;
/**
 * Sockets of the sandbox's UDP and the one destination each speaks to, where the destination decides what is allowed
 * or by which way it leaves. sing-box judges the first packet of a source port and sends all later ones of that port
 * the same way, whoever they are for (sing-tun's udpnat2, 1.12.12: seen), so a second destination is refused here.
 */
export const UDP_SOCKETS_SET = 'udp_sockets';
export const UDP_PEERS_SET = 'udp_peers';
/** sing-box forgets a silent session after five minutes (`udp_timeout`); this must be later. */
const UDP_SECONDS = 600;

/**
 * `closed`: nothing passes, not even from a PID 1 that root replaced. `proving`: packets of our own probe only.
 * `open`: what the policy lets pass.
 */
export type Gate = 'open' | 'proving' | 'closed';

export interface SandboxRuleFacts {
  gate: Gate;
  policy: NetworkPolicy;
  around: Surroundings;
  /** With the table on the tun itself: it can be loaded only while the tun is there. */
  link: boolean;
}

interface Ranges {
  refused: readonly string[];
  /** Granted, so not refused; less what is `kept` in it, but for `host`. */
  granted: readonly string[];
  host: readonly string[];
  kept: readonly string[];
  fakeIp: boolean;
  /** A UDP socket keeps to its first destination. */
  pinned: boolean;
}

/**
 * nft text for a sandbox's namespace, first loaded before the tun exists. One transaction replaces what was there,
 * so loading it again never opens a gap.
 *
 * Input takes new connections from the tun's peer only: sing-box's `system` stack turns each outgoing TCP
 * connection into one from TUN_PEER to its own listener on TUN_ADDRESS. Replies to the sandbox are established.
 * What would leave by `lo` for somewhere else took the default route that stands there without a tun (defaultByLo):
 * it is refused, so that programs learn at once that there is no way out (TCP by a reset: an ICMP error that the
 * kernel sends itself by `lo` is lost, measured).
 * Port 53 is turned to the tun's peer, which is sing-box: it answers itself, whatever server was named. Port 853 (DNS
 * over TLS and QUIC) is refused, so that names are asked where the policy sees them.
 *
 * Frames from an AF_PACKET socket pass by the output hook (measured): the table on the link judges them too.
 */
export function sandboxRules({ gate, policy, around, link }: SandboxRuleFacts): string {
  const ranges = {
    refused: refusedRanges(around),
    granted: grantedRanges(policy),
    host: grantedHost(policy, around),
    kept: keptRanges(around),
    fakeIp: usesFakeIp(policy),
    pinned: usesFakeIp(policy) || grantedRanges(policy).length > 0,
  };
  const { mode, learn } = policy.domains;
  const pins = gate === 'open' && ranges.pinned;
  const watched = gate === 'open' && mode !== 'open' && !learn;
  return `table inet ${SANDBOX_TABLE}
delete table inet ${SANDBOX_TABLE}
table inet ${SANDBOX_TABLE} {
${gate === 'closed' ? '' : sets(ranges)}${gate === 'open' ? tried : ''}${pins ? pinSets : ''}${gate === 'closed' ? '' : names}  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
${pins ? keepPins : ''}    iifname "${TUN_NAME}" ct state established,related accept
    iifname "${TUN_NAME}" ip saddr ${TUN_PEER} ip daddr ${TUN_ADDRESS} meta l4proto tcp accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
${gate === 'closed' ? '' : flows(watched, pins)}  chain output {
    type filter hook output priority filter; policy drop;
    oifname "lo" fib daddr type != local meta l4proto tcp reject with tcp reset
    oifname "lo" fib daddr type != local ${REJECT_ANY}
    oifname "lo" accept
${pins ? noLateQuestion(REJECT) : ''}${gate === 'closed' ? '' : throughTheTun(gate, ranges)}  }
}
${link ? linkTable(gate, ranges) : ''}`;
}

const REJECT = 'reject with icmp type admin-prohibited';
const REJECT_ANY = 'reject with icmpx type admin-prohibited';

const tried = `  set ${TRIED_SET} {
    type ipv4_addr . inet_proto . inet_service
    flags dynamic,timeout
    timeout ${TRIED_SECONDS}s
    size ${TRIED_MAX}
  }
`;
/** Not what a proof tries. A rule of its own: where the set is full it is passed over, and the next one judges. */
const noteTried = `meta mark != ${hex(PROBE_MARK)} update @${TRIED_SET} { ip daddr . meta l4proto . th dport counter }`;

/** So that what the probe sends is told from what the sandbox sends: in the kernel's list of flows (agent/traffic). */
const TELL_PROBE = 'ct mark set meta mark';

const pinSets = [UDP_SOCKETS_SET, UDP_PEERS_SET]
  .map(
    (name) => `  set ${name} {
    type ${name === UDP_SOCKETS_SET ? 'inet_service' : 'inet_service . ipv4_addr . inet_service'}
    flags dynamic,timeout
    timeout ${UDP_SECONDS}s
    size 65535
  }
`,
  )
  .join('');
/** A question from a socket that speaks to somebody already would go to that one's way out, not to sing-box. */
const noLateQuestion = (refuse: string) => `    udp dport 53 udp sport @${UDP_SOCKETS_SET} ${refuse}
`;
const peerTo = 'udp sport . ip daddr . udp dport';
/** What comes back keeps sing-box's session alive, so it keeps the pin too. */
const keepPins = `    iifname "${TUN_NAME}" udp dport . ip saddr . udp sport @${UDP_PEERS_SET} update @${UDP_SOCKETS_SET} { udp dport } update @${UDP_PEERS_SET} { udp dport . ip saddr . udp sport }
`;
const pin = (
  refuse: string,
) => `    meta l4proto udp ${peerTo} @${UDP_PEERS_SET} update @${UDP_SOCKETS_SET} { udp sport } update @${UDP_PEERS_SET} { ${peerTo} } accept
    meta l4proto udp udp sport @${UDP_SOCKETS_SET} ${refuse}
    meta l4proto udp add @${UDP_SOCKETS_SET} { udp sport } add @${UDP_PEERS_SET} { ${peerTo} } accept
    meta l4proto udp ${refuse}
`;
/**
 * Whatever server a program asks, its question is for sing-box: as a new destination of its own, since sing-box takes
 * a packet to port 53 for no question when its source port has a session already.
 */
const names = `  chain names {
    type nat hook output priority -100; policy accept;
    oifname "${TUN_NAME}" meta l4proto { tcp, udp } th dport 53 dnat ip to ${TUN_PEER}
  }
`;

const flows = (watched: boolean, pins: boolean) => `  chain flows {
    ct state new ct count over ${SANDBOX_FLOWS} ${REJECT}
${watched ? `    ct state new ${noteTried}\n` : ''}${pins ? pin(REJECT) : ''}    accept
  }
`;

function throughTheTun(gate: Gate, ranges: Ranges): string {
  // Replies of sing-box's own listener, which is in this namespace too, pass in any case.
  const probeOnly = `    ip saddr ${TUN_ADDRESS} ip daddr ${TUN_PEER} ct direction reply accept
    meta mark != ${hex(PROBE_MARK)} drop
`;
  const note = gate === 'open' ? ` ${noteTried}` : null;
  const refuse = (what: string) => `${note === null ? '' : `    ${what}${note}\n`}    ${what} ${REJECT}\n`;
  return `    oifname != "${TUN_NAME}" drop
    meta nfproto != ipv4 drop
    ${TELL_PROBE}
${gate === 'proving' ? probeOnly : ''}    ip daddr ${TUN_PEER} accept
${refuse('meta l4proto { tcp, udp } th dport 853')}    meta l4proto != { tcp, udp } ${REJECT}
${byAddress(ranges, { pass: 'goto flows', refuse })}    goto flows
`;
}

/** The order is the same in sing-box's routes and in the host's chain for grants. */
function byAddress(
  { granted, host, fakeIp }: Ranges,
  { pass, refuse }: { pass: string; refuse(what: string): string },
): string {
  const exceptions = `${host.length > 0 ? `    ip daddr @granted_host ${pass}\n` : ''}${refuse('ip daddr @kept')}    ip daddr @granted ${pass}
`;
  return `${fakeIp ? `    ip daddr ${FAKE_RANGE} ${pass}\n` : ''}${granted.length > 0 ? exceptions : ''}${refuse('ip daddr @refused')}`;
}

const linkFlows = (pins: boolean) => `  chain flows {
    meta l4proto tcp accept
${pins ? pin('drop') : '    meta l4proto udp accept\n'}  }
`;

/** The netdev hook sees every frame that goes into the tun. Each accept is by a match: what cannot be parsed is dropped. */
function linkTable(gate: Gate, ranges: Ranges): string {
  const probeOnly = `    ip saddr ${TUN_ADDRESS} ip daddr ${TUN_PEER} meta l4proto tcp accept
    meta mark != ${hex(PROBE_MARK)} drop
`;
  const refuse = (what: string) => `    ${what} drop\n`;
  const pins = gate === 'open' && ranges.pinned;
  const rules = `    meta protocol != ip drop
${pins ? noLateQuestion('drop') : ''}${gate === 'proving' ? probeOnly : ''}    ip daddr ${TUN_PEER} meta l4proto { tcp, udp } accept
    meta l4proto { tcp, udp } th dport 853 drop
${byAddress(ranges, { pass: 'goto flows', refuse })}    goto flows
`;
  return `table netdev ${LINK_TABLE}
delete table netdev ${LINK_TABLE}
table netdev ${LINK_TABLE} {
${gate === 'closed' ? '' : sets(ranges)}${pins ? pinSets : ''}${gate === 'closed' ? '' : linkFlows(pins)}  chain egress {
    type filter hook egress device "${TUN_NAME}" priority filter; policy drop;
${gate === 'closed' ? '' : rules}  }
}
`;
}

function sets({ refused, granted, host, kept }: Ranges): string {
  const all: [string, readonly string[]][] = [['refused', refused]];
  if (granted.length > 0) all.push(['kept', kept], ['granted', granted]);
  if (host.length > 0) all.push(['granted_host', host]);
  return all
    .map(
      ([name, elements]) => `  set ${name} {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { ${elements.join(', ')} }
  }
`,
    )
    .join('');
}
