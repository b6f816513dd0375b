import type { Egress } from '../../../shared/egress';
import { entryOf, IMPORT_ENTRIES_MAX, type RawEntry } from './entry';
import { type Link, percentDecoded, schemeAndLabel, splitLink } from './link-parts';
import {
  anytlsLink,
  httpLink,
  hysteria2Link,
  socksLink,
  sshLink,
  tuicLink,
  wireguardLink,
} from './links-other';
import { shadowsocksLink } from './links-shadowsocks';
import { trojanLink, vlessLink, vmessLabel, vmessLink } from './links-v2ray';
import { ImportProblem, refuse, shown } from './problem';

const readers: Record<string, (link: Link) => Egress> = {
  socks: socksLink,
  socks5: socksLink,
  socks5h: socksLink,
  http: httpLink,
  https: httpLink,
  ss: shadowsocksLink,
  vmess: vmessLink,
  vless: vlessLink,
  trojan: trojanLink,
  hysteria2: hysteria2Link,
  hy2: hysteria2Link,
  tuic: tuicLink,
  anytls: anytlsLink,
  ssh: sshLink,
  wireguard: wireguardLink,
  wg: wireguardLink,
};
const KNOWN = 'socks5, http, https, ss, vmess, vless, trojan, hysteria2, tuic, anytls, ssh, wireguard';

/** A link that carries a certificate and a key, each percent-encoded, stays well below. */
const LINE_MAX_CHARS = 65_536;

/** `direct://` stands for the host's own uplink. */
export function linkLines(text: string): RawEntry[] {
  const entries: RawEntry[] = [];
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith('//')) continue;
    if (entries.length >= IMPORT_ENTRIES_MAX) break;
    entries.push(lineEntry(index + 1, line));
  }
  return entries;
}

export function isLinkLine(line: string): boolean {
  return schemeAndLabel(line.trim()) !== null;
}

function lineEntry(number: number, line: string): RawEntry {
  const head = schemeAndLabel(line);
  return entryOf(number, head && labelOf(head, line), () => {
    if (line.length > LINE_MAX_CHARS) refuse(`The line is longer than ${LINE_MAX_CHARS} characters.`);
    if (head === null) return refuse(`This line is no share link; links begin with one of ${KNOWN} and ://.`);
    if (head.scheme === 'direct') return { kind: 'direct' };
    const read = readers[head.scheme];
    if (!Object.hasOwn(readers, head.scheme) || read === undefined) {
      return refuse(`Links of type ${shown(head.scheme)} are not supported; known are ${KNOWN}.`);
    }
    return read(splitLink(line));
  });
}

function labelOf(head: { scheme: string; label: string | null }, line: string): string | null {
  if (head.label !== null) {
    try {
      return percentDecoded(head.label, 'label');
    } catch (error) {
      if (error instanceof ImportProblem) return head.label;
      throw error;
    }
  }
  return head.scheme === 'vmess' ? vmessLabel(line.slice('vmess://'.length)) : null;
}
