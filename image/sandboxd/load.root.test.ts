// Many sessions at once in the real image: what sandboxd takes, and whether their journals are right.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sandboxdApi } from '../../shared/sandboxd-api';
import { broken, ClaudeBox, of, said } from '../testing/claude-box';
import { until } from '../testing/sandbox';

const MB = 1024 * 1024;
let claude: ClaudeBox;
beforeAll(async () => {
  claude = await ClaudeBox.start();
  await claude.box.ssh(
    'cat > /tmp/load.mjs',
    readFileSync(join(import.meta.dirname, '../testing/session-load.mjs')),
  );
});
afterAll(() => claude?.remove());

async function load(sessions: number, turns: number): Promise<string[]> {
  const { stdout, stderr } = await claude.box.ssh(`node /tmp/load.mjs ${sessions} ${turns} scripted-token`);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as string[]; // the program's own output
}
const health = async () => sandboxdApi.health.output.parse(await claude.get('/health'));

async function check(id: string, turns: number): Promise<void> {
  const frames = await until(
    () => claude.frames(id),
    (all) => of(all, 'stop').length === turns,
  );
  expect(broken(frames)).toEqual([]);
  expect(said(frames)).toHaveLength(turns);
  expect(said(frames).every((it) => it.endsWith(`of ${id}`))).toBe(true);
  expect(of(frames, 'tool.use.result')).toHaveLength(turns);
  const { exchanges } = sandboxdApi.exchanges.output.parse(await claude.get(`/sessions/${id}/exchanges`));
  expect(exchanges.map((it) => it.status)).toEqual(Array(turns).fill(200));
}

it('ten sessions that have worked take less than 60 MB', async () => {
  const ids = await load(10, 10);
  for (const id of ids.slice(0, 3)) await check(id, 10);
  // What the requests took is given back within two seconds.
  const { sessions, pid } = await until(health, ({ rssBytes }) => rssBytes < 60 * MB, 3_000);
  expect(sessions).toBe(10);
  const status = await claude.box.ssh(`cat /proc/${pid}/status`);
  expect(Number(/^VmHWM:\s+(\d+)/m.exec(status.stdout)?.[1]) * 1024).toBeLessThan(66 * MB);
});

it('fifty at once: none loses a frame, and a watcher sees all of them', async () => {
  const watch = claude.box.ssh(
    'timeout 8 curl -sSN --unix-socket /run/cloud-claude/sandboxd.sock http://s/sessions/watch',
  );
  const ids = await load(50, 4);
  for (const id of ids.filter((_, at) => at % 10 === 0)) await check(id, 4);
  const lines = (await watch).stdout.split('\n').filter((it) => it !== '');
  const last = new Map(
    lines
      .map((it) => sandboxdApi.sessions.output.shape.sessions.element.parse(JSON.parse(it)))
      .map((it) => [it.id, it]),
  );
  for (const id of ids)
    expect(last.get(id)).toMatchObject({ status: 'idle', turns: 4, tokens: { output: 136 } });
  const { sessions } = await until(health, ({ rssBytes }) => rssBytes < 72 * MB, 3_000);
  expect(sessions).toBe(60);
});
