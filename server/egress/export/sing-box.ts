import type { Egress, EgressOf } from '../../../shared/egress';
import type { EgressTls, EgressTransport } from '../../../shared/egress-transport';

/**
 * A document with the one outbound or endpoint, as a person would write it for a client of their own: by the
 * server's name and without the dial fields that the agent adds.
 */
export function singBoxOf(egress: Egress, label: string): string {
  const object = JSON.parse(JSON.stringify({ ...objectOf(egress), tag: label }));
  const document = egress.kind === 'wireguard' ? { endpoints: [object] } : { outbounds: [object] };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Undefined fields vanish in JSON. */
function objectOf(egress: Egress): Record<string, unknown> {
  if (egress.kind === 'direct') return { type: 'direct' };
  if (egress.kind === 'wireguard') return wireguard(egress);
  const head = { server: egress.server, server_port: egress.port };
  switch (egress.kind) {
    case 'socks5':
      return { type: 'socks', ...head, version: '5', ...account(egress) };
    case 'http':
      return { type: 'http', ...head, ...account(egress), tls: tlsOf(egress.tls) };
    case 'shadowsocks':
      return {
        type: 'shadowsocks',
        ...head,
        method: egress.method,
        password: egress.password,
        plugin: egress.plugin ?? undefined,
        plugin_opts: egress.pluginOptions || undefined,
        udp_over_tcp: egress.udpOverTcp ? { enabled: true, version: 2 } : undefined,
      };
    case 'vmess':
      return {
        type: 'vmess',
        ...head,
        uuid: egress.uuid,
        security: egress.security,
        alter_id: egress.alterId || undefined,
        packet_encoding: egress.packetEncoding === 'none' ? undefined : egress.packetEncoding,
        ...carrier(egress),
      };
    case 'vless':
      return {
        type: 'vless',
        ...head,
        uuid: egress.uuid,
        flow: egress.flow ?? undefined,
        packet_encoding: egress.packetEncoding === 'none' ? '' : egress.packetEncoding,
        ...carrier(egress),
      };
    case 'trojan':
      return { type: 'trojan', ...head, password: egress.password, ...carrier(egress) };
    case 'hysteria2':
      return hysteria2(egress);
    case 'tuic':
      return {
        type: 'tuic',
        ...head,
        uuid: egress.uuid,
        password: egress.password,
        congestion_control: egress.congestion,
        udp_relay_mode: egress.udpRelayMode,
        tls: tlsOf(egress.tls),
      };
    case 'anytls':
      return { type: 'anytls', ...head, password: egress.password, tls: tlsOf(egress.tls) };
    case 'ssh':
      return {
        type: 'ssh',
        ...head,
        user: egress.user,
        password: egress.password ?? undefined,
        private_key: egress.privateKey ?? undefined,
        private_key_passphrase: egress.passphrase ?? undefined,
        host_key: egress.hostKeys.length > 0 ? egress.hostKeys : undefined,
      };
  }
}

function account(egress: { username: string | null; password: string | null }) {
  return { username: egress.username ?? undefined, password: egress.password ?? undefined };
}

function hysteria2(egress: EgressOf<'hysteria2'>) {
  const ports = [String(egress.port), ...egress.hopPorts].map((it) =>
    it.includes(':') ? it : `${it}:${it}`,
  );
  return {
    type: 'hysteria2',
    server: egress.server,
    server_port: egress.port,
    server_ports: egress.hopPorts.length > 0 ? ports : undefined,
    password: egress.password,
    obfs: egress.obfsPassword === null ? undefined : { type: 'salamander', password: egress.obfsPassword },
    up_mbps: egress.upMbps ?? undefined,
    down_mbps: egress.downMbps ?? undefined,
    tls: tlsOf(egress.tls),
  };
}

function wireguard(egress: EgressOf<'wireguard'>) {
  return {
    type: 'wireguard',
    system: egress.mode === 'kernel' ? true : undefined,
    mtu: egress.mtu,
    address: egress.addresses,
    private_key: egress.privateKey,
    peers: [
      {
        address: egress.server,
        port: egress.port,
        public_key: egress.peerPublicKey,
        pre_shared_key: egress.presharedKey ?? undefined,
        allowed_ips: ['0.0.0.0/0'],
        persistent_keepalive_interval: egress.keepalive || undefined,
        reserved: egress.reserved ?? undefined,
      },
    ],
  };
}

function carrier(egress: { tls: EgressTls | null; transport: EgressTransport }) {
  return { tls: tlsOf(egress.tls), transport: transportOf(egress.transport) };
}

function tlsOf(tls: EgressTls | null) {
  if (tls === null) return undefined;
  return {
    enabled: true,
    server_name: tls.sni ?? undefined,
    insecure: tls.insecure || undefined,
    alpn: tls.alpn.length > 0 ? tls.alpn : undefined,
    certificate: tls.certificate ?? undefined,
    utls: tls.fingerprint === null ? undefined : { enabled: true, fingerprint: tls.fingerprint },
    reality:
      tls.reality === null
        ? undefined
        : { enabled: true, public_key: tls.reality.publicKey, short_id: tls.reality.shortId },
  };
}

function transportOf(transport: EgressTransport) {
  switch (transport.type) {
    case 'tcp':
      return undefined;
    case 'ws':
      return {
        type: 'ws',
        path: transport.path,
        headers: transport.host === null ? undefined : { Host: transport.host },
        max_early_data: transport.earlyData || undefined,
        early_data_header_name: transport.earlyDataHeader || undefined,
      };
    case 'grpc':
      return { type: 'grpc', service_name: transport.serviceName };
    case 'http':
      return {
        type: 'http',
        path: transport.path,
        host: transport.hosts.length > 0 ? transport.hosts : undefined,
      };
    case 'httpupgrade':
      return { type: 'httpupgrade', path: transport.path, host: transport.host ?? undefined };
    case 'quic':
      return { type: 'quic' };
  }
}
