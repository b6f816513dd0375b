// The gateway as its program, started twice without pages: the environment's token is the only way in, and is kept as a hash.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { projectRoot } from '../db/project-root';

const folder = mkdtempSync(join(tmpdir(), 'cc-headless-'));
const FIRST = 'the-first-master-token-0123456789-01';
const SECOND = 'another-master-token-0123456789-0123';
const running = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function start(token: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'server/main.ts'], {
    cwd: projectRoot(),
    env: {
      ...{
        NODE_ENV: 'production' as const,
        PATH: process.env.PATH,
        HOME: folder,
        DATA_DIR: folder,
        PORT: '0',
      },
      ...{ CLOUD_CLAUDE_MODE: 'headless', CLOUD_CLAUDE_TOKEN: token },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let log = '';
  child.stderr.on('data', (data) => {
    log += String(data);
  });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(`it ended:\n${log}`))),
  ])) as [string]; // the event's only argument
  const { url } = JSON.parse(line) as { url: string };
  return {
    ask: (path: string, by?: string) =>
      fetch(url + path, { redirect: 'manual', headers: by ? { authorization: `Bearer ${by}` } : {} }),
    /** What it has said. */
    async stop(): Promise<string> {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      expect((await ended)[0]).toBe(0);
      running.delete(child);
      return line + log;
    },
  };
}

test('APIs alone, for who holds the token of the environment', { timeout: 90_000 }, async () => {
  const first = await start(FIRST);
  expect(await (await first.ask('/api/health')).json()).toMatchObject({ status: 'ok', mode: 'headless' });
  expect(await (await first.ask('/api/auth/me', FIRST)).json()).toMatchObject({ role: 'admin' });
  expect((await first.ask('/api/sandboxes', FIRST)).status).toBe(200);
  expect([
    (await first.ask('/api/sandboxes')).status,
    (await first.ask('/api/sandboxes', SECOND)).status,
  ]).toEqual([...[401, 401]]);
  for (const path of ['/', '/sign-in', '/settings', '/_next/static/x.js'])
    expect((await first.ask(path)).status).toBe(404);
  const said = await first.stop();

  // Another one in its place: the first is no key any more.
  const second = await start(SECOND);
  expect((await second.ask('/api/sandboxes', FIRST)).status).toBe(401);
  expect((await second.ask('/api/sandboxes', SECOND)).status).toBe(200);
  const { tokens } = (await (await second.ask('/api/tokens', SECOND)).json()) as { tokens: { id: string }[] };
  expect(tokens.map((it) => it.id)).toEqual(['master']);
  const all = said + (await second.stop());
  for (const token of [FIRST, SECOND]) {
    expect(all).not.toContain(token);
    for (const name of readdirSync(join(folder, 'db')))
      expect(readFileSync(join(folder, 'db', name)).includes(token)).toBe(false);
  }
});
