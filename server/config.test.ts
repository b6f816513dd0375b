import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config';
import { renderConfigPage } from './config-page';
import { projectRoot } from './db/project-root';
import { settings } from './settings';

test('docs/configuration.md is the table of the settings', () => {
  expect(readFileSync(join(projectRoot(), 'docs', 'configuration.md'), 'utf8')).toBe(renderConfigPage());
});

test('nothing set gives the defaults', () => {
  const config = loadConfig({});
  expect(config).toMatchObject({ port: 8080, host: '127.0.0.1', adminUsername: 'admin', idleTimeoutMs: 0 });
  expect(config.databaseUrl).toBe(`file:${config.dataDir}/db/cloud-claude.db`);
  expect(config.agentSocket).toBe(`${config.dataDir}/run/agent.sock`);
});

test('an empty variable counts as not set', () => {
  expect(loadConfig({ PORT: '', ADMIN_PASSWORD: '' })).toMatchObject({ port: 8080, adminPassword: null });
});

const goTogether = /^(ANTHROPIC|ECHO_DNS)/;
test.each(Object.entries(settings).filter(([name]) => !goTogether.test(name)))(
  'the example of %s is accepted',
  (name, it) => {
    expect(() => loadConfig({ [name]: it.example })).not.toThrow();
  },
);

test('every problem is told at once, by name, without the value', () => {
  const bad = {
    PORT: '70000',
    HOST_AGENT_MODE: 'both',
    IDLE_TIMEOUT: 'soon',
    DATABASE_URL: 'postgres://me:hunter2@db/x',
    ADMIN_PASSWORD: 'short-pw',
    SSH_PROXY_ADDR: '127.0.0.1',
    BASE_DOMAIN: 'https://x',
    TRUSTED_PROXY: '10.0.0.0/99',
    METRICS_TOKEN: 'tiny-token',
    ANTHROPIC_API_KEY: 'sk with space',
  };
  let thrown: unknown;
  try {
    loadConfig(bad);
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof ConfigError)) throw new Error('a ConfigError was expected');
  expect(thrown.problems.map((it) => it.name).sort()).toEqual(Object.keys(bad).sort());
  expect(thrown.message).toContain('PostgreSQL is not served yet');
  for (const value of ['hunter2', 'short-pw', 'tiny-token', 'sk with space'])
    expect(thrown.message).not.toContain(value);
});

test.each([
  ['30m', 1_800_000],
  ['90s', 90_000],
  ['1d', 86_400_000],
  ['0', 0],
])('IDLE_TIMEOUT %s', (text, ms) => expect(loadConfig({ IDLE_TIMEOUT: text }).idleTimeoutMs).toBe(ms));

test.each(['postgres://me:hunter2@db/x', 'postgresql://db/x', 'mysql://db/x', 'libsql://db', 'x.db'])(
  'DATABASE_URL %s is refused',
  (url) => expect(() => loadConfig({ DATABASE_URL: url })).toThrow(/DATABASE_URL/),
);

test('PORT_RANGE', () => {
  expect([loadConfig({}).portRange, loadConfig({ PORT_RANGE: '9000-9000' }).portRange]).toEqual([
    ...[null, { first: 9000, last: 9000 }],
  ]);
  for (const text of ['9000', '9001-9000', '0-5', '65000-66000', '1-60000', '9000-9010,9020', '-1-5'])
    expect(() => loadConfig({ PORT_RANGE: text })).toThrow(/PORT_RANGE/);
});

test('two credentials for one API are refused', () => {
  expect(() => loadConfig({ ANTHROPIC_API_KEY: 'a', ANTHROPIC_AUTH_TOKEN: 'b' })).toThrow(/not both/);
});

test('what proofs ask: public services by default, own ones, or none', () => {
  expect(loadConfig({}).probes).toEqual({
    connectUrl: expect.stringMatching(/^https:/),
    echoUrls: [expect.any(String), expect.any(String), expect.any(String)],
    dnsEcho: { name: expect.any(String), type: 'A' },
    intervalSeconds: 900,
  });
  const off = { CONNECT_URL: 'none', ECHO_URLS: 'none', DNS_ECHO: 'none', PROOF_INTERVAL: '30s' };
  expect(loadConfig(off).probes).toEqual({
    connectUrl: null,
    echoUrls: [],
    dnsEcho: null,
    intervalSeconds: 30,
  });
  const own = { ECHO_URLS: 'http://a.test/ip, https://b.test/ip', DNS_ECHO: '{unique}.e.test TXT' };
  expect(loadConfig(own).probes).toMatchObject({
    echoUrls: ['http://a.test/ip', 'https://b.test/ip'],
    dnsEcho: { name: '{unique}.e.test', type: 'TXT' },
  });
});

test.each([
  ['1.1.1.1', { server: '1.1.1.1', transport: 'tcp', name: null }],
  ['udp://9.9.9.9', { server: '9.9.9.9', transport: 'udp', name: null }],
  ['tls://9.9.9.9#dns.quad9.net', { server: '9.9.9.9', transport: 'tls', name: 'dns.quad9.net' }],
])('EGRESS_DNS %s', (text, dns) => expect(loadConfig({ EGRESS_DNS: text }).egressDns).toEqual(dns));

test.each([
  ['ECHO_URLS', 'ftp://x.test'],
  ['CONNECT_URL', 'somewhere'],
  ['DNS_ECHO', 'a.test MX'],
  ['DNS_ECHO', '{other}.a.test'],
  ['PROOF_INTERVAL', '5s'],
  ['PROOF_INTERVAL', '2d'],
  ['EGRESS_DNS', 'dns.example.org'],
  ['EGRESS_DNS', 'quic://1.1.1.1'],
])('%s=%s is refused by name', (name, value) => {
  expect(() => loadConfig({ [name]: value })).toThrow(`${name}: Give`);
});

test("the gateway's own DNS echo needs an address, a zone and a name outside it", () => {
  const { ECHO_DNS_ADDR, ECHO_DNS_ZONE, ECHO_DNS_NAME } = settings;
  const all = {
    ECHO_DNS_ADDR: ECHO_DNS_ADDR.example,
    ECHO_DNS_ZONE: ECHO_DNS_ZONE.example,
    ECHO_DNS_NAME: ECHO_DNS_NAME.example,
  };
  expect(loadConfig(all).echoDns).toEqual({
    host: '198.51.100.7',
    port: 53,
    zone: 'echo.example.org',
    name: 'gateway.example.org',
  });
  expect(loadConfig({}).echoDns).toBeNull();
  expect(loadConfig({ ...all, ECHO_DNS_NAME: '', BASE_DOMAIN: 'x.example.org' }).echoDns?.name).toBe(
    'x.example.org',
  );
  expect(() => loadConfig({ ...all, ECHO_DNS_ZONE: '' })).toThrow('ECHO_DNS_ZONE: Give');
  expect(() => loadConfig({ ...all, ECHO_DNS_NAME: '' })).toThrow('ECHO_DNS_NAME: Give');
  expect(() => loadConfig({ ...all, ECHO_DNS_NAME: 'ns.echo.example.org' })).toThrow('outside ECHO_DNS_ZONE');
});
