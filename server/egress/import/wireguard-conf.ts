/** WireGuard's own file format (wg-quick(8)): `[Interface]` and one `[Peer]`. */
import type { Egress } from '../../../shared/egress';
import { entryOf, type RawEntry } from './entry';
import { refuse, shown } from './problem';
import { checked, host, list, port, wholeOr } from './values';
import { ownAddresses, requireFullTunnel } from './wireguard-fields';

export function looksLikeWireguard(text: string): boolean {
  return /^[ \t]*\[interface\][ \t]*$/im.test(text);
}

/** Settings of wg-quick that concern its own machine: commands are never run, tables never made. */
const LOOKED_OVER = new Set([
  'listenport',
  'fwmark',
  'table',
  'dns',
  'preup',
  'postup',
  'predown',
  'postdown',
  'saveconfig',
]);
const KNOWN = new Set([
  'privatekey',
  'address',
  'mtu',
  'publickey',
  'presharedkey',
  'allowedips',
  'endpoint',
  'persistentkeepalive',
]);

/** The single entry stands on the line of `[Interface]`; a complaint about a line names that line. */
export function wireguardConf(text: string): RawEntry {
  const lines = text.split(/\r\n|\r|\n/);
  const start = lines.findIndex((it) => /^\s*\[interface\]\s*$/i.test(it)) + 1;
  const label = /^[ \t]*#[ \t]*name[ \t]*[=:](.+)$/im.exec(text)?.[1] ?? null;
  return entryOf(start, label, () => built(sectionsOf(lines)));
}

type Section = ReadonlyMap<string, string>;

function sectionsOf(lines: readonly string[]): { ours: Section; peer: Section } {
  const ours = new Map<string, string>();
  const peer = new Map<string, string>();
  let current: Map<string, string> | null = null;
  let peers = 0;
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') continue;
    const section = /^\[(.*)\]$/.exec(line)?.[1]?.toLowerCase();
    if (section !== undefined) {
      if (section !== 'interface' && section !== 'peer') refuse(`line ${index + 1}: an unknown section.`);
      if (section === 'peer') peers += 1;
      if (peers > 1) refuse(`line ${index + 1}: a second [Peer]; only one is supported.`);
      current = section === 'peer' ? peer : ours;
      continue;
    }
    const equals = line.indexOf('=');
    if (equals < 0 || current === null)
      return refuse(`line ${index + 1}: is not \`Name = value\` in a section.`);
    const name = line.slice(0, equals).trim().toLowerCase();
    const value = line.slice(equals + 1).trim();
    if (LOOKED_OVER.has(name)) continue;
    if (!KNOWN.has(name)) refuse(`line ${index + 1}: the setting ${shown(name)} is not known.`);
    // Address and AllowedIPs may be repeated, which means the same as a comma.
    const before = current.get(name);
    if (before !== undefined && name !== 'address' && name !== 'allowedips') {
      refuse(`line ${index + 1}: ${shown(name)} stands there twice.`);
    }
    current.set(name, before === undefined ? value : `${before},${value}`);
  }
  if (peers === 0) refuse('The file has no [Peer].');
  return { ours, peer };
}

function built({ ours, peer }: { ours: Section; peer: Section }): Egress {
  const endpoint = peer.get('endpoint') ?? refuse('Endpoint: is missing in [Peer].');
  const colon = endpoint.lastIndexOf(':');
  if (colon < 0) refuse('Endpoint: needs server:port.');
  requireFullTunnel(list(peer.get('allowedips'), 'AllowedIPs'));
  const keepalive = peer.get('persistentkeepalive');
  return checked({
    kind: 'wireguard',
    server: host(endpoint.slice(0, colon), 'Endpoint'),
    port: port(endpoint.slice(colon + 1)),
    privateKey: ours.get('privatekey') ?? refuse('PrivateKey: is missing in [Interface].'),
    addresses: ownAddresses(list(ours.get('address'), 'Address')),
    mtu: wholeOr(ours.get('mtu'), 'MTU', undefined),
    peerPublicKey: peer.get('publickey') ?? refuse('PublicKey: is missing in [Peer].'),
    presharedKey: peer.get('presharedkey') ?? null,
    // A file without it means off (wg(8)), but a sandbox behind NAT would then never be answered again.
    keepalive: keepalive === 'off' ? 0 : wholeOr(keepalive, 'PersistentKeepalive', undefined),
  });
}
