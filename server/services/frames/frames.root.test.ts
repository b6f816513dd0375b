// Frames over HTTP, from the real sandboxd in a real container; who may see them is tested here and in walk.test.ts.
import { randomUUID } from 'node:crypto';
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
    if (out.length === count) ended.abort();
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
