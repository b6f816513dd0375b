import { expect, test } from 'vitest';
import { type Egress, egressKinds, maskEgress } from '../../shared/egress';
import { configOf, emptyValues, judgeConfig, valuesOf } from './kind-config';
import { kindFields } from './kind-fields';

const key = `${'A'.repeat(42)}A=`;
const answers: Partial<Record<Egress['kind'], Record<string, string | boolean>>> = {
  shadowsocks: { password: 'AAAAAAAAAAAAAAAAAAAAAA==' },
  vmess: { uuid: '6ba7b810-9dad-41d1-80b4-00c04fd430c8', tls: true, 'transport.type': 'ws' },
  vless: {
    uuid: '6ba7b810-9dad-41d1-80b4-00c04fd430c8',
    tls: true,
    'tls.reality.publicKey': 'a'.repeat(43),
    'tls.reality.shortId': 'ab',
  },
  trojan: { password: 'p' },
  hysteria2: { password: 'p', hopPorts: '20000:30000' },
  tuic: { uuid: '6ba7b810-9dad-41d1-80b4-00c04fd430c8', password: 'p' },
  anytls: { password: 'p' },
  ssh: { password: 'p' },
  wireguard: { privateKey: key, peerPublicKey: key, addresses: '10.7.0.2/32, 10.7.0.3/32' },
};

test.each(egressKinds)(
  'the form of %s makes a configuration, and shows it again without its secrets',
  (kind) => {
    const values = { ...emptyValues(kind), server: 'proxy.example.org', ...answers[kind] };
    const { config, errors } = judgeConfig(configOf(kind, values));
    expect(errors).toEqual({});
    if (config === null) throw new Error('no configuration');
    const shown = valuesOf(kind, maskEgress(config));
    expect(Object.values(shown)).not.toContain('p');
    // Nothing typed: the secrets are left out, so that they stay.
    const change = configOf(kind, shown, maskEgress(config));
    expect(judgeConfig({ ...config, ...change }).config).toEqual(config);
  },
);

test('what is missing is told beside its box', () => {
  const { errors } = judgeConfig(configOf('shadowsocks', emptyValues('shadowsocks')));
  expect(errors).toMatchObject({ server: 'This is needed.', password: 'This is needed.' });
  expect(judgeConfig(configOf('trojan', { ...emptyValues('trojan'), port: 'https' })).errors.port).toMatch(
    /1 to 65535/,
  );
  const short = { ...emptyValues('shadowsocks'), server: 'a.example', password: 'short' };
  expect(judgeConfig(configOf('shadowsocks', short)).errors.password).toContain('base64 of 16 bytes');
});

test('a secret that is to go is sent as null', () => {
  const values = { ...emptyValues('socks5'), server: 'a.example', password: null };
  expect(configOf('socks5', values, {})).toMatchObject({ password: null });
});

test('every field is one that its kind has', () => {
  for (const kind of egressKinds)
    for (const { path } of kindFields[kind]) expect(path).toMatch(/^[a-zA-Z]+(\.[a-zA-Z]+)*$/);
});

test('what the form does not ask stays', () => {
  const stored = {
    tls: { sni: 'a.example', insecure: false, reality: { publicKey: 'a'.repeat(43), shortId: '' } },
    transport: {
      type: 'ws',
      path: '/x',
      host: null,
      earlyData: 2048,
      earlyDataHeader: 'Sec-WebSocket-Protocol',
    },
  };
  const change = configOf('trojan', { ...valuesOf('trojan', stored), 'tls.sni': 'b.example' }, stored);
  expect(change).toMatchObject({
    tls: { sni: 'b.example', reality: { publicKey: 'a'.repeat(43) } },
    transport: { earlyData: 2048 },
  });
  const carried = configOf('trojan', { ...valuesOf('trojan', stored), 'transport.type': 'grpc' }, stored);
  expect(carried.transport).toEqual({ type: 'grpc' });
});
