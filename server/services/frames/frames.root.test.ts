// Frames over HTTP, from the real sandboxd in a real container; who may see them is tested here and in walk.test.ts.
import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scope } from '../../../shared/lifecycle';
import { type Box, startBox } from '../../gateway/testing/box';
import { identity, makeKey, SANDBOX_ID, startGateway, type TestGateway } from '../../gateway/testing/gateway';
import { until } from '../../gateway/testing/until';
import { createFrames, type Frames } from './service';

const scope = new Scope();
let box: Box;
let gateway: TestGateway;
let frames: Frames;
const id = randomUUID();

beforeAll(async () => {
  const key = await makeKey(scope);
  box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
  gateway = scope.own('gateway', await startGateway({ box, key }));
  frames = createFrames({ db: gateway.db, access: gateway.access, connections: gateway.connections });
  await gateway.db.member.create({ data: { workspaceId: 'w1', userId: identity.userId, role: 'owner' } });
  await addSession(id, 'claude');
  await spool('SessionStart', { source: 'startup' });
  await until(
    'sandboxd knows the session',
    10_000,
    async () => (await interrupt(id).catch(() => null)) !== null,
  );
});
afterAll(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
});

const interrupt = (sessionId: string) => frames.call(identity, 'interrupt', { id: sessionId, input: {} });
const prompt = (input: { text: string; id?: string }) => frames.call(identity, 'prompt', { id, input });

async function addSession(sessionId: string, kind: string): Promise<void> {
  await gateway.db.session.create({
    data: {
      id: sessionId,
      sandboxId: SANDBOX_ID,
      kind,
      name: `frames ${kind}`,
      workdir: '/home/claude/workspace',
      permissionMode: 'bypassPermissions',
      createdById: identity.userId,
      state: 'running',
    },
  });
}

/** As Claude Code's SessionStart hook does. */
async function spool(event: string, payload: object): Promise<void> {
  const script = `printf %s "$1" | HOME=/home/claude CC_SESSION_ID=${id} /usr/local/lib/cloud-claude/spool ${event}`;
  await box.exec(['bash', '-c', script, 'bash', JSON.stringify({ session_id: id, ...payload })]);
}

async function read(from: number, count: number): Promise<{ seq: number; kind: string }[]> {
  const ended = new AbortController();
  const out: { seq: number; kind: string }[] = [];
  for await (const line of frames.read(identity, { id, from }, ended.signal)) {
    if (line !== '') out.push(JSON.parse(line));
    if (out.length < count) continue;
    ended.abort();
    break;
  }
  return out;
}

test('replays from any seq, then goes on live', async () => {
  const first = await read(0, 3);
  expect(first.map((it) => [it.seq, it.kind])).toEqual([
    [1, 'hook'],
    [2, 'meta'],
    [3, 'status'],
  ]);
  expect((await read(2, 1)).map((it) => it.seq)).toEqual([3]);
  const next = read(3, 2);
  await spool('SessionStart', { source: 'resume' });
  expect((await next).map((it) => it.seq)).toEqual([4, 5]);
});

test('takes prompts, once for each id, and refuses what is none', async () => {
  const promptId = randomUUID();
  const placed = await prompt({ text: 'hello', id: promptId });
  expect(placed).toEqual({ id: promptId, position: 0 });
  expect(await prompt({ text: 'hello', id: promptId })).toMatchObject({ id: promptId });
  await expect(prompt({ text: '   ' })).rejects.toMatchObject({ code: 'invalid_input' });
  // Nobody is there to take it: that is told, too.
  const all = await read(5, 1);
  expect(all[0]).toMatchObject({ kind: 'meta', data: { event: 'prompt.failed', queueId: promptId } });
});

test('says that no turn runs, that a shell has no frames, and what is not there', async () => {
  expect(await interrupt(id)).toEqual({ sent: false });
  const shell = randomUUID();
  await addSession(shell, 'shell');
  await expect(interrupt(shell)).rejects.toMatchObject({ code: 'not_found' });
  await expect(interrupt(randomUUID())).rejects.toMatchObject({ code: 'not_found' });
});

test('outlives a sandboxd that is killed: the reader comes again with its last seq', async () => {
  const pid = (await box.exec(['pgrep', '-f', 'sandboxd.mjs'])).trim();
  const next = read(6, 1).catch((error: unknown) => error);
  await box.exec(['kill', '-9', pid]);
  await next;
  await until('sandboxd is back', 10_000, async () => (await read(5, 1).catch(() => [])).length === 1);
  const again = read(6, 1);
  await spool('SessionStart', { source: 'resume' });
  expect((await again)[0]?.seq).toBe(7);
});

const FRAMES = 2_000;
/** Many frames of 10 KB, 20 MB in all, as fast as sandboxd takes them. */
async function manyHooks(count: number): Promise<void> {
  const script = `
    const { mkdirSync, writeFileSync } = require('node:fs');
    const folder = '/home/claude/.cloud-claude/sessions/${id}';
    mkdirSync(folder, { recursive: true });
    const token = '0123456789'.repeat(4);
    writeFileSync(folder + '/hook-token', token);
    const headers = { authorization: 'Bearer ' + token, 'x-cloud-claude-session': '${id}' };
    const texts = Array.from({ length: 10 }, () => 'x'.repeat(1000));
    let at = 0;
    const run = async () => {
      while (at++ < ${count}) {
        const body = JSON.stringify({ hook_event_name: 'Notification', texts });
        await (await fetch('http://127.0.0.1:7879/hook', { method: 'POST', headers, body })).arrayBuffer();
      }
    };
    Promise.all([run(), run(), run(), run()]);`;
  await box.exec(['node', '-e', script]);
}

test('two browsers and a program on one session: each gets all of it, whatever a reader that stands still does', async () => {
  const ended = new AbortController();
  const slow = frames.read(identity, { id, from: 0 }, ended.signal);
  const slowly = [await next(slow)];
  const expected = Array.from({ length: FRAMES }, (_, at) => at + 1);
  const readers = [read(0, FRAMES), read(5, FRAMES - 5), readTwice(FRAMES)];
  const buffers = buffersNow();
  await manyHooks(FRAMES);
  const [one, two, twice] = (await Promise.all(readers)).map((all) => all.map((it) => it.seq));
  expect(one).toEqual(expected);
  expect(two).toEqual(expected.slice(5));
  expect(twice).toEqual(expected);

  // One frame in the time of a thousand; no more than windows and pipes hold is kept for it (7 MB).
  await until('the rest is let go', 10_000, async () => buffersNow() - buffers < 12 * 1024 * 1024);
  while (slowly.length < FRAMES) slowly.push(await next(slow));
  ended.abort();
  expect(slowly).toEqual(expected);
}, 60_000);

/** Bytes; what was just collected still counts for a moment, as it is freed beside the program. */
function buffersNow(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().arrayBuffers;
}

async function next(lines: AsyncGenerator<string>): Promise<number> {
  for (;;) {
    const { value } = await lines.next();
    if (value) return JSON.parse(value).seq;
  }
}

/** As a browser that loses its connection: comes again with its last seq. */
async function readTwice(count: number): Promise<{ seq: number; kind: string }[]> {
  const half = await read(0, count / 2);
  return [...half, ...(await read(half.at(-1)?.seq ?? 0, count / 2))];
}
