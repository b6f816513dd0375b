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
    (all) => of(all, 'stop').filter((it) => it.data.scope === 'turn').length === turns,
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
  // What the requests took is given back when it is quiet, within two seconds where nothing else runs.
  const { sessions, pid } = await until(health, ({ rssBytes }) => rssBytes < 60 * MB, 15_000);
  expect(sessions).toBe(10);
  const status = await claude.box.ssh(`cat /proc/${pid}/status`);
  expect(Number(/^VmHWM:\s+(\d+)/m.exec(status.stdout)?.[1]) * 1024).toBeLessThan(66 * MB);
});

it('fifty at once: none loses a frame, and a watcher sees all of them', async () => {
  await claude.box.ssh(
    'timeout 100 curl -sSN --unix-socket /run/cloud-claude/sandboxd.sock http://s/sessions/watch </dev/null >/tmp/watch 2>&1 &',
  );
  const { pid: before } = await health();
  const ids = await load(50, 4);
  for (const id of ids.filter((_, at) => at % 10 === 0)) await check(id, 4);
  const told = async () => {
    const { stdout } = await claude.box.ssh('cat /tmp/watch');
    const lines = stdout.slice(0, stdout.lastIndexOf('\n')).split('\n');
    const views = lines
      .filter((it) => it !== '')
      .map((it) => sandboxdApi.sessions.output.shape.sessions.element.parse(JSON.parse(it)));
    return new Map(views.map((it) => [it.id, it]));
  };
  const last = await until(told, (all) => ids.every((id) => all.get(id)?.turns === 4), 30_000);
  for (const id of ids) expect(last.get(id)).toMatchObject({ tokens: { output: 136 } });
  const { sessions, pid } = await until(health, ({ rssBytes }) => rssBytes < 72 * MB, 15_000);
  expect(sessions).toBe(60);
  expect(pid).toBe(before);
});
