import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LiveEvent } from '../../shared/views';
import type { Identity, LiveChange } from '../contracts';
import { createTrimJob } from '../jobs/trim';
import { openServiceTest, type ServiceTest } from '../services/testing';

let t: ServiceTest;
let ann: Identity;
let root: Identity;
beforeEach(async () => {
  t = await openServiceTest();
  ann = await t.person('ann');
  root = await t.person('root', 'admin');
});
afterEach(() => t.close());

async function tell(change: Partial<LiveChange>): Promise<void> {
  await t.db.$transaction((tx) =>
    t.live.record(tx, { topic: 'sandbox', action: 'updated', subject: 's', ...change }),
  );
  t.live.flush();
}

/** Reads until `enough`, or what is there when `enough` is a number of events. */
async function read(who: Identity, from: number | null, count: number): Promise<LiveEvent[]> {
  const end = new AbortController();
  const events: LiveEvent[] = [];
  for await (const event of t.live.subscribe(who, from, end.signal)) {
    events.push(event);
    if (events.length >= count) end.abort();
  }
  return events;
}

test('replay and live meet without a hole or a double, for many readers while many write', async () => {
  const count = 120;
  const write = async () => {
    for (let n = 0; n < count; n++) await tell({ subject: `n${n}` });
  };
  await tell({ subject: 'first' });
  const writing = write();
  const readers = Array.from({ length: 8 }, () => read(root, 0, count + 1));
  await writing;
  const late = Array.from({ length: 2 }, (_, n) => read(root, 50 * n, count + 1 - 50 * n));
  for (const [n, events] of (await Promise.all([...readers, ...late])).entries()) {
    const start = n === readers.length + 1 ? 51 : 1;
    expect(events.map((it) => it.id)).toEqual(Array.from({ length: count + 2 - start }, (_, i) => start + i));
  }
});

test('a change that is rolled back is never told', async () => {
  await tell({ subject: 'a' });
  await expect(
    t.db.$transaction(async (tx) => {
      await t.live.record(tx, { topic: 'sandbox', action: 'updated', subject: 'never' });
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await tell({ subject: 'b' });
  expect((await read(root, 0, 2)).map((it) => it.subject)).toEqual(['a', 'b']);
});

test('who sees what, judged now', async () => {
  const bob = await t.person('bob');
  const own = await t.personalWorkspace(ann);
  await tell({ subject: 'anns', workspaceId: own });
  await tell({ subject: 'bobs', workspaceId: await t.personalWorkspace(bob) });
  await tell({ subject: 'for ann', topic: 'user', userId: ann.userId });
  await tell({ subject: ann.userId, topic: 'me', userId: ann.userId });
  await tell({ subject: 'admins', topic: 'user' });
  await tell({ subject: 'end', workspaceId: own });
  expect((await read(ann, 0, 4)).map((it) => it.subject)).toEqual(['anns', 'for ann', ann.userId, 'end']);
  expect((await read(root, 0, 5)).map((it) => it.subject)).toEqual([
    'anns',
    'bobs',
    'for ann',
    'admins',
    'end',
  ]);
  await t.db.member.deleteMany({ where: { userId: ann.userId } });
  await tell({ subject: 'last', topic: 'me', userId: ann.userId });
  expect((await read(ann, 0, 3)).map((it) => it.subject)).toEqual(['for ann', ann.userId, 'last']);
});

test('who was away for too long is told to fetch everything, and then goes on live', async () => {
  for (const subject of ['a', 'b', 'c']) await tell({ subject });
  const trim = createTrimJob({
    db: t.db,
    log: pino({ level: 'silent' }),
    now: () => Date.now() + 365 * 24 * 60 * 60 * 1000,
  });
  await trim.run();
  const reading = read(root, 1, 2);
  const foreign = read(root, 999, 1);
  expect((await foreign)[0]).toMatchObject({ id: 3, topic: 'me', action: 'updated', subject: '*' });
  await tell({ subject: 'd' });
  expect((await reading).map((it) => [it.id, it.subject])).toEqual([
    [3, '*'],
    [4, 'd'],
  ]);
  expect((await read(root, 2, 2)).map((it) => it.subject)).toEqual(['c', 'd']);
});

test('without a position only what comes from now on; the signal ends it', async () => {
  await tell({ subject: 'old' });
  const end = new AbortController();
  const events = t.live.subscribe(root, null, end.signal)[Symbol.asyncIterator]();
  const next = events.next();
  // The position is taken with the first look; a change after it is told, whichever way the two meet.
  await t.db.liveEvent.count();
  await tell({ subject: 'new' });
  const first = await next;
  expect(first.done ? null : first.value.subject).toBe('new');
  const last = events.next();
  end.abort();
  expect((await last).done).toBe(true);
});
