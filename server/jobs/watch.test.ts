import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { sessionLiveSchema } from '../../shared/views';
import { until } from '../gateway/testing/until';
import { createNotify } from '../services/notifications/notify';
import { openServiceTest, type ServiceTest } from '../services/testing';
import { type ScriptedSandboxd, startScriptedSandboxd, summary, turn } from './scripted-sandboxd';
import { createWatch } from './watch';
import { createWatchStore, type WatchStore } from './watch-store';

const SANDBOX = 'swatchtest000001';
const OTHER = 'swatchtest000002';
const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

let t: ServiceTest;
let scope: Scope;
let sandboxd: ScriptedSandboxd;
let session: string;
let user: string;
let store: WatchStore;

beforeEach(async () => {
  t = await openServiceTest();
  scope = new Scope();
  sandboxd = scope.own('sandboxd', await startScriptedSandboxd());
  const ann = await t.person('ann');
  user = ann.userId;
  const workspaceId = await t.personalWorkspace(ann);
  for (const id of [SANDBOX, OTHER])
    await t.db.sandbox.create({
      data: {
        ...{ id, workspaceId, ownerId: user, name: 'box', state: 'running', image: 'x', hostname: 'box' },
        ...{ cpus: 1, memoryMb: 1024, pids: 512, timezone: 'UTC', locale: 'en_US.UTF-8' },
      },
    });
  session = await addSession(SANDBOX);
});
afterEach(async () => {
  expect((await scope.closeAll()).map(String)).toEqual([]);
  await t.close();
});

async function addSession(sandboxId: string, kind = 'claude'): Promise<string> {
  const id = randomUUID();
  await t.db.session.create({
    data: { id, sandboxId, kind, name: 'Claude 1', workdir: '/', createdById: user, state: 'running' },
  });
  return id;
}

/** A gateway's watcher; `end` is a restart's first half. */
function startWatcher(sandboxes: string[] = [SANDBOX]): { end(): Promise<void> } {
  const parts = new Scope();
  const { db, live } = t;
  store = parts.own(
    'store',
    createWatchStore({ db, live, log, listener: createNotify({ live, wake: () => undefined }) }),
  );
  const peek = (id: string) => (sandboxes.includes(id) ? sandboxd.connection : null);
  const watch = parts.own('watch', createWatch({ db, log, store, peek, lookMs: 20 }));
  watch.start();
  let ended: Promise<Error[]> | undefined;
  const end = async () => {
    ended ??= parts.closeAll();
    expect((await ended).map(String)).toEqual([]);
  };
  scope.add('watcher', { end }, (it) => it.end());
  return { end };
}

const liveOf = async (id = session) => {
  const row = await t.db.session.findUniqueOrThrow({ where: { id } });
  return row.live === null ? null : sessionLiveSchema.parse(JSON.parse(row.live));
};
const told = () => t.db.liveEvent.count({ where: { topic: 'session', subject: session } });
const turnsOf = async (id = session) =>
  (await t.db.turn.findMany({ where: { sessionId: id }, orderBy: { turn: 'asc' } })).map((it) => it.turn);
const notified = () => t.db.notification.findMany({ where: { userId: user }, orderBy: { createdAt: 'asc' } });

test('what a sandbox tells is in the row and on the live feed, once; its own sessions only', async () => {
  const foreign = await addSession(OTHER);
  const shell = await addSession(SANDBOX, 'shell');
  startWatcher();
  await until('the watch is open', 3_000, async () => sandboxd.watchers() === 1);
  for (const id of [foreign, shell, randomUUID()]) sandboxd.tell(summary(id, { status: 'working' }));
  const working = { status: 'working', title: 'Mend it', preview: 'half' } as const;
  sandboxd.tell(summary(session, working));
  await until('it is kept', 3_000, async () => (await liveOf())?.status === 'working');
  expect(await liveOf()).toMatchObject({ ...working, workMs: 0, waiting: null });
  expect([await liveOf(foreign), await liveOf(shell)]).toEqual([null, null]);
  const events = await told();
  sandboxd.tell(summary(session, working));
  sandboxd.tell(summary(session, { ...working, status: 'idle' }));
  await until('the next is kept', 3_000, async () => (await liveOf())?.status === 'idle');
  expect(await told()).toBe(events + 1);
});

test('a storm of summaries is written twice a second at most, and its last one is kept', async () => {
  startWatcher();
  await until('the watch is open', 3_000, async () => sandboxd.watchers() === 1);
  const started = Date.now();
  for (let n = 1; n <= 400; n += 1) {
    sandboxd.tell(summary(session, { status: 'working', preview: `word ${n}`, lastSeq: n }));
    if (n % 40 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until('the last is kept', 6_000, async () => (await liveOf())?.preview === 'word 400');
  expect(store.figures.writes).toBeLessThanOrEqual(2 + (2 * (Date.now() - started)) / 1000);
});

test('turns that ended while the gateway was away are stored and told once', async () => {
  const first = startWatcher();
  sandboxd.turns(session).push(turn(1, { workMs: 31_000 }));
  sandboxd.tell(summary(session, { turns: 1 }));
  await until('turn 1 is stored', 5_000, async () => (await turnsOf()).length === 1);
  sandboxd.tell(summary(session, { turns: 1, status: 'working', turn: 2 }));
  await until('turn 2 runs', 5_000, async () => (await liveOf())?.status === 'working');
  await first.end();

  const list = sandboxd.turns(session);
  for (let n = 2; n <= 250; n += 1) list.push(turn(n));
  list.push(turn(251, { workMs: 45_000, preview: 'All\nis done.' }), turn(252, { reason: 'lost' }));
  sandboxd.tell(summary(session, { turns: 252 }));
  const second = startWatcher();
  await until('all are stored', 10_000, async () => (await turnsOf()).length === 252);
  expect(await turnsOf()).toEqual(Array.from({ length: 252 }, (_, index) => index + 1));
  await until('the sum is told', 5_000, async () => (await liveOf())?.workMs === 31_000 + 45_000 + 250_000);
  await second.end();

  startWatcher();
  sandboxd.tell(summary(session, { turns: 252, status: 'stopped' }));
  await until('it is told again', 5_000, async () => (await liveOf())?.status === 'stopped');
  expect((await notified()).map((it) => [it.kind, it.event, it.body])).toEqual([
    ['finished', `turn:${session}:1`, 'answer 1'],
    ['finished', `turn:${session}:251`, 'All is done.'],
    ['failed', `turn:${session}:252`, 'Claude ended in the middle of its work.'],
  ]);
  expect(sandboxd.asked.filter((it) => it.includes('after=252'))).toEqual([]);
});

test('a request is told once, also over a restart, and is no news when it was answered', async () => {
  const waiting = { requestId: 'r1', kind: 'permission', text: 'Bash: rm -rf build' } as const;
  const first = startWatcher();
  sandboxd.tell(summary(session, { status: 'waiting_for_input', waiting }));
  await until('it is told', 5_000, async () => (await notified()).length === 1);
  await first.end();
  const second = startWatcher();
  await until('the watch is open again', 5_000, async () => sandboxd.watchers() === 1);
  sandboxd.tell(
    summary(session, {
      status: 'waiting_for_input',
      waiting: { ...waiting, requestId: 'r2', kind: 'question' },
    }),
  );
  await until('the next is told', 5_000, async () => (await notified()).length === 2);
  sandboxd.tell(summary(session, { status: 'working' }));
  await until('both are read', 5_000, async () => (await notified()).every((it) => it.readAt !== null));
  expect((await notified()).map((it) => it.event)).toEqual([
    `request:${session}:r1`,
    `request:${session}:r2`,
  ]);
  await second.end();
});

test('who left the workspace, who wants none and what is old is not told', async () => {
  await t.db.user.update({ where: { id: user }, data: { notifications: '{"failed":false}' } });
  const yesterday = new Date(Date.now() - 24 * 3_600_000).toISOString();
  startWatcher();
  sandboxd
    .turns(session)
    .push(
      turn(1, { reason: 'failed' }),
      turn(2, { workMs: 90_000, endedAt: yesterday }),
      turn(3, { workMs: 40_000 }),
    );
  sandboxd.tell(summary(session, { turns: 3 }));
  await until('they are stored', 5_000, async () => (await turnsOf()).length === 3);
  expect((await notified()).map((it) => it.event)).toEqual([`turn:${session}:3`]);
  await t.db.member.deleteMany({ where: { userId: user } });
  sandboxd.turns(session).push(turn(4, { workMs: 90_000 }));
  sandboxd.tell(summary(session, { turns: 4 }));
  await until('it is stored', 5_000, async () => (await turnsOf()).length === 4);
  expect(await notified()).toHaveLength(1);
});

test('a broken stream is opened again; what is no summary is passed over', async () => {
  startWatcher();
  await until('the watch is open', 3_000, async () => sandboxd.watchers() === 1);
  sandboxd.tellRaw('{"id":"no summary"}');
  sandboxd.tellRaw('no JSON');
  sandboxd.cut();
  await until('it is open again', 5_000, async () => sandboxd.watchers() === 1);
  sandboxd.tell(summary(session, { status: 'working' }));
  await until('it is kept', 3_000, async () => (await liveOf())?.status === 'working');
  await t.db.sandbox.update({ where: { id: SANDBOX }, data: { state: 'stopped' } });
  await until('it is closed with the sandbox', 3_000, async () => sandboxd.watchers() === 0);
});

test('a sandbox cannot break its row, nor hold up the sessions of others', async () => {
  const second = await addSession(SANDBOX);
  startWatcher();
  const huge = 'x'.repeat(100_000);
  sandboxd.turns(session).push(turn(4e9, { prompt: huge, preview: `\ud800${huge}`, reason: huge }));
  const tokens = { input: 9e15, output: 0, cacheRead: 0, cacheWrite: 0 };
  sandboxd.tell(summary(session, { title: `${huge}\ud83d`, preview: huge, turns: 1, tokens }));
  sandboxd.tell(summary(second, { status: 'working' }));
  await until('both are kept', 8_000, async () => Boolean((await liveOf()) && (await liveOf(second))));
  await until('the turn is stored', 8_000, async () => (await turnsOf()).length === 1);
  const row = await t.db.turn.findFirstOrThrow({ where: { sessionId: session } });
  expect([row.turn, row.prompt.length, row.preview.length]).toEqual([2 ** 31 - 1, 2_000, 200]);
  expect((await liveOf())?.title?.length).toBe(200);
});

test('a model that was switched in the terminal is the one of the next start', async () => {
  await t.db.session.update({ where: { id: session }, data: { model: 'opus' } });
  const modelOf = async () => (await t.db.session.findUniqueOrThrow({ where: { id: session } })).model;
  startWatcher();
  sandboxd.tell(summary(session, { model: 'claude-opus-5-5' }));
  await until('it is kept', 5_000, async () => (await liveOf())?.model === 'claude-opus-5-5');
  expect(await modelOf()).toBe('opus');
  sandboxd.tell(summary(session, { model: 'claude-haiku-4-5' }));
  await until('it is kept', 5_000, async () => (await modelOf()) === 'claude-haiku-4-5');
});
