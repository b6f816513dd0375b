import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { carriesUdp, type Egress, egressKinds, egressSchema } from '../../../shared/egress';
import { type Dial, OUT_TAG } from './dial';
import { egressOutbound } from './outbound';

const uuid = '9b4d3b1c-7a5e-4f60-8a6b-0c1d2e3f4a5b';
const server = 'proxy.example.org';
const sshKey =
  '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\nQyNTUxOQAAACBDtgjzqUM3kZl/EUnFKUMZAfu0N65KdrHfaBh7PAovtwAAAIi68T+wuvE/\nsAAAAAtzc2gtZWQyNTUxOQAAACBDtgjzqUM3kZl/EUnFKUMZAfu0N65KdrHfaBh7PAovtw\nAAAEDI5zK9z4yHmOeY+0+lTeut1Lg+Opgem0z/LvZgBYPhkkO2CPOpQzeRmX8RScUpQxkB\n+7Q3rkp2sd9oGHs8Ci+3AAAAAAECAwQF\n-----END OPENSSH PRIVATE KEY-----';
const certificate =
  '-----BEGIN CERTIFICATE-----\nMIIBjzCCATWgAwIBAgIUNTcPBSWPQKyIXnOmIv6XjpHTGc4wCgYIKoZIzj0EAwIw\nHDEaMBgGA1UEAwwRcHJveHkuZXhhbXBsZS5vcmcwIBcNMjYxMTIxMDgyMDU0WhgP\nMjEyNjEwMjgwODIwNTRaMBwxGjAYBgNVBAMMEXByb3h5LmV4YW1wbGUub3JnMFkw\nEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEq+NLb5GMuXCDP7Ui3FKVLiF+cY0MmoWy\nl7QSwSotRplfWyGWpgbZVOru2w0UQjNzDHfpO+cEtEWyTsWLt1r726NTMFEwHQYD\nVR0OBBYEFNInsVVtDckwCGu5+1JbzLtpHXcBMB8GA1UdIwQYMBaAFNInsVVtDckw\nCGu5+1JbzLtpHXcBMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg\nBq03eLmAeAVbU8qggD2+rc3qDP4okukeVy7AhE2hFKcCIQCdou6xhEYgijz2CCpj\nAV1TYGLwgsGs8bBTiKHtoJmbow==\n-----END CERTIFICATE-----';
const reality = { publicKey: 'Jq7ZxWmM3wqWxQ9jz0b4rT8iVq3m0V5o1uN2yY6cPzE', shortId: '0123abcd' };

const here = { server, port: 443 };
const wireguard = {
  kind: 'wireguard',
  server,
  port: 51820,
  addresses: ['10.7.0.2/32'],
  peerPublicKey: key('peer'),
} as const;

/** Keys for nobody, the same at every run. */
function key(seed: string): string {
  return Buffer.from(seed.padEnd(32, '.')).toString('base64');
}

/** Every kind, and every field of it at least once away from its default. */
const samples: Record<string, unknown> = {
  direct: { kind: 'direct' },
  socks5: { kind: 'socks5', server, port: 1080, username: 'user', password: 'pass' },
  'socks5-open': { kind: 'socks5', server: '198.51.100.7', port: 1080 },
  http: { kind: 'http', server, port: 3128, username: 'user', password: 'pass' },
  https: { kind: 'http', ...here, tls: { certificate, alpn: ['http/1.1'] } },
  shadowsocks: { kind: 'shadowsocks', ...here, method: 'aes-256-gcm', password: 'pass' },
  'shadowsocks-2022': {
    kind: 'shadowsocks',
    ...here,
    method: '2022-blake3-aes-256-gcm',
    password: `${key('server')}:${key('user')}`,
    udpOverTcp: true,
  },
  'shadowsocks-obfs': {
    kind: 'shadowsocks',
    ...here,
    method: 'chacha20-ietf-poly1305',
    password: 'pass',
    plugin: 'obfs-local',
    pluginOptions: 'obfs=tls;obfs-host=www.example.com',
  },
  'shadowsocks-v2ray-plugin': {
    kind: 'shadowsocks',
    ...here,
    method: 'aes-128-gcm',
    password: 'pass',
    plugin: 'v2ray-plugin',
    pluginOptions: 'tls;path=/ws',
  },
  vmess: { kind: 'vmess', ...here, uuid, alterId: 4, security: 'aes-128-gcm', packetEncoding: 'none' },
  'vmess-ws': {
    kind: 'vmess',
    ...here,
    uuid,
    tls: { sni: 'cdn.example.com', fingerprint: 'firefox' },
    transport: { type: 'ws', path: '/ws', earlyData: 2048, earlyDataHeader: 'Sec-WebSocket-Protocol' },
  },
  'vmess-http': { kind: 'vmess', ...here, uuid, tls: {}, transport: { type: 'http', path: '/h2' } },
  'vmess-quic': { kind: 'vmess', ...here, uuid, tls: {}, transport: { type: 'quic' } },
  'vless-reality': {
    kind: 'vless',
    ...here,
    uuid,
    flow: 'xtls-rprx-vision',
    tls: { sni: 'www.example.com', reality },
  },
  'vless-grpc': {
    kind: 'vless',
    ...here,
    uuid,
    tls: { alpn: ['h2'] },
    transport: { type: 'grpc', serviceName: 'svc' },
    packetEncoding: 'packetaddr',
  },
  'vless-httpupgrade': {
    kind: 'vless',
    ...here,
    uuid,
    packetEncoding: 'none',
    transport: { type: 'httpupgrade', path: '/up', host: 'cdn.example.com' },
  },
  trojan: { kind: 'trojan', ...here, password: 'pass', tls: { insecure: true } },
  'trojan-ws': {
    kind: 'trojan',
    ...here,
    password: 'pass',
    tls: {},
    transport: { type: 'ws', path: '/ws', host: 'cdn.example.com' },
  },
  hysteria2: {
    kind: 'hysteria2',
    ...here,
    password: 'pass',
    hopPorts: ['20000:30000', '40000'],
    obfsPassword: 'obfs',
    upMbps: 50,
    downMbps: 200,
    tls: { sni: 'www.example.com' },
  },
  'hysteria2-plain': { kind: 'hysteria2', ...here, password: 'pass', tls: {} },
  tuic: { kind: 'tuic', ...here, uuid, password: 'pass', congestion: 'bbr', udpRelayMode: 'quic', tls: {} },
  anytls: { kind: 'anytls', ...here, password: 'pass', tls: { fingerprint: 'chrome' } },
  ssh: { kind: 'ssh', server, port: 22, user: 'me', password: 'pass' },
  'ssh-key': {
    kind: 'ssh',
    server,
    port: 22,
    user: 'me',
    privateKey: sshKey,
    hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEO2CPOpQzeRmX8RScUpQxkB+7Q3rkp2sd9oGHs8Ci+3'],
  },
  wireguard: {
    ...wireguard,
    privateKey: key('ours'),
    presharedKey: key('shared'),
    reserved: [1, 2, 3],
    keepalive: 0,
    mtu: 1380,
  },
  'wireguard-kernel': { ...wireguard, keyId: '0123456789abcdef', mode: 'kernel' },
};
const dial: Dial = {
  netns: 'cc-0badcafe',
  routingMark: 0xcc000001,
  server: '198.51.100.7',
  fields: { connect_timeout: '5s' },
  linkNamespace: 'cc-0badcafe-wg-1',
};

function sample(name: string): Egress {
  return egressSchema.parse(samples[name]);
}
/** A whole configuration, since `sing-box check` takes nothing less. */
function whole(egress: Egress, how: Dial): string {
  const config = {
    dns: { servers: [{ type: 'local', tag: 'resolver' }] },
    outbounds: [egressOutbound(egress, how)],
    route: { final: OUT_TAG, default_domain_resolver: 'resolver' },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** `UPDATE_GOLDEN=1` writes them anew; read the difference before you commit it. */
describe('golden files', () => {
  const folder = new URL('./testdata/', import.meta.url);
  test.each(Object.keys(samples))('%s', (name) => {
    const text = whole(sample(name), dial);
    const file = new URL(`${name}.json`, folder);
    if (process.env.UPDATE_GOLDEN) writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });
  test('the same by the name of the server', () => {
    const named = { ...dial, server, fields: { domain_resolver: 'resolver' } };
    const text = whole(sample('socks5'), named);
    const file = new URL('socks5-by-name.json', folder);
    if (process.env.UPDATE_GOLDEN) writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });
  test('there is one for every kind and none too many', () => {
    const files = readdirSync(folder).map((it) => it.replace(/(-by-name)?\.json$/, ''));
    expect(new Set(files)).toEqual(new Set(Object.keys(samples)));
    expect(new Set(Object.keys(samples).map((name) => sample(name).kind))).toEqual(new Set(egressKinds));
  });
});

test('TLS and virtual hosts go by name though the address is pinned', () => {
  for (const name of Object.keys(samples)) {
    const egress = sample(name);
    if (egress.kind === 'direct' || egress.kind === 'wireguard') continue;
    const outbound = egressOutbound(egress, dial);
    expect(outbound).toMatchObject({ tag: OUT_TAG, server: dial.server });
    const without = JSON.stringify(outbound).replace(`"server":"${dial.server}"`, '');
    expect(without).not.toContain(dial.server);
  }
});

test('every packet leaves by the named namespace with the mark', () => {
  for (const name of Object.keys(samples)) {
    if (sample(name).kind === 'wireguard') continue;
    const outbound = egressOutbound(sample(name), dial);
    expect(outbound).toMatchObject({ netns: dial.netns, routing_mark: dial.routingMark });
  }
});

test('no stream shares a connection by multiplexing, and no network is switched off', () => {
  for (const name of Object.keys(samples)) {
    const text = JSON.stringify(egressOutbound(sample(name), dial));
    expect(text).not.toContain('"multiplex"');
    expect(text).not.toContain('"network"');
  }
  expect(carriesUdp(sample('ssh'))).toBe(false);
});

test('WireGuard dials in the namespace of its link and has no key, nor a way around it', () => {
  for (const name of ['wireguard', 'wireguard-kernel']) {
    const outbound = egressOutbound(sample(name), dial);
    expect(outbound).toMatchObject({ netns: dial.linkNamespace });
    expect(JSON.stringify(outbound)).not.toMatch(/key|cc-0badcafe"/);
    const { linkNamespace: _, ...without } = dial;
    expect(() => egressOutbound(sample(name), without)).toThrow(/namespace/);
  }
});
