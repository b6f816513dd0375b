import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { egressSchema } from '../../../shared/egress';
import { importEgresses } from './import';

/** A text four times as long takes some four times as long, by a quadratic pattern sixteen. */
const GROWTH_MAX = 10;
/** What takes less says nothing of its growth. */
const SOME_MS = 50;
const RUNS = 300;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const controlOrLineEnd = /[\u0000-\u001f\u007f-\u009f]/;

/** Milliseconds of the processor's: a machine that is busy with something else says nothing about a pattern. */
function timeFor(text: string): number {
  const before = process.cpuUsage();
  importEgresses(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function judge(text: string): void {
  const { entries, problem, format } = importEgresses(text);
  if (problem !== null) {
    expect(entries).toEqual([]);
    expect(problem).not.toMatch(control);
  } else {
    expect(format).not.toBeNull();
    expect(entries.length).toBeGreaterThan(0);
  }
  expect(new Set(entries.map((it) => it.label)).size).toBe(entries.length);
  expect(new Set(entries.map((it) => it.line)).size).toBe(entries.length);
  for (const entry of entries) {
    expect(entry.line).toBeGreaterThan(0);
    expect(entry.label).not.toMatch(controlOrLineEnd);
    expect(entry.label.length).toBeGreaterThan(0);
    expect(entry.label.length).toBeLessThanOrEqual(64);
    // Taken or refused, never in between.
    expect((entry.config === null) !== (entry.problem === null)).toBe(true);
    if (entry.problem !== null) expect(entry.problem).not.toMatch(controlOrLineEnd);
    if (entry.config === null) continue;
    expect(egressSchema.parse(entry.config)).toEqual(entry.config);
    for (const [name, value] of Object.entries(entry.config)) {
      // PEM has line ends, nothing else has.
      if (typeof value === 'string' && name !== 'privateKey') expect(value).not.toMatch(controlOrLineEnd);
    }
  }
}

const uuid = '9b4d3b1c-7a5e-4f60-8a6b-0c1d2e3f4a5b';
const schemes =
  'socks5 http https ss vmess vless trojan hysteria2 hy2 tuic anytls ssh wireguard wg ssr'.split(' ');
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '\0',
    '\r\n',
    '%00',
    '%0a',
    '%',
    '@',
    ':',
    '#',
    '?',
    '/',
    '[::1]',
    '\ud800',
    '__proto__',
    uuid,
  ),
);
const pieces = fc.array(nasty, { maxLength: 6 }).map((it) => it.join(''));
const queryKeys =
  'type security sni pbk sid alpn path host plugin ed fp allowInsecure ca mport obfs reserved'.split(' ');
const link = fc
  .record({
    scheme: fc.constantFrom(...schemes),
    user: fc.oneof(pieces, fc.constantFrom(uuid, 'user:pass')),
    server: fc.oneof(pieces, fc.constantFrom('h.example', '198.51.100.7', 'a.example\0.b.example')),
    port: fc.oneof(pieces, fc.constantFrom('443', '0', '65536', '1-2')),
    query: fc.array(fc.tuple(fc.constantFrom(...queryKeys), pieces), { maxLength: 4 }),
    label: pieces,
  })
  .map(
    ({ scheme, user, server, port, query, label }) =>
      `${scheme}://${user}@${server}:${port}?${query.map((it) => it.join('=')).join('&')}#${label}`,
  );
const value: fc.Arbitrary<unknown> = fc.oneof(
  nasty,
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, {}, [], 'h.example', 443, uuid),
);
const types = 'socks5 socks http ss shadowsocks vmess vless trojan hysteria2 tuic anytls ssh wireguard'.split(
  ' ',
);
const fieldNames =
  'server port server_port uuid password username tls transport network ws-opts plugin plugin-opts reality-opts peers private-key private_key address ip ports server_ports alpn tag name reserved obfs'.split(
    ' ',
  );
const object = fc
  .tuple(
    fc.constantFrom(...types),
    fc.dictionary(fc.constantFrom(...fieldNames), fc.oneof(value, fc.object({ maxDepth: 2 }))),
  )
  .map(([type, fields]) => ({ server: 'h.example', port: 443, server_port: 443, ...fields, type }));

describe('importers take or refuse, whatever comes', () => {
  const all = (name: string, texts: fc.Arbitrary<string>) =>
    test(name, () => {
      fc.assert(fc.property(texts, judge), { numRuns: RUNS });
    });
  all('any text', fc.string({ unit: 'binary', maxLength: 200 }));
  all(
    'links',
    fc.array(link, { maxLength: 5 }).map((it) => it.join('\n')),
  );
  all(
    'base64',
    fc.array(link, { minLength: 1, maxLength: 3 }).map((it) => Buffer.from(it.join('\n')).toString('base64')),
  );
  all(
    'bytes in base64',
    fc.uint8Array({ maxLength: 100 }).map((it) => Buffer.from(it).toString('base64')),
  );
  all(
    'vmess JSON',
    fc.json().map((it) => `vmess://${Buffer.from(it).toString('base64')}`),
  );
  all(
    'sing-box',
    fc.array(object, { maxLength: 4 }).map((it) => JSON.stringify({ outbounds: it })),
  );
  all('JSON', fc.json());
  // JSON is YAML as well.
  all(
    'Clash',
    fc.array(object, { maxLength: 4 }).map((it) => `proxies: ${JSON.stringify(it)}`),
  );
  // Found by the one above.
  test('an object that cannot be made a text', () => {
    judge('proxies: [{"type":"socks5","server":"h.example","port":443,"tls":{"toString":[]}}]');
  });
  all(
    'broken YAML',
    fc.array(nasty).map((it) => `proxies:\n  - ${it.join('')}`),
  );
  all(
    'WireGuard',
    fc
      .array(
        fc.tuple(
          fc.constantFrom('PrivateKey', 'Address', 'Endpoint', 'PublicKey', 'AllowedIPs', 'X'),
          pieces,
        ),
      )
      .map(
        (it) =>
          `[Interface]\n${it.map((pair) => pair.join(' = ')).join('\n')}\n[Peer]\nEndpoint = h.example:1`,
      ),
  );
});

describe('a text made to take long does not', () => {
  test.each<[string, (long: (unit: string) => string) => string]>([
    ['open comments', (long) => `{${long('/*')}`],
    ['open quotes', (long) => `{"${long('\\"')}`],
    ['commas and blanks', (long) => `[${long(', ')}`],
    ['deep JSON', (long) => long('[')],
    ['deep YAML', (long) => `proxies: ${long('[')}`],
    ['YAML with many keys', (long) => `proxies: [{${long('a,')}}]`],
    ['empty lines', (long) => `[Interface]\n${long('\n')}`],
    ['blanks', (long) => `x${long(' ')}y`],
    ['hash signs', (long) => long('#\n')],
    ['many links', (long) => long('ss://x\n')],
    ['many labels alike', (long) => long('direct://#a\n')],
    ['a long host', (long) => `socks5://${long('a.')}:1`],
    ['a long link', (long) => `vless://${uuid}@h.example:1?${long('a=b&')}`],
    ['dashes', (long) => `trojan://p@h.example:1?ca=${long('-----BEGIN ')}`],
  ])('%s', (_, make) => {
    const text = (length: number) => make((unit) => unit.repeat(Math.floor(length / unit.length)));
    judge(text(400_000));
    expect(timeFor(text(400_000))).toBeLessThan(GROWTH_MAX * Math.max(timeFor(text(100_000)), SOME_MS));
  });
  test('aliases that multiply', () => {
    const levels = Array.from(
      { length: 30 },
      (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}, *a${at}]`,
    );
    const text = `a0: &a0 [x]\n${levels.join('\n')}\nproxies: *a30\n`;
    judge(text);
    expect(importEgresses(text).problem).toMatch(/YAML/);
  });
});
