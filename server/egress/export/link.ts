import type { Egress, EgressOf } from '../../../shared/egress';
import {
  earlyData,
  encoded,
  type QueryValue,
  queryText,
  securityEntries,
  tlsEntries,
  transportEntries,
} from './query';

/** The usual share link of the kind, with extra query entries for what the usual one has no word for. */
export function linkOf(egress: Egress, label: string): string {
  const tag = label === '' ? '' : `#${encoded(label.replace(/\p{Cs}/gu, ''))}`;
  switch (egress.kind) {
    case 'direct':
      return `direct://${tag}`;
    case 'vmess':
      return vmessLink(egress, label);
    default:
      return `${body(egress)}${tag}`;
  }
}

type Plain = Exclude<Egress, { kind: 'direct' | 'vmess' }>;
function body(egress: Plain): string {
  const at = `${egress.server}:${egress.port}`;
  switch (egress.kind) {
    case 'socks5':
      return `socks5://${account(egress.username, egress.password)}${at}`;
    case 'http':
      return `${egress.tls ? 'https' : 'http'}://${account(egress.username, egress.password)}${at}${queryText(
        egress.tls ? tlsEntries(egress.tls) : [],
      )}`;
    case 'shadowsocks':
      return shadowsocksLink(egress);
    case 'vless':
      return `vless://${egress.uuid}@${at}${queryText([
        ['encryption', 'none'],
        ['flow', egress.flow],
        ...securityEntries(egress.tls),
        ...transportEntries(egress.transport),
        ['packetEncoding', egress.packetEncoding],
      ])}`;
    case 'trojan':
      return `trojan://${encoded(egress.password)}@${at}${queryText([
        ...securityEntries(egress.tls),
        ...transportEntries(egress.transport),
      ])}`;
    case 'hysteria2':
      return hysteria2Link(egress);
    case 'tuic':
      return `tuic://${egress.uuid}:${encoded(egress.password)}@${at}${queryText([
        ['congestion_control', egress.congestion],
        ['udp_relay_mode', egress.udpRelayMode],
        ...tlsEntries(egress.tls),
      ])}`;
    case 'anytls':
      return `anytls://${encoded(egress.password)}@${at}${queryText(tlsEntries(egress.tls))}`;
    case 'ssh':
      return `ssh://${account(egress.user, egress.password)}${at}${queryText([
        ['privateKey', egress.privateKey],
        ['passphrase', egress.passphrase],
        ...egress.hostKeys.map((it): [string, QueryValue] => ['hostKey', it]),
      ])}`;
    case 'wireguard':
      return `wireguard://${encoded(egress.privateKey ?? '')}@${at}${queryText([
        ['publickey', egress.peerPublicKey],
        ['presharedkey', egress.presharedKey],
        ['address', egress.addresses],
        ['keepalive', egress.keepalive],
        ['mtu', egress.mtu],
        ['reserved', egress.reserved?.map(String)],
        ['kernel', egress.mode === 'kernel'],
      ])}`;
  }
}

function account(name: string | null, password: string | null): string {
  if (name === null) return '';
  return `${encoded(name)}:${password === null ? '' : encoded(password)}@`;
}

/** SIP002 wants base64url of `method:password`, SIP022 percent-encoding for the 2022 methods. */
function shadowsocksLink(egress: EgressOf<'shadowsocks'>): string {
  const user = egress.method.startsWith('2022-')
    ? `${egress.method}:${encoded(egress.password)}`
    : Buffer.from(`${egress.method}:${egress.password}`).toString('base64url');
  const options = egress.pluginOptions === '' ? '' : `;${egress.pluginOptions}`;
  const query = queryText([
    ['plugin', egress.plugin === null ? null : `${egress.plugin}${options}`],
    ['uot', egress.udpOverTcp],
  ]);
  return `ss://${user}@${egress.server}:${egress.port}${query === '' ? '' : `/${query}`}`;
}

function hysteria2Link(egress: EgressOf<'hysteria2'>): string {
  const ports = [String(egress.port), ...egress.hopPorts].map((it) => it.replace(':', '-'));
  return `hysteria2://${encoded(egress.password)}@${egress.server}:${ports.join(',')}/${queryText([
    ['obfs', egress.obfsPassword === null ? null : 'salamander'],
    ['obfs-password', egress.obfsPassword],
    ['upmbps', egress.upMbps],
    ['downmbps', egress.downMbps],
    ...tlsEntries(egress.tls),
  ])}`;
}

/** v2rayN's JSON, which all clients of vmess read; names it does not have are the links' own. */
function vmessLink(egress: EgressOf<'vmess'>, label: string): string {
  const { transport, tls } = egress;
  const fields: Record<string, unknown> = {
    v: '2',
    ps: label,
    add: egress.server,
    port: String(egress.port),
    id: egress.uuid,
    aid: String(egress.alterId),
    scy: egress.security,
    net: transport.type,
    type: 'none',
    host: '',
    path: '',
    tls: tls === null ? '' : tls.reality ? 'reality' : 'tls',
    packetEncoding: egress.packetEncoding,
  };
  if (transport.type === 'ws') Object.assign(fields, Object.fromEntries(earlyData(transport)));
  if ('path' in transport) fields.path = transport.path;
  if (transport.type === 'grpc') fields.path = transport.serviceName;
  if ('host' in transport) fields.host = transport.host ?? '';
  if (transport.type === 'http') fields.host = transport.hosts.join(',');
  if (tls !== null) {
    for (const [name, value] of tlsEntries(tls)) {
      if (value === null || value === undefined || value === false) continue;
      fields[name === 'allowInsecure' ? 'insecure' : name] = value === true ? '1' : String(value);
    }
  }
  return `vmess://${Buffer.from(JSON.stringify(fields)).toString('base64')}`;
}
