import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openServiceTest, type ServiceTest } from '../services/testing';
import { createExpiryJob, warningDue } from './expiry';
import { isIdle } from './idle';
import { createTrimJob, LIVE_EVENTS_KEPT_MS } from './trim';

const DAY = 24 * 60 * 60 * 1000;
const log = pino({ level: 'silent' });

test('a user is warned once a week ahead and once a day ahead, however often one looks', () => {
  const expiresAt = new Date(30 * DAY);
  const warned: number[] = [];
  let expiryWarnedAt: Date | null = null;
  for (let hour = 0; hour <= 31 * 24; hour++) {
    const now = hour * 60 * 60 * 1000;
    if (!warningDue({ expiresAt, expiryWarnedAt }, now)) continue;
    warned.push(now / DAY);
    expiryWarnedAt = new Date(now);
  }
  expect(warned).toEqual([23, 29]);
});

test.each([
  { viewers: 0, busy: false, quietFor: 10, idle: true },
  { viewers: 1, busy: false, quietFor: 10, idle: false },
  { viewers: 0, busy: true, quietFor: 10, idle: false },
  { viewers: 0, busy: null, quietFor: 10, idle: false },
  { viewers: 0, busy: false, quietFor: 9, idle: false },
])('idle: %o', ({ viewers, busy, quietFor, idle }) => {
  expect(isIdle({ viewers, busy, lastActivityAt: 100 }, 100 + quietFor, 10)).toBe(idle);
});

describe('on a real database', () => {
  let t: ServiceTest;
  beforeEach(async () => {
    t = await openServiceTest();
  });
  afterEach(() => t.close());

  test('past the date the user expires once, is cut off, and the stop is asked for until nothing runs', async () => {
    const ann = await t.person('ann');
    const bob = await t.person('bob');
    const now = Date.now();
    await t.db.user.update({ where: { id: ann.userId }, data: { expiresAt: new Date(now - 1) } });
    await t.db.user.update({ where: { id: bob.userId }, data: { expiresAt: new Date(now + 2 * DAY) } });
    const cut: string[] = [];
    const stops: string[] = [];
    const job = createExpiryJob({
      ...t,
      log,
      now: () => now,
      cutOff: async (id) => void cut.push(id),
      stopSandboxesOf: async (id, cause) => {
        stops.push(`${id} ${cause.auditType}`);
        return 0;
      },
    });
    await job.run();
    await job.run();
    expect((await t.db.user.findUniqueOrThrow({ where: { id: ann.userId } })).status).toBe('expired');
    expect((await t.db.user.findUniqueOrThrow({ where: { id: bob.userId } })).status).toBe('active');
    expect(cut).toEqual([ann.userId, ann.userId]);
    expect(stops).toEqual(Array(2).fill(`${ann.userId} host.stop.expired`));
    expect((await t.auditTypes()).sort()).toEqual(['user.expired', 'user.expiry_warned']);
  });

  test('trim drops old live events but never the newest', async () => {
    for (const subject of ['a', 'b', 'c']) {
      await t.live.record(t.db, { topic: 'sandbox', action: 'updated', subject });
    }
    const job = createTrimJob({ db: t.db, log, now: () => Date.now() + LIVE_EVENTS_KEPT_MS + DAY });
    await job.run();
    expect((await t.db.liveEvent.findMany()).map((it) => it.subject)).toEqual(['c']);
  });
});
