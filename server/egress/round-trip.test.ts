import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Egress, egressKinds, egressSchema } from '../../shared/egress';
import { shadowsocksMethods } from '../../shared/egress-shadowsocks';
import { utlsFingerprints } from '../../shared/egress-transport';
import { exportEgress } from './export/export';
import { importEgresses } from './import/import';

const orNull = <T>(it: fc.Arbitrary<T>) => fc.option(it, { nil: null });
const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?$/);
const server = fc.oneof(
  fc.ipV4(),
  fc.array(label, { minLength: 1, maxLength: 4 }).map((it) => it.join('.')),
);
const port = fc.integer({ min: 1, max: 65_535 });
/** Any character that a password may have: quotes, `#`, `@`, `/`, `%`, emoji. */
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const awkward = fc.oneof(text, fc.stringMatching(/^[@:/?#&=%+;,"'\\ \u00fc-]{1,20}$/));
const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((it) => Buffer.from(it));
const uuid = fc
  .stringMatching(/^[0-9a-f]{32}$/)
  .map((it) => it.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
const wireguardKey = hex(32).map((it) => it.toString('base64'));
const pem = (kind: string) =>
  hex(60).map((it) => `-----BEGIN ${kind}-----\n${it.toString('base64')}\n-----END ${kind}-----\n`);
const endpoint = { server, port };

const tls = fc.record({
  sni: orNull(server),
  insecure: fc.boolean(),
  alpn: fc.subarray(['h2', 'http/1.1', 'h3']),
  fingerprint: orNull(fc.constantFrom(...utlsFingerprints)),
  reality: orNull(
    fc.record({
      publicKey: hex(32).map((it) => it.toString('base64url')),
      shortId: fc.integer({ min: 0, max: 8 }).chain((bytes) => hex(bytes).map((it) => it.toString('hex'))),
    }),
  ),
  certificate: orNull(pem('CERTIFICATE')),
});
const path = fc.oneof(
  text.map((it) => `/${it}`),
  fc.constantFrom('/', '', '/ws?ed=2048', 'no-slash', '/%20', '/a,b'),
);
const transport = fc.oneof(
  fc.record({ type: fc.constantFrom('tcp', 'quic') }),
  fc.record({
    type: fc.constant('ws'),
    path,
    host: orNull(server),
    earlyData: fc.constantFrom(0, 2048),
    earlyDataHeader: fc.constantFrom('', 'Sec-WebSocket-Protocol'),
  }),
  fc.record({ type: fc.constant('grpc'), serviceName: text }),
  fc.record({ type: fc.constant('http'), path, hosts: fc.array(server, { maxLength: 3 }) }),
  fc.record({ type: fc.constant('httpupgrade'), path, host: orNull(server) }),
);
const account = { username: orNull(awkward), password: orNull(awkward) };
const packetEncoding = fc.constantFrom('none', 'packetaddr', 'xudp');
const range = fc.oneof(
  port.map(String),
  fc.tuple(port, port).map((it) => it.sort((a, b) => a - b).join(':')),
);

const arbitraries: Record<Egress['kind'], fc.Arbitrary<Record<string, unknown>>> = {
  direct: fc.constant({}),
  socks5: fc.record({ ...endpoint, ...account }),
  http: fc.record({ ...endpoint, ...account, tls: orNull(tls) }),
  shadowsocks: fc.constantFrom(...shadowsocksMethods).chain((method) =>
    fc.record({
      ...endpoint,
      method: fc.constant(method),
      password: method.startsWith('2022')
        ? hex(method.includes('128') ? 16 : 32).map((it) => it.toString('base64'))
        : awkward,
      plugin: fc.constantFrom(null, 'obfs-local', 'v2ray-plugin'),
      pluginOptions: fc.constantFrom('', 'obfs=tls;obfs-host=a.example', 'tls;host=a.example;path=/%3Fx'),
      udpOverTcp: fc.boolean(),
    }),
  ),
  vmess: fc.record({
    ...endpoint,
    uuid,
    security: fc.constantFrom('auto', 'none', 'zero', 'aes-128-gcm', 'chacha20-poly1305'),
    alterId: fc.constantFrom(0, 64),
    tls: orNull(tls),
    transport,
    packetEncoding,
  }),
  vless: fc.record({
    ...endpoint,
    uuid,
    flow: fc.constantFrom(null, 'xtls-rprx-vision'),
    tls: orNull(tls),
    transport,
    packetEncoding,
  }),
  trojan: fc.record({ ...endpoint, password: awkward, tls, transport }),
  hysteria2: fc.record({
    ...endpoint,
    hopPorts: fc.array(range, { maxLength: 4 }),
    password: awkward,
    obfsPassword: orNull(awkward),
    upMbps: orNull(fc.integer({ min: 1, max: 1000 })),
    downMbps: orNull(fc.integer({ min: 1, max: 1000 })),
    tls: tls.map((it) => ({ ...it, reality: null })),
  }),
  tuic: fc.record({
    ...endpoint,
    uuid,
    password: awkward,
    congestion: fc.constantFrom('cubic', 'new_reno', 'bbr'),
    udpRelayMode: fc.constantFrom('native', 'quic'),
    tls: tls.map((it) => ({ ...it, reality: null })),
  }),
  anytls: fc.record({ ...endpoint, password: awkward, tls }),
  ssh: fc.record({
    ...endpoint,
    user: awkward,
    password: orNull(awkward),
    privateKey: orNull(pem('OPENSSH PRIVATE KEY')),
    passphrase: orNull(awkward),
    hostKeys: fc.array(
      hex(32).map((it) => `ssh-ed25519 ${it.toString('base64')}`),
      { maxLength: 2 },
    ),
  }),
  wireguard: fc.record({
    ...endpoint,
    privateKey: wireguardKey,
    addresses: fc.array(
      fc.ipV4().map((it) => `${it}/32`),
      { minLength: 1, maxLength: 3 },
    ),
    peerPublicKey: wireguardKey,
    presharedKey: orNull(wireguardKey),
    keepalive: fc.constantFrom(0, 25),
    mtu: fc.integer({ min: 1280, max: 1500 }),
    reserved: orNull(fc.constantFrom([1, 2, 3], [0, 0, 255])),
    mode: fc.constantFrom('userspace', 'kernel'),
  }),
};

/** What the schema refuses was never stored, so it is never exported. */
function egressOf(kind: Egress['kind']): fc.Arbitrary<Egress> {
  return arbitraries[kind]
    .map((fields) => egressSchema.safeParse({ kind, ...fields }))
    .filter((it) => it.success)
    .map((it) => egressSchema.parse(it.data));
}
const RUNS = 150;

describe.each(egressKinds)('%s comes back the same', (kind) => {
  test.each(['link', 'sing-box'] as const)('%s', (format) => {
    fc.assert(
      fc.property(egressOf(kind), text, (egress, name) => {
        const written = exportEgress(egress, name, format);
        const { entries, problem } = importEgresses(written);
        expect({ problem, entries }).toMatchObject({ problem: null, entries: [{ problem: null }] });
        expect(entries[0]?.config).toEqual(egress);
        // In a list, too.
        if (format === 'link') {
          const list = importEgresses(Buffer.from(`${written}\n${written}\n`).toString('base64'));
          expect(list.format).toBe('base64');
          expect(list.entries.map((it) => it.config)).toEqual([egress, egress]);
          expect(new Set(list.entries.map((it) => it.label)).size).toBe(2);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

test("WireGuard's own file comes back the same", () => {
  const plain = egressOf('wireguard').map((it) =>
    egressSchema.parse({ ...it, reserved: null, mode: 'userspace' }),
  );
  fc.assert(
    fc.property(plain, text, (egress, name) => {
      const read = importEgresses(exportEgress(egress, name, 'wireguard'));
      expect(read).toMatchObject({ format: 'wireguard', entries: [{ problem: null }] });
      expect(read.entries[0]?.config).toEqual(egress);
    }),
    { numRuns: RUNS },
  );
});

test('what cannot be written whole is refused', () => {
  expect(() => exportEgress({ kind: 'direct' }, 'x', 'wireguard')).toThrow(/WireGuard/);
  const kept = egressSchema.parse({
    kind: 'wireguard',
    server: 'a.example',
    port: 1,
    keyId: '0123456789abcdef',
    addresses: ['10.0.0.2/32'],
    peerPublicKey: `${'A'.repeat(43)}=`,
  });
  for (const format of ['link', 'sing-box', 'wireguard'] as const) {
    expect(() => exportEgress(kept, 'x', format)).toThrow(/never leaves/);
  }
});
