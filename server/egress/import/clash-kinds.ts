import type { Egress, EgressKind } from '../../../shared/egress';
import { hosts, packetEncodingOf, wsTransport } from './link-carrier';
import { hopPorts } from './links-other';
import { methodOf } from './links-shadowsocks';
import { flowOf } from './links-v2ray';
import { asFields, type Fields } from './objects';
import { refuse, shown } from './problem';
import { checked, flag, host, hostOrNull, list, port, text, textOrNull, whole, wholeOr } from './values';
import { ownAddresses, requireFullTunnel, reservedOf } from './wireguard-fields';

const endpointOf = (it: Fields) => ({ server: host(it.server), port: port(it.port) });
const account = (it: Fields) => ({
  username: textOrNull(it.username, 'username'),
  password: textOrNull(it.password, 'password'),
});
const password = (it: Fields) => text(it.password, 'password');
const sub = (it: Fields, name: string): Fields =>
  it[name] === undefined || it[name] === null || it[name] === ''
    ? {}
    : (asFields(it[name]) ?? refuse(`${name}: must be a map of fields.`));

function tlsOf(it: Fields) {
  if (it.fingerprint) refuse('fingerprint: pinning a certificate by hash is not supported; remove it.');
  const reality = sub(it, 'reality-opts');
  const fingerprint = textOrNull(it['client-fingerprint'], 'client-fingerprint');
  return {
    sni: hostOrNull(it.servername ?? it.sni, 'sni'),
    insecure: flag(it['skip-cert-verify'], 'skip-cert-verify'),
    alpn: list(it.alpn, 'alpn'),
    fingerprint: fingerprint === 'none' ? null : fingerprint,
    reality:
      it['reality-opts'] === undefined
        ? null
        : {
            publicKey: text(reality['public-key'], 'reality-opts.public-key'),
            shortId: textOrNull(reality['short-id'], 'reality-opts.short-id') ?? '',
          },
    certificate: textOrNull(it['ca-str'], 'ca-str'),
  };
}
const tlsIfOn = (it: Fields) => (flag(it.tls, 'tls') || it['reality-opts'] ? tlsOf(it) : null);

function transportOf(it: Fields) {
  const network = textOrNull(it.network, 'network') ?? 'tcp';
  switch (network) {
    case 'tcp':
      return { type: 'tcp' };
    case 'ws': {
      const options = sub(it, 'ws-opts');
      const headers = sub(options, 'headers');
      const path = textOrNull(options.path, 'ws-opts.path');
      const hostname = headers.Host ?? headers.host;
      if (flag(options['v2ray-http-upgrade'], 'v2ray-http-upgrade')) {
        return { type: 'httpupgrade', path: path ?? '/', host: hostOrNull(hostname, 'ws-opts.headers.Host') };
      }
      return wsTransport(path, hostname, {
        bytes: wholeOr(options['max-early-data'], 'max-early-data', null),
        header: textOrNull(options['early-data-header-name'], 'early-data-header-name'),
      });
    }
    case 'grpc':
      return {
        type: 'grpc',
        serviceName:
          textOrNull(sub(it, 'grpc-opts')['grpc-service-name'], 'grpc-opts.grpc-service-name') ?? '',
      };
    case 'h2': {
      const options = sub(it, 'h2-opts');
      return {
        type: 'http',
        path: textOrNull(options.path, 'h2-opts.path') ?? '/',
        hosts: hosts(options.host),
      };
    }
    case 'http': {
      const options = sub(it, 'http-opts');
      const paths = list(options.path, 'http-opts.path');
      return { type: 'http', path: paths[0] ?? '/', hosts: hosts(sub(options, 'headers').Host) };
    }
    default:
      return refuse(`network: ${shown(network)} is not supported; use tcp, ws, grpc, h2 or http.`);
  }
}

function packetEncoding(it: Fields, fallback: 'none' | 'xudp'): string {
  if (flag(it.xudp, 'xudp')) return 'xudp';
  if (flag(it['packet-addr'], 'packet-addr')) return 'packetaddr';
  return packetEncodingOf(textOrNull(it['packet-encoding'], 'packet-encoding'), fallback);
}

function pluginOf(it: Fields) {
  const plugin = textOrNull(it.plugin, 'plugin');
  if (plugin === null) return { plugin: null };
  const options = sub(it, 'plugin-opts');
  const mode = textOrNull(options.mode, 'plugin-opts.mode');
  const hostname = textOrNull(options.host, 'plugin-opts.host');
  const escaped = (value: string) => value.replace(/[\\;=]/g, '\\$&');
  const parts = (entries: [string, string | null][]) =>
    entries.flatMap(([key, value]) =>
      value === null ? [] : [value === '' ? key : `${key}=${escaped(value)}`],
    );
  if (plugin === 'obfs') {
    return {
      plugin: 'obfs-local',
      pluginOptions: parts([
        ['obfs', mode],
        ['obfs-host', hostname],
      ]).join(';'),
    };
  }
  if (plugin !== 'v2ray-plugin') refuse('plugin: only obfs and v2ray-plugin are supported.');
  if (flag(options['skip-cert-verify'], 'skip-cert-verify')) {
    refuse('plugin-opts.skip-cert-verify: is not supported; give the certificate or use another kind.');
  }
  return {
    plugin,
    pluginOptions: parts([
      ['mode', mode],
      ['tls', flag(options.tls, 'plugin-opts.tls') ? '' : null],
      ['host', hostname],
      ['path', textOrNull(options.path, 'plugin-opts.path')],
      // mihomo switches it on unless told otherwise, as sing-box does.
      ['mux', options.mux === undefined || flag(options.mux, 'plugin-opts.mux') ? null : '0'],
    ]).join(';'),
  };
}

/** `50`, `50 Mbps`; other units are not guessed. */
function megabits(value: unknown, field: string): number | null {
  const written = textOrNull(value, field);
  if (written === null) return null;
  const [, digits] = /^(\d{1,6})(?:\s*[Mm]bps)?$/.exec(written) ?? [];
  return digits === undefined ? refuse(`${field}: must be a number of Mbps.`) : whole(digits, field);
}

export const clashKinds: ReadonlyMap<string, (it: Fields) => Egress> = new Map([
  kind('direct', 'direct', () => ({})),
  kind('socks5', 'socks5', (it) => {
    if (flag(it.tls, 'tls')) refuse('tls: SOCKS5 inside TLS is not supported.');
    return { ...endpointOf(it), ...account(it) };
  }),
  kind('http', 'http', (it) => ({ ...endpointOf(it), ...account(it), tls: tlsIfOn(it) })),
  kind('ss', 'shadowsocks', (it) => ({
    ...endpointOf(it),
    method: methodOf(text(it.cipher, 'cipher')),
    password: password(it),
    ...pluginOf(it),
    udpOverTcp: flag(it['udp-over-tcp'], 'udp-over-tcp'),
  })),
  kind('vmess', 'vmess', (it) => ({
    ...endpointOf(it),
    uuid: text(it.uuid, 'uuid'),
    security: textOrNull(it.cipher, 'cipher') ?? 'auto',
    alterId: wholeOr(it.alterId, 'alterId', 0),
    tls: tlsIfOn(it),
    transport: transportOf(it),
    packetEncoding: packetEncoding(it, 'none'),
  })),
  kind('vless', 'vless', (it) => ({
    ...endpointOf(it),
    uuid: text(it.uuid, 'uuid'),
    flow: flowOf(textOrNull(it.flow, 'flow')),
    tls: tlsIfOn(it),
    transport: transportOf(it),
    packetEncoding: packetEncoding(it, 'xudp'),
  })),
  kind('trojan', 'trojan', (it) => ({
    ...endpointOf(it),
    password: password(it),
    tls: tlsOf(it),
    transport: transportOf(it),
  })),
  kind('hysteria2', 'hysteria2', (it) => {
    const obfs = textOrNull(it.obfs, 'obfs');
    if (obfs !== null && obfs !== 'salamander') refuse('obfs: only salamander is supported.');
    return {
      server: host(it.server),
      ...hopPorts(
        it.port === undefined ? [] : [String(whole(it.port, 'port'))],
        textOrNull(it.ports, 'ports'),
      ),
      password: password(it),
      obfsPassword: obfs === null ? null : text(it['obfs-password'], 'obfs-password'),
      upMbps: megabits(it.up, 'up'),
      downMbps: megabits(it.down, 'down'),
      tls: tlsOf(it),
    };
  }),
  kind('tuic', 'tuic', (it) => ({
    ...endpointOf(it),
    uuid: text(it.uuid, 'uuid'),
    password: password(it),
    congestion: textOrNull(it['congestion-controller'], 'congestion-controller') ?? 'cubic',
    udpRelayMode: textOrNull(it['udp-relay-mode'], 'udp-relay-mode') ?? 'native',
    tls: tlsOf(it),
  })),
  kind('anytls', 'anytls', (it) => ({ ...endpointOf(it), password: password(it), tls: tlsOf(it) })),
  kind('ssh', 'ssh', (it) => ({
    ...endpointOf(it),
    user: text(it.username, 'username'),
    password: textOrNull(it.password, 'password'),
    privateKey: textOrNull(it['private-key'], 'private-key'),
    passphrase: textOrNull(it['private-key-passphrase'], 'private-key-passphrase'),
    hostKeys: list(it['host-key'], 'host-key'),
  })),
  kind('wireguard', 'wireguard', wireguard),
]);

function wireguard(it: Fields) {
  const peers = Array.isArray(it.peers) ? it.peers : [];
  if (peers.length > 1) refuse('peers: only a single peer is supported.');
  const peer = asFields(peers[0]) ?? it;
  const allowed = list(peer['allowed-ips'], 'allowed-ips');
  if (allowed.length > 0) requireFullTunnel(allowed);
  const reserved = peer.reserved ?? it.reserved;
  return {
    ...endpointOf(peer),
    privateKey: text(it['private-key'], 'private-key'),
    peerPublicKey: text(peer['public-key'], 'public-key'),
    presharedKey: textOrNull(peer['pre-shared-key'], 'pre-shared-key'),
    addresses: ownAddresses(list(it.ip, 'ip')),
    keepalive: wholeOr(it['persistent-keepalive'], 'persistent-keepalive', undefined),
    mtu: wholeOr(it.mtu, 'mtu', undefined),
    reserved: reservedOf(reserved),
  };
}

function kind(type: string, name: EgressKind, read: (it: Fields) => Fields) {
  return [type, (it: Fields): Egress => checked({ ...read(it), kind: name })] as const;
}
