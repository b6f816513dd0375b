import { describe, expect, test } from 'vitest';
import { type Egress, egressEndpoint, egressSchema, MASK, maskEgress } from './egress';
import { pluginOptions } from './egress-shadowsocks';

const here = { server: 'proxy.example.org', port: 443 };
const uuid = '11111111-1111-1111-1111-111111111111';
const key16 = `${'A'.repeat(22)}==`;
const key32 = `${'A'.repeat(43)}=`;
const parse = (value: unknown): Egress => egressSchema.parse(value);
const problemOf = (value: unknown) => {
  const { error } = egressSchema.safeParse(value);
  return error?.issues.map((it) => `${it.path.join('.')}: ${it.message}`).join('\n') ?? null;
};

describe('server', () => {
  const socks = (server: string) => problemOf({ kind: 'socks5', server, port: 1080 });
  test.each(['proxy.example.org', 'localhost', '198.51.100.7', 'xn--bcher-kva.example', 'a_b.example'])(
    '%s is one',
    (server) => {
      expect(socks(server)).toBeNull();
    },
  );
  test.each([
    '1.2.3',
    '2130706433',
    '0x7f.1',
    'example.0x10',
    '256.1.1.1',
    '010.0.0.1',
    '::1',
    'a..b',
    'a.example.',
    '-a.example',
    'a\0.example',
    'bücher.example',
    '',
  ])('%j is none', (server) => {
    expect(socks(server)).not.toBeNull();
  });
  test('case does not tell two names apart', () => {
    expect(parse({ kind: 'socks5', server: 'Proxy.Example.ORG', port: 1 })).toMatchObject({
      server: 'proxy.example.org',
    });
  });
});

describe('what sing-box would refuse is refused with the field', () => {
  const ss = { kind: 'shadowsocks', ...here, method: 'aes-128-gcm', password: 'x' };
  const vless = { kind: 'vless', ...here, uuid };
  const reality = { publicKey: 'A'.repeat(43), shortId: '' };
  test.each([
    [{ ...ss, method: '2022-blake3-aes-128-gcm', password: 'secret' }, 'password: '],
    [{ ...ss, method: '2022-blake3-aes-128-gcm', password: key32 }, 'password: '],
    [{ ...ss, method: '2022-blake3-chacha20-poly1305', password: `${key32}:${key32}` }, 'password: '],
    [{ ...ss, method: 'rc4-md5' }, 'method: '],
    [{ ...ss, plugin: 'v2ray-plugin', pluginOptions: 'tls;cert=/etc/passwd' }, 'pluginOptions: '],
    [{ ...ss, plugin: 'v2ray-plugin', pluginOptions: 'tls;c\\ert=/etc/passwd' }, 'pluginOptions: '],
    [{ ...ss, plugin: 'v2ray-plugin', pluginOptions: 'mode=quic' }, 'pluginOptions: '],
    [{ ...ss, plugin: 'obfs-local', pluginOptions: '=x' }, 'pluginOptions: '],
    [{ ...ss, pluginOptions: 'obfs=http' }, 'pluginOptions: '],
    [{ ...vless, flow: 'xtls-rprx-vision' }, 'flow: '],
    [{ ...vless, flow: 'xtls-rprx-vision', tls: {}, transport: { type: 'ws' } }, 'flow: '],
    [{ ...vless, transport: { type: 'quic' } }, 'tls: '],
    [{ ...vless, transport: { type: 'ws', path: '/%zz' } }, 'transport.path: '],
    [{ kind: 'tuic', ...here, uuid, password: 'x', tls: { reality } }, 'tls.reality: '],
    [{ kind: 'hysteria2', ...here, password: 'x', hopPorts: ['300:200'], tls: {} }, 'hopPorts.0: '],
    [{ kind: 'hysteria2', ...here, password: 'x', hopPorts: ['70000'], tls: {} }, 'hopPorts.0: '],
    [{ kind: 'socks5', ...here, password: 'x' }, 'username: '],
    [{ kind: 'http', ...here, username: 'a:b' }, 'username: '],
    [{ kind: 'trojan', ...here, password: 'a\nb', tls: {} }, 'password: '],
    [{ kind: 'trojan', ...here, password: '\ud800', tls: {} }, 'password: '],
    [{ kind: 'ssh', ...here, user: 'me' }, 'password: '],
    [{ kind: 'ssh', ...here, user: 'me', privateKey: 'secret' }, 'privateKey: '],
    [{ kind: 'wireguard', ...here, addresses: ['10.0.0.2/32'], peerPublicKey: key32 }, 'privateKey: '],
  ])('%j', (value, problem) => {
    const found = problemOf(value);
    expect(found).toContain(problem);
    expect(found).not.toContain('secret');
  });
  test('and what it takes is taken', () => {
    expect(problemOf({ ...ss, method: '2022-blake3-aes-128-gcm', password: `${key16}:${key16}` })).toBeNull();
    expect(
      problemOf({ ...ss, plugin: 'v2ray-plugin', pluginOptions: 'tls;host=a.example;mux=0' }),
    ).toBeNull();
    expect(problemOf({ ...vless, flow: 'xtls-rprx-vision', tls: { reality } })).toBeNull();
  });
});

test('plugin options are read as sing-box reads them', () => {
  expect([...(pluginOptions('tls;host=a\\;b=c;tls=0;mux=') ?? [])]).toEqual([
    ['tls', '1'],
    ['host', 'a;b=c'],
    ['mux', ''],
  ]);
  expect(pluginOptions('a=b\\')).toBeNull();
  expect(pluginOptions(';')).toBeNull();
  expect(pluginOptions('')?.size).toBe(0);
});

describe('endpoint on the wire', () => {
  const of = (value: unknown) => egressEndpoint(parse(value));
  const host = here.server;
  test('TCP kinds', () => {
    const tcp = { host, protocols: ['tcp'], ports: [443] };
    expect(of({ kind: 'http', ...here })).toEqual(tcp);
    expect(of({ kind: 'anytls', ...here, password: 'x', tls: {} })).toEqual(tcp);
    expect(of({ kind: 'ssh', ...here, user: 'me', password: 'x' })).toEqual(tcp);
    expect(of({ kind: 'trojan', ...here, password: 'x', tls: {} })).toEqual(tcp);
  });
  test('UDP kinds and ports that are hopped over', () => {
    expect(of({ kind: 'trojan', ...here, password: 'x', tls: {}, transport: { type: 'quic' } })).toEqual({
      host,
      protocols: ['udp'],
      ports: [443],
    });
    expect(of({ kind: 'hysteria2', ...here, password: 'x', hopPorts: ['20:30', '40'], tls: {} })).toEqual({
      host,
      protocols: ['udp'],
      ports: [443, { from: 20, to: 30 }, 40],
    });
  });
  test('both, and any UDP port for SOCKS5', () => {
    const ss = { kind: 'shadowsocks', ...here, method: 'aes-128-gcm', password: 'x' };
    expect(of(ss)?.protocols).toEqual(['tcp', 'udp']);
    expect(of({ ...ss, udpOverTcp: true })?.protocols).toEqual(['tcp']);
    expect(of({ kind: 'socks5', ...here })).toMatchObject({ protocols: ['tcp', 'udp'], anyUdpPort: true });
    expect(of({ kind: 'direct' })).toBeNull();
  });
});

test('a masked egress holds no secret and keeps what is none', () => {
  const secrets = { password: 'hidden-1', privateKey: null, passphrase: 'hidden-2' };
  const masked = maskEgress(parse({ kind: 'ssh', ...here, user: 'me', ...secrets }));
  expect(masked).toMatchObject({ ...here, user: 'me', password: MASK, privateKey: null, passphrase: MASK });
  expect(JSON.stringify(masked)).not.toContain('hidden');
  const wireguard = { kind: 'wireguard', ...here, addresses: ['10.0.0.2/32'], peerPublicKey: key32 };
  expect(maskEgress(parse({ ...wireguard, privateKey: key32, presharedKey: key32 }))).toMatchObject({
    peerPublicKey: key32,
    privateKey: MASK,
    presharedKey: MASK,
    keyId: null,
  });
  expect(maskEgress(parse({ kind: 'tuic', ...here, uuid, password: 'hidden', tls: {} }))).toMatchObject({
    uuid: MASK,
    password: MASK,
  });
});

test('a host key as tools print it, with its comment, is taken without it', () => {
  const ssh = { kind: 'ssh', ...here, user: 'me', password: 'x' };
  expect(parse({ ...ssh, hostKeys: ['ssh-ed25519 AAAA= root@server 2024', 'ssh-rsa BBBB'] })).toMatchObject({
    hostKeys: ['ssh-ed25519 AAAA=', 'ssh-rsa BBBB'],
  });
  expect(problemOf({ ...ssh, hostKeys: ['AAAA='] })).toContain('ssh-ed25519 AAAA');
});
