import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, loadConfig, settings } from './config';
import { renderConfigPage } from './config-page';
import { projectRoot } from './db/project-root';

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

test.each(Object.entries(settings).filter(([name]) => !name.startsWith('ANTHROPIC')))(
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
    SSH_PROXY_ADDR: '2222',
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

test('two credentials for one API are refused', () => {
  expect(() => loadConfig({ ANTHROPIC_API_KEY: 'a', ANTHROPIC_AUTH_TOKEN: 'b' })).toThrow(/not both/);
});
