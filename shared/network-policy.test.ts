import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bundleRules } from './domain-bundles';
import { matchesDomain, normaliseName } from './domain-names';
import {
  type DomainRule,
  domainBundles,
  domainNameSchema,
  domainRuleSchema,
  type Grant,
  networkPolicySchema,
  openPolicy,
} from './network-policy';
import { diffPolicies } from './policy-diff';
import { guardPolicy, isNeverGranted } from './policy-guards';

const suffix = (value: string): DomainRule => ({ type: 'suffix', value });
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
const name = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.constantFrom('com', 'example', 'dev'))
  .map(([labels, top]) => [...labels, top].join('.'));

describe('matching', () => {
  test.each([
    ['a.com', 'a.com', true],
    ['a.com', 'b.a.com', true],
    ['a.com', 'aa.com', false],
    ['a.com', 'A.COM.', true],
    ['a.com', 'a.com..', false],
    ['a.com', 'a.com.evil.example', false],
    ['a.com', 'a.com\0.evil.example', false],
    ['a.com', 'evil.example\0.a.com', false],
    ['a.com', '', false],
    ['a.com', '.', false],
  ])('suffix %s against %j: %s', (value, asked, expected) => {
    expect(matchesDomain(suffix(value), asked)).toBe(expected);
  });
  test('a label glued to the front of a suffix is another name', () => {
    fc.assert(
      fc.property(name, label, (value, glued) => {
        expect(matchesDomain(suffix(value), `${glued}${value}`)).toBe(false);
        expect(matchesDomain(suffix(value), `${glued}.${value}`)).toBe(true);
        expect(matchesDomain({ type: 'domain', value }, `${glued}.${value}`)).toBe(false);
      }),
    );
  });
  test('case and a final dot do not matter, a control character always does', () => {
    const rule = fc
      .tuple(fc.constantFrom('domain', 'suffix', 'keyword'), name)
      .map(([type, value]) => ({ type, value }));
    fc.assert(
      fc.property(
        rule,
        name,
        fc.constantFrom('\0', '\r', '\n', '\u007f', '\u0085'),
        fc.nat(),
        (raw, asked, control, at) => {
          const parsed = domainRuleSchema.parse(raw);
          const plain = matchesDomain(parsed, asked);
          expect(matchesDomain(parsed, asked.toUpperCase())).toBe(plain);
          expect(matchesDomain(parsed, `${asked}.`)).toBe(plain);
          const cut = at % (asked.length + 1);
          expect(matchesDomain(parsed, asked.slice(0, cut) + control + asked.slice(cut))).toBe(false);
        },
      ),
    );
  });
});

describe('normalising', () => {
  test.each([
    ['Example.ORG', 'example.org'],
    [' example.org. ', 'example.org'],
    ['Bücher.example', 'xn--bcher-kva.example'],
    ['bu\u0308cher.example', 'xn--bcher-kva.example'],
    ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    ['ｅｘａｍｐｌｅ．org', 'example.org'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('%s', (typed, expected) => {
    expect(normaliseName(typed, domainToASCII)).toEqual({ ok: true, name: expected });
  });
  test.each([
    '',
    ' ',
    'a.com\0',
    'a.com\0.b.com',
    '\na.com',
    'a b.com',
    'https://a.com',
    'a.com/x',
    'a.com:443',
    '*.a.com',
    'user@a.com',
    'a%2ecom',
    'a..com',
    '.a.com',
    '-a.com',
    '10.0.0.1',
    '１０.0.0.1',
    '0x7f.1',
    '2130706433',
    '::1',
    'xn--.example',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(200)}com`,
  ])('%j is refused', (typed) => {
    expect(normaliseName(typed, domainToASCII).ok).toBe(false);
  });
  test('without a function for it an international name is refused, not guessed', () => {
    expect(normaliseName('bücher.example').ok).toBe(false);
    expect(normaliseName('example.org')).toEqual({ ok: true, name: 'example.org' });
  });
  test('whatever is typed: refused, or a stored form that stays the same', () => {
    const typed = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.string({ maxLength: 30 }), name);
    fc.assert(
      fc.property(typed, (it) => {
        const result = normaliseName(it, domainToASCII);
        if (!result.ok) return;
        expect(domainNameSchema.parse(result.name)).toBe(result.name);
        expect(normaliseName(result.name, domainToASCII)).toEqual(result);
        expect(matchesDomain({ type: 'domain', value: result.name }, result.name)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('guards', () => {
  const facts = { endpoints: ['proxy.example.org', '203.0.112.7'], neighbours: ['172.17.0.0/16'] };
  const of = (grants: Grant[]) => guardPolicy({ ...openPolicy, grants }, facts);
  const grant = (type: Grant['type'], value: string) => ({ type, value });
  test.each([
    ['cidr', '0.0.0.0/0', 'everything'],
    ['cidr', '0.0.0.0/1', 'never granted'],
    ['cidr', '8.0.0.0/15', 'wider than /16'],
    ['cidr', '172.0.0.0/8', 'wider than /16'],
    ['ip', '127.0.0.1', 'loopback'],
    ['cidr', '127.0.0.0/30', 'loopback'],
    ['ip', '169.254.169.254', 'metadata'],
    ['ip', '168.63.129.16', 'Azure'],
    ['ip', '100.100.100.200', 'Alibaba'],
    ['cidr', '100.64.0.0/10', 'Alibaba'],
    ['ip', '192.0.0.192', 'Oracle'],
    ['ip', '198.18.0.1', 'tunnel'],
    ['ip', '224.0.0.1', 'multicast'],
    ['ip', '255.255.255.255', 'broadcast'],
    ['ip', '172.17.0.5', '172.17.0.0/16'],
    ['cidr', '172.16.0.0/12', '172.17.0.0/16'],
    ['ip', '203.0.112.7', 'server of an egress'],
    ['cidr', '203.0.112.0/24', 'server of an egress'],
    ['domain', 'proxy.example.org', 'server of an egress'],
    ['suffix', 'example.org', 'server of an egress'],
    ['keyword', 'proxy', 'server of an egress'],
    ['domain', 'printer', 'single word'],
    ['suffix', 'com', 'single word'],
    ['suffix', 'co.uk', 'shared by everybody'],
    ['suffix', 'github.io', 'shared by everybody'],
    ['suffix', 'amazonaws.com', 'shared by everybody'],
    ['keyword', 'ab', 'at least 4'],
    ['keyword', '.com', 'every name'],
    ['domain', '10.0.0.1', 'an address'],
    ['domain', 'a.localhost', 'loopback'],
    ['domain', 'metadata.google.internal', 'metadata'],
    ['suffix', 'google.internal', 'metadata'],
    ['keyword', 'metadata', 'metadata'],
  ] as const)('%s %s is refused', (type, value, why) => {
    const { problems } = of([grant(type, value)]);
    expect(problems.join()).toContain(value);
    expect(problems.join()).toContain(why);
  });
  test.each([
    ['ip', '10.1.2.3'],
    ['cidr', '10.0.0.0/8'],
    ['cidr', '8.8.8.0/24'],
    ['ip', '1.1.1.1'],
    ['ip', '100.64.0.1'],
    ['domain', 'nas.home.example'],
    ['suffix', 'mine.github.io'],
    ['suffix', 'internal.example.com'],
    ['keyword', 'acme-corp'],
  ] as const)('%s %s is fine', (type, value) => {
    expect(of([grant(type, value)])).toEqual({ problems: [], warnings: [] });
  });
  test('think twice', () => {
    expect(of([grant('cidr', '8.8.0.0/16')]).warnings.join()).toContain('65536 public addresses');
    expect(of([grant('keyword', 'abc')])).toMatchObject({
      problems: [],
      warnings: [/* one */ expect.any(String)],
    });
    const lan = guardPolicy({ ...openPolicy, presets: ['lan'] }, { endpoints: ['10.0.0.5'], neighbours: [] });
    expect(lan.warnings.join()).toContain('lan');
  });
  test('no grant holds loopback, metadata or an egress, whatever range it is', () => {
    const never = ['127.0.0.1', '169.254.169.254', '100.100.100.200', '198.18.0.2', '203.0.112.7'];
    const number = (ip: string) => ip.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.constantFrom(...never)),
        fc.integer({ min: 0, max: 32 }),
        (ip, prefix) => {
          const { problems } = of([grant('cidr', `${ip}/${prefix}`)]);
          const size = 2 ** (32 - prefix);
          const inside = (it: string) => Math.floor(number(it) / size) === Math.floor(number(ip) / size);
          if (never.some(inside)) expect(problems).toHaveLength(1);
        },
      ),
    );
  });
  test('what a granted name may not turn out to mean', () => {
    for (const it of ['169.254.169.254', '127.0.0.53', '100.100.100.200'])
      expect(isNeverGranted(it)).toBe(true);
    for (const it of ['10.0.0.5', '100.64.0.1', '1.1.1.1']) expect(isNeverGranted(it)).toBe(false);
  });
  test('wide names: a problem where they allow, a warning where they deny', () => {
    const policy = (mode: 'allow-list' | 'deny-list') =>
      guardPolicy({ ...openPolicy, domains: { ...openPolicy.domains, mode, rules: [suffix('com')] } }, facts);
    expect(policy('allow-list')).toMatchObject({ problems: [expect.stringContaining('com')], warnings: [] });
    expect(policy('deny-list')).toMatchObject({ problems: [], warnings: [expect.stringContaining('com')] });
  });
});

test('bundles: what they hold and what they lead to', () => {
  const held = (bundle: (typeof domainBundles)[number], asked: string) =>
    bundleRules(bundle).some((it) => matchesDomain(it, asked));
  const expected: Record<(typeof domainBundles)[number], string[]> = {
    npm: ['registry.npmjs.org', 'registry.yarnpkg.com', 'nodejs.org'],
    pypi: ['pypi.org', 'files.pythonhosted.org', 'bootstrap.pypa.io'],
    apt: ['deb.debian.org', 'cdn-fastly.deb.debian.org', 'de.archive.ubuntu.com', 'security.ubuntu.com'],
    go: ['proxy.golang.org', 'sum.golang.org', 'go.dev', 'dl.google.com'],
    crates: ['index.crates.io', 'static.crates.io', 'static.rust-lang.org'],
    github: [
      'github.com',
      'api.github.com',
      'codeload.github.com',
      'ssh.github.com',
      'raw.githubusercontent.com',
      'objects.githubusercontent.com',
      'release-assets.githubusercontent.com',
      'pkg-containers.githubusercontent.com',
      'ghcr.io',
    ],
    anthropic: ['api.anthropic.com', 'claude.ai', 'downloads.claude.ai', 'platform.claude.com'],
  };
  for (const bundle of domainBundles) {
    for (const asked of expected[bundle])
      expect([bundle, asked, held(bundle, asked)]).toEqual([bundle, asked, true]);
    for (const rule of bundleRules(bundle)) expect(domainRuleSchema.parse(rule)).toEqual(rule);
    const policy = { ...openPolicy, domains: { ...openPolicy.domains, mode: 'allow-list' as const } };
    const rules = [...bundleRules(bundle)];
    const guarded = guardPolicy(
      { ...policy, domains: { ...policy.domains, rules } },
      { endpoints: [], neighbours: [] },
    );
    expect(guarded).toEqual({ problems: [], warnings: [] });
    for (const stranger of [
      'evil-github.com',
      'github.com.evil.example',
      'storage.googleapis.com',
      'evilnpmjs.org',
    ]) {
      expect(held(bundle, stranger)).toBe(false);
    }
  }
});

test('a policy is stored in one form', () => {
  const policy = networkPolicySchema.parse({
    ...openPolicy,
    grants: [{ type: 'domain', value: 'NAS.Example.org.' }],
    domains: { ...openPolicy.domains, rules: [{ type: 'keyword', value: 'ACME' }] },
  });
  expect(policy.grants).toEqual([{ type: 'domain', value: 'nas.example.org' }]);
  expect(policy.domains.rules).toEqual([{ type: 'keyword', value: 'acme' }]);
});

test('what changes is told as lines', () => {
  const after = networkPolicySchema.parse({
    presets: ['loopback', 'lan'],
    grants: [{ type: 'ip', value: '10.0.0.5' }],
    domains: { mode: 'allow-list', rules: [suffix('example.org')], bundles: ['npm'], learn: true },
  });
  expect(diffPolicies(openPolicy, openPolicy)).toEqual({ added: [], removed: [] });
  expect(diffPolicies(openPolicy, after)).toEqual({
    added: [
      'Preset lan',
      'Grant: Address 10.0.0.5',
      'Names: only those listed may be reached',
      'Names: learning, nothing is refused for its name',
      'Names: bundle npm',
      'Names: Name and below example.org',
    ],
    removed: ['Names: all may be reached'],
  });
  expect(diffPolicies(after, openPolicy)).toEqual({
    added: ['Names: all may be reached'],
    removed: diffPolicies(openPolicy, after).added,
  });
});
