// Many sessions at once in the real image: what sandboxd takes, and whether their journals are right.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sandboxdApi } from '../../shared/sandboxd-api';
import { broken, ClaudeBox, of, said } from '../testing/claude-box';
import { call, until } from '../testing/sandbox';

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

async function load(sessions: number, turns: number, way = ''): Promise<string[]> {
  const asked = `${sessions} ${turns} scripted-token ${way}`;
  const { stdout, stderr } = await claude.box.ssh(`node /tmp/load.mjs ${asked}`);
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

it('Claude’s own log-in goes straight out by TLS, to whom the sandbox’s own authorities vouch for', async () => {
  const { box } = claude;
  const put = (path: string, content: string | Uint8Array) =>
    box.ssh(`sudo sh -c 'cat >> ${path}'`, content).then(({ code }) => expect(code).toBe(0));
  const folder = mkdtempSync(join(tmpdir(), 'cc-direct-'));
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
  const made = await call('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=api.anthropic.com', '-addext', 'subjectAltName=DNS:api.anthropic.com'],
    ...['-keyout', key, '-out', certificate],
  ]);
  expect(made.code).toBe(0);
  await put('/tmp/api-key', readFileSync(key));
  await put('/tmp/api-certificate', readFileSync(certificate));
  rmSync(folder, { recursive: true });
  await put('/etc/hosts', '127.0.0.1 api.anthropic.com\n');
  await box.ssh(
    'cat > /tmp/api.mjs',
    readFileSync(join(import.meta.dirname, '../testing/anthropic-inside.mjs')),
  );
  await box.ssh('sudo sh -c "nohup node /tmp/api.mjs </dev/null >/tmp/api.log 2>&1 &"');
  const ask = `curl -s -m 10 -d '{"messages":[{"content":"say x"}]}' http://127.0.0.1:7878/direct/${randomUUID()}/v1/messages`;
  const refused = await until(
    () => box.ssh(ask),
    ({ stdout }) => stdout.includes('certificate'),
  );
  expect(JSON.parse(refused.stdout)).toMatchObject({ type: 'error', error: { type: 'api_error' } });

  const trusted = '/usr/local/share/ca-certificates/ours.crt';
  await box.ssh(`sudo cp /tmp/api-certificate ${trusted} && sudo update-ca-certificates`);
  const ids = await load(2, 3, 'direct');
  for (const id of ids) await check(id, 3);
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
  const { sessions, pid } = await until(health, ({ rssBytes }) => rssBytes < 76 * MB, 15_000);
  expect(sessions).toBe(62);
  expect(pid).toBe(before);
});
