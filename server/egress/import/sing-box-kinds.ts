import type { Egress, EgressKind } from '../../../shared/egress';
import { hosts } from './link-carrier';
import { hopPorts } from './links-other';
import { pluginName } from './links-shadowsocks';
import { asFields, type Fields } from './objects';
import { refuse, shown } from './problem';
import { checked, flag, host, hostOrNull, list, port, text, textOrNull, whole, wholeOr } from './values';
import { ownAddresses, requireFullTunnel, reservedOf } from './wireguard-fields';

const endpointOf = (it: Fields, fallback?: number) => ({
  server: host(it.server),
  port: port(it.server_port, fallback),
});
const account = (it: Fields) => ({
  username: textOrNull(it.username, 'username'),
  password: textOrNull(it.password, 'password'),
});
const password = (it: Fields) => text(it.password, 'password');
const sub = (it: Fields, name: string): Fields | null =>
  it[name] === undefined || it[name] === null
    ? null
    : (asFields(it[name]) ?? refuse(`${name}: must be an object.`));
/** sing-box's "listable": one text or several lines. */
const lines = (value: unknown, field: string): string | null =>
  Array.isArray(value) ? value.map((it) => text(it, field)).join('\n') : textOrNull(value, field);
const noFile = (it: Fields, field: string) => {
  if (it[field]) refuse(`${field}: names a file of another machine; give its text instead.`);
};

function tlsOf(it: Fields) {
  const tls = sub(it, 'tls');
  if (tls === null || !flag(tls.enabled, 'tls.enabled')) return null;
  noFile(tls, 'certificate_path');
  if (flag(sub(tls, 'ech')?.enabled, 'tls.ech')) refuse('tls.ech: is not supported.');
  const utls = sub(tls, 'utls');
  const reality = sub(tls, 'reality');
  return {
    sni: hostOrNull(tls.server_name, 'tls.server_name'),
    insecure: flag(tls.insecure, 'tls.insecure'),
    alpn: list(tls.alpn, 'tls.alpn'),
    fingerprint: flag(utls?.enabled, 'tls.utls.enabled')
      ? (textOrNull(utls?.fingerprint, 'tls.utls.fingerprint') ?? 'chrome')
      : null,
    reality: flag(reality?.enabled, 'tls.reality.enabled')
      ? {
          publicKey: text(reality?.public_key, 'tls.reality.public_key'),
          shortId: textOrNull(reality?.short_id, 'tls.reality.short_id') ?? '',
        }
      : null,
    certificate: lines(tls.certificate, 'tls.certificate'),
  };
}
const needTls = (it: Fields) => tlsOf(it) ?? refuse('tls: this kind needs TLS switched on.');

function transportOf(it: Fields) {
  const transport = sub(it, 'transport');
  if (transport === null) return { type: 'tcp' };
  const type = textOrNull(transport.type, 'transport.type') ?? 'tcp';
  const path = textOrNull(transport.path, 'transport.path') ?? '/';
  switch (type) {
    case 'ws': {
      const headers = sub(transport, 'headers') ?? {};
      return {
        type,
        path,
        host: hostOrNull(
          list(headers.Host ?? headers.host, 'transport.headers.Host')[0],
          'transport.headers.Host',
        ),
        earlyData: wholeOr(transport.max_early_data, 'transport.max_early_data', 0),
        earlyDataHeader:
          textOrNull(transport.early_data_header_name, 'transport.early_data_header_name') ?? '',
      };
    }
    case 'grpc':
      return { type, serviceName: textOrNull(transport.service_name, 'transport.service_name') ?? '' };
    case 'http':
      return { type, path, hosts: hosts(transport.host) };
    case 'httpupgrade':
      return { type, path, host: hostOrNull(transport.host, 'transport.host') };
    case 'quic':
      return { type };
    default:
      return refuse(`transport.type: ${shown(type)} is not supported.`);
  }
}

/** sing-box's default differs: nothing means none in vmess and xudp in vless. */
function packetEncoding(it: Fields, fallback: string): string {
  if (it.packet_encoding === undefined || it.packet_encoding === null) return fallback;
  return it.packet_encoding === '' ? 'none' : text(it.packet_encoding, 'packet_encoding');
}

function wireguard(it: Fields) {
  const peers = Array.isArray(it.peers) ? it.peers : [];
  const peer = peers.length === 1 ? asFields(peers[0]) : null;
  if (peer === null) return refuse('peers: a single peer is needed.');
  requireFullTunnel(list(peer.allowed_ips, 'allowed_ips'));
  const { reserved } = peer;
  return {
    server: host(peer.address, 'peers.address'),
    port: port(peer.port),
    privateKey: text(it.private_key, 'private_key'),
    peerPublicKey: text(peer.public_key, 'public_key'),
    presharedKey: textOrNull(peer.pre_shared_key, 'pre_shared_key'),
    addresses: ownAddresses(list(it.address, 'address')),
    keepalive: wholeOr(peer.persistent_keepalive_interval, 'persistent_keepalive_interval', 0),
    mtu: wholeOr(it.mtu, 'mtu', undefined),
    reserved: reservedOf(reserved),
    mode: flag(it.system, 'system') ? 'kernel' : 'userspace',
  };
}

export const singBoxKinds: ReadonlyMap<string, (it: Fields) => Egress> = new Map([
  kind('direct', 'direct', () => ({})),
  kind('socks', 'socks5', (it) => {
    const version = textOrNull(it.version, 'version') ?? '5';
    if (version !== '5') refuse('version: only SOCKS 5 is supported.');
    return { ...endpointOf(it), ...account(it) };
  }),
  kind('http', 'http', (it) => {
    if (it.path || it.headers) refuse('path, headers: are not supported for an HTTP proxy; remove them.');
    return { ...endpointOf(it), ...account(it), tls: tlsOf(it) };
  }),
  kind('shadowsocks', 'shadowsocks', (it) => {
    const plugin = textOrNull(it.plugin, 'plugin');
    return {
      ...endpointOf(it),
      method: text(it.method, 'method'),
      password: password(it),
      plugin: plugin === null ? null : pluginName(plugin),
      pluginOptions: textOrNull(it.plugin_opts, 'plugin_opts') ?? '',
      udpOverTcp:
        it.udp_over_tcp === true || flag(asFields(it.udp_over_tcp)?.enabled, 'udp_over_tcp.enabled'),
    };
  }),
  kind('vmess', 'vmess', (it) => ({
    ...endpointOf(it),
    uuid: text(it.uuid, 'uuid'),
    security: textOrNull(it.security, 'security') ?? 'auto',
    alterId: wholeOr(it.alter_id, 'alter_id', 0),
    tls: tlsOf(it),
    transport: transportOf(it),
    packetEncoding: packetEncoding(it, 'none'),
  })),
  kind('vless', 'vless', (it) => ({
    ...endpointOf(it),
    uuid: text(it.uuid, 'uuid'),
    flow: textOrNull(it.flow, 'flow'),
    tls: tlsOf(it),
    transport: transportOf(it),
    packetEncoding: packetEncoding(it, 'xudp'),
  })),
  kind('trojan', 'trojan', (it) => ({
    ...endpointOf(it),
    password: password(it),
    tls: needTls(it),
    transport: transportOf(it),
  })),
  kind('hysteria2', 'hysteria2', (it) => {
    const obfs = sub(it, 'obfs');
    if (obfs !== null && obfs.type !== 'salamander') refuse('obfs.type: only salamander is supported.');
    const single = it.server_port === undefined ? [] : [String(whole(it.server_port, 'server_port'))];
    const hop = hopPorts([...single, ...list(it.server_ports, 'server_ports').map(asSingle)], null);
    return {
      server: host(it.server),
      port: hop.port,
      // `server_port` is not dialled beside `server_ports`, so whoever wants it lists it there again.
      hopPorts: hop.hopPorts.filter((_, at, all) => at !== all.indexOf(String(hop.port))),
      password: password(it),
      obfsPassword: obfs === null ? null : text(obfs.password, 'obfs.password'),
      upMbps: wholeOr(it.up_mbps, 'up_mbps', null),
      downMbps: wholeOr(it.down_mbps, 'down_mbps', null),
      tls: needTls(it),
    };
  }),
  kind('tuic', 'tuic', (it) => {
    if (flag(it.udp_over_stream, 'udp_over_stream')) refuse('udp_over_stream: is not supported.');
    return {
      ...endpointOf(it),
      uuid: text(it.uuid, 'uuid'),
      password: password(it),
      congestion: textOrNull(it.congestion_control, 'congestion_control') ?? 'cubic',
      udpRelayMode: textOrNull(it.udp_relay_mode, 'udp_relay_mode') ?? 'native',
      tls: needTls(it),
    };
  }),
  kind('anytls', 'anytls', (it) => ({ ...endpointOf(it), password: password(it), tls: needTls(it) })),
  kind('ssh', 'ssh', (it) => {
    noFile(it, 'private_key_path');
    return {
      ...endpointOf(it, 22),
      user: textOrNull(it.user, 'user') ?? 'root',
      password: textOrNull(it.password, 'password'),
      privateKey: lines(it.private_key, 'private_key'),
      passphrase: textOrNull(it.private_key_passphrase, 'private_key_passphrase'),
      hostKeys: typeof it.host_key === 'string' ? [it.host_key] : list(it.host_key, 'host_key'),
    };
  }),
  kind('wireguard', 'wireguard', wireguard),
]);

/** sing-box writes a single port as the range `n:n`. */
function asSingle(range: string): string {
  const [from, to] = range.split(':');
  return from !== undefined && from === to ? from : range;
}

function kind(type: string, name: EgressKind, read: (it: Fields) => Fields) {
  return [
    type,
    (it: Fields): Egress => {
      if (it.detour && type !== 'wireguard') refuse('detour: a chain of outbounds is not supported.');
      return checked({ ...read(it), kind: name });
    },
  ] as const;
}
