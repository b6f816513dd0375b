/** What ways out, checks and modes are called where people read them. */
import type { EgressKind } from '../../shared/egress';
import type { EgressView } from '../../shared/egress-views';
import type { egressTestStages, ProofCheckName, ProofMode } from '../../shared/proof';
import type { Tone } from '../ui/banner';

export type Verdict = NonNullable<EgressView['health']['verdict']>;

export const verdictWords: Record<Verdict, { word: string; tone: Tone; means: string }> = {
  green: { word: 'Proven', tone: 'good', means: 'Every check passed.' },
  red: { word: 'Failed', tone: 'bad', means: 'At least one check failed.' },
  incomplete: {
    word: 'Incomplete',
    tone: 'warn',
    means: 'Nothing failed, but some checks could not be judged.',
  },
};

export const kindNames: Record<EgressKind, string> = {
  direct: 'Direct',
  socks5: 'SOCKS5',
  http: 'HTTP proxy',
  shadowsocks: 'Shadowsocks',
  vmess: 'VMess',
  vless: 'VLESS',
  trojan: 'Trojan',
  hysteria2: 'Hysteria 2',
  tuic: 'TUIC',
  anytls: 'AnyTLS',
  ssh: 'SSH',
  wireguard: 'WireGuard',
};

export const kindHints: Record<EgressKind, string> = {
  direct: 'The own uplink of this host.',
  socks5: 'A SOCKS proxy, such as a bought residential address.',
  http: 'A proxy that takes CONNECT, with or without TLS.',
  shadowsocks: 'ss:// servers, 2022 methods too.',
  vmess: 'vmess:// servers of the V2Ray family.',
  vless: 'vless:// servers, with REALITY too.',
  trojan: 'trojan:// servers over TLS.',
  hysteria2: 'hy2:// servers over QUIC.',
  tuic: 'tuic:// servers over QUIC.',
  anytls: 'anytls:// servers over TLS.',
  ssh: 'Any machine you can log in to by SSH.',
  wireguard: 'A VPN peer; a .conf can be pasted.',
};

export const proofModeWords: Record<ProofMode, { title: string; means: string }> = {
  gate: {
    title: 'Gate: nothing runs before the proof is green',
    means:
      'User code starts only after a green proof, and a red one fences the sandbox within seconds. Safest.',
  },
  watch: {
    title: 'Watch: the proof is taken beside the running sandbox',
    means:
      'The sandbox starts at once. Only a leak fences it; a wrong or unknown exit address is only shown.',
  },
  off: {
    title: 'Off: nothing is proven',
    means: 'No proof is taken by itself. The firewall still lets nothing out but through this way.',
  },
};

export const checkWords: Record<ProofCheckName, { title: string; asks: string }> = {
  connect: { title: 'Connection', asks: 'Is the Internet there?' },
  'exit-address': { title: 'Exit address', asks: 'Do two echo services see the same, expected address?' },
  dns: { title: 'DNS', asks: 'Are names asked through the way out, and not by this host?' },
  'refused.tcp': { title: 'TCP past the tunnel', asks: 'Must fail.' },
  'refused.udp': { title: 'UDP past the tunnel', asks: 'Must fail.' },
  'refused.icmp': { title: 'ICMP past the tunnel', asks: 'Must fail.' },
  'refused.ipv6': { title: 'IPv6', asks: 'Must fail.' },
  'refused.dot': { title: 'DNS over TLS', asks: 'Must fail.' },
  'refused.metadata': { title: 'Cloud metadata', asks: 'Must fail.' },
  'refused.host': { title: 'This host', asks: 'Must fail.' },
  'refused.neighbours': { title: 'Neighbour sandboxes', asks: 'Must fail.' },
  'refused.raw': { title: 'Raw sockets', asks: 'Must fail.' },
};

export type TestStage = (typeof egressTestStages)[number];
export const stageWords: Record<TestStage, { title: string; asks: string }> = {
  resolve: { title: 'Find the server', asks: 'Its name is asked on this host.' },
  connect: { title: 'Reach the server', asks: 'A connection to its port.' },
  handshake: { title: 'Be let in', asks: 'Protocol, password and certificate.' },
  'exit-address': { title: 'Exit address', asks: 'Two echo services must agree.' },
  dns: { title: 'DNS', asks: 'Names must be asked through it.' },
  refused: { title: 'Leaks', asks: 'Every way past it must fail.' },
};

export const causeWords = {
  start: 'at start',
  resume: 'after a pause',
  switch: 'after a switch',
  timer: 'on the timer',
  tunnel: 'after the tunnel came back',
  asked: 'asked for',
  test: 'test',
} as const;

/** `12 ms`, `1.4 s`. */
export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A country's flag by its two letters (regional indicator symbols, Unicode TR51); empty for anything else. */
export function flagOf(country: string): string {
  if (!/^[A-Z]{2}$/.test(country)) return '';
  return String.fromCodePoint(...[...country].map((it) => 0x1f1e6 + it.charCodeAt(0) - 65));
}
