import type { Egress } from '../../../shared/egress';
import { tlsOfQuery } from './link-carrier';
import { accountOf, endpointOf, type Link, percentDecoded, secretOf } from './link-parts';
import { refuse } from './problem';
import { checked, flag, fromBase64, host, list, port, wholeOr } from './values';
import { ownAddresses, reservedOf } from './wireguard-fields';

/** v2rayN writes the account as base64 of `name:password`. */
export function socksLink(link: Link): Egress {
  const inBase64 = link.user !== null && !link.user.includes(':') ? fromBase64(link.user) : null;
  const colon = inBase64?.indexOf(':') ?? -1;
  const account =
    inBase64 !== null && colon > 0 && /^[\x20-\x7e]+$/.test(inBase64)
      ? { username: inBase64.slice(0, colon), password: inBase64.slice(colon + 1) || null }
      : accountOf(link.user);
  return checked({ kind: 'socks5', ...endpointOf(link, 1080), ...account });
}

export function httpLink(link: Link): Egress {
  if (link.path.length > 1) {
    refuse('This looks like the address of a page; add a subscription address as a subscription.');
  }
  const tls = link.scheme === 'https' ? tlsOfQuery(link.query) : null;
  return checked({ kind: 'http', ...endpointOf(link, tls ? 443 : 80), ...accountOf(link.user), tls });
}

/** Ports may be a list: `host:443,20000-30000`; some write the list as `mport`. */
export function hysteria2Link(link: Link): Egress {
  const { query } = link;
  const [first = '', ...more] = link.ports.split(',');
  const obfs = query.get('obfs') ?? 'none';
  if (obfs !== 'none' && obfs !== 'salamander') refuse('obfs: only salamander is supported.');
  return checked({
    kind: 'hysteria2',
    server: host(link.hostname),
    ...hopPorts([first, ...more], query.get('mport')),
    password: secretOf(link),
    obfsPassword: obfs === 'none' ? null : query.get('obfs-password'),
    upMbps: wholeOr(query.get('upmbps', 'up'), 'upmbps', null),
    downMbps: wholeOr(query.get('downmbps', 'down'), 'downmbps', null),
    tls: { ...tlsOfQuery(query), reality: null },
  });
}
/** The first single port is the one that is dialled without hopping. */
export function hopPorts(written: readonly string[], more: string | null) {
  const ranges = [...written, ...list(more, 'mport')]
    .filter((it) => it !== '')
    .map((it) => it.trim().replace('-', ':'));
  const single = ranges.findIndex((it) => /^\d+$/.test(it));
  if (ranges.length === 0) return { port: 443, hopPorts: [] };
  if (single < 0) return { port: port(ranges[0]?.split(':')[0]), hopPorts: ranges };
  return { port: port(ranges[single]), hopPorts: ranges.filter((_, index) => index !== single) };
}

export function tuicLink(link: Link): Egress {
  const { query } = link;
  const { username, password } = accountOf(link.user);
  return checked({
    kind: 'tuic',
    ...endpointOf(link, 443),
    uuid: username ?? refuse('uuid: is missing before the @.'),
    password: password ?? query.get('password') ?? refuse('password: is missing after the uuid.'),
    congestion: query.get('congestion_control', 'congestion') ?? 'cubic',
    udpRelayMode: query.get('udp_relay_mode') ?? 'native',
    tls: { ...tlsOfQuery(query), reality: null },
  });
}

export function anytlsLink(link: Link): Egress {
  return checked({
    kind: 'anytls',
    ...endpointOf(link, 443),
    password: secretOf(link),
    tls: tlsOfQuery(link.query),
  });
}

export function sshLink(link: Link): Egress {
  const { query } = link;
  const { username, password } = accountOf(link.user);
  return checked({
    kind: 'ssh',
    ...endpointOf(link, 22),
    user: username ?? refuse('user: is missing before the @.'),
    password,
    privateKey: query.get('privateKey', 'pk'),
    passphrase: query.get('passphrase'),
    hostKeys: query.all('hostKey'),
  });
}

/** `wireguard://private@host:port?publickey=…&address=…`, or `wg://host:port?privateKey=…&ip=…`. */
export function wireguardLink(link: Link): Egress {
  const { query } = link;
  return checked({
    kind: 'wireguard',
    ...endpointOf(link, 51820),
    privateKey: link.user
      ? percentDecoded(link.user, 'privateKey')
      : (query.get('privateKey', 'pk') ?? refuse('privateKey: is missing.')),
    peerPublicKey:
      query.get('publickey', 'peerPublicKey', 'peer_pub_key') ?? refuse('publickey: is missing.'),
    presharedKey: query.get('presharedkey', 'psk'),
    addresses: ownAddresses(list(query.get('address', 'ip', 'localAddress'), 'address')),
    keepalive: wholeOr(query.get('keepalive', 'persistentKeepalive'), 'keepalive', undefined),
    mtu: wholeOr(query.get('mtu'), 'mtu', undefined),
    reserved: reservedOf(query.get('reserved')),
    mode: flag(query.get('kernel'), 'kernel') ? 'kernel' : 'userspace',
  });
}
