/** Sends pushes that are due: each delivery is a row, so that a restart forgets none. */
import type { Logger } from 'pino';
import type { Prisma } from '../../prisma/generated/client';
import { notificationKindSchema, pushSubscriptionSchema } from '../../shared/notifications';
import type { SecretBox } from '../auth/secret-box';
import type { Db, Live } from '../contracts';
import type { PushResult, PushSender } from '../services/notifications/push';
import { isQuiet } from '../services/notifications/quiet';
import { SUBSCRIPTION_PURPOSE, storedPreferences } from '../services/notifications/service';
import { createJob } from './timer';

/** Looks by itself this often, for what is to be tried again. */
const LOOK_MS = 15_000;
/** At once; a push is a request of a few hundred milliseconds. */
const BATCH = 8;
/** A delivery whose gateway died while it was sent is tried again after this long; the tag makes it no second one. */
const LEASE_MS = 60_000;
/** Waits between tries, ms; then it has failed. */
const WAITS_MS = [30_000, 120_000, 600_000, 1_800_000];

export interface NotifyJob {
  start(): void;
  /** Something new is due. */
  wake(): void;
  /** Sends what is due of one notification; resolves when each was tried once. */
  deliver(notificationId: string): Promise<void>;
  /** Since the start, for /metrics. */
  readonly figures: { sent: number; failed: number; gone: number; held: number };
  close(): Promise<void>;
}

const withAll = { notification: { include: { user: true } }, device: { include: { logIn: true } } } as const;
type Delivery = Prisma.PushDeliveryGetPayload<{ include: typeof withAll }>;

export function createNotifyJob(options: {
  db: Db;
  live: Live;
  log: Logger;
  box: SecretBox;
  sender: PushSender;
  now?: () => number;
  lookMs?: number;
}): NotifyJob {
  const { db, live, log, box, sender, now = Date.now } = options;
  const figures = { sent: 0, failed: 0, gone: 0, held: 0 };
  const closing = new AbortController();
  let again = false;

  async function take(where: Prisma.PushDeliveryWhereInput): Promise<Delivery[]> {
    const rows = await db.pushDelivery.findMany({
      where: { state: 'pending', nextAt: { lte: new Date(now()) }, ...where },
      include: withAll,
      orderBy: { nextAt: 'asc' },
      take: BATCH,
    });
    const mine: Delivery[] = [];
    for (const row of rows) {
      const { notificationId, deviceKey, attempts } = row;
      // Compare and set: the other sender of this process may have been faster.
      const { count } = await db.pushDelivery.updateMany({
        where: { notificationId, deviceKey, attempts, state: 'pending' },
        data: { attempts: attempts + 1, nextAt: new Date(now() + LEASE_MS) },
      });
      if (count > 0) mine.push({ ...row, attempts: attempts + 1 });
    }
    return mine;
  }

  async function work(where: Prisma.PushDeliveryWhereInput): Promise<void> {
    while (!closing.signal.aborted) {
      const rows = await take(where);
      if (rows.length === 0) return;
      await Promise.all(rows.map(send));
    }
  }

  async function send(row: Delivery): Promise<void> {
    const { notification, device } = row;
    const { user } = notification;
    if (!device) return settle(row, { state: 'gone', reason: 'The device was removed.' });
    const { logIn } = device;
    if (logIn && (logIn.revokedAt !== null || logIn.expiresAt <= new Date(now())))
      return settle(row, { state: 'gone', reason: 'That browser was signed out.' });
    if (notification.kind !== 'test') {
      if (notification.readAt !== null) return settle(row, { state: 'held', reason: 'It was read before.' });
      const { quietHours } = storedPreferences(user.notifications);
      if (isQuiet(quietHours, { at: new Date(now()), timezone: user.timezone }))
        return settle(row, { state: 'held', reason: 'Quiet hours.' });
    }
    const opened = box.open(SUBSCRIPTION_PURPOSE, device.subscription).toString('utf8');
    const subscription = pushSubscriptionSchema.parse(JSON.parse(opened));
    const message = {
      id: notification.id,
      kind: notificationKindSchema.parse(notification.kind),
      title: notification.title,
      body: notification.body,
      url: pathOf(notification),
      tag: notification.id,
    };
    const result = await sender.send(subscription, message, closing.signal);
    // Half sent at the stop: its lease runs out and the next start sends it.
    if (!closing.signal.aborted || result.state === 'sent') await settle(row, outcome(row, result));
  }

  type Outcome = {
    state: 'sent' | 'failed' | 'gone' | 'held' | 'pending';
    reason: string | null;
    nextAt?: Date;
  };

  function outcome(row: Delivery, result: PushResult): Outcome {
    switch (result.state) {
      case 'sent':
        return { state: 'sent', reason: null };
      case 'gone':
        return { state: 'gone', reason: 'The push service knows this device no more; it was removed.' };
      case 'failed':
        return { state: 'failed', reason: result.reason };
      case 'again': {
        const wait = WAITS_MS[row.attempts - 1];
        // A test is looked at now: it says what happened instead of trying again.
        if (wait === undefined || row.notification.kind === 'test')
          return { state: 'failed', reason: result.reason };
        const ms = result.afterSeconds === null ? wait : result.afterSeconds * 1000;
        return { state: 'pending', reason: result.reason, nextAt: new Date(now() + ms) };
      }
    }
  }

  async function settle(row: Delivery, { state, reason, nextAt }: Outcome): Promise<void> {
    const { notificationId, deviceKey, deviceId } = row;
    const at = new Date(now());
    await db.$transaction(async (tx) => {
      await tx.pushDelivery.updateMany({
        where: { notificationId, deviceKey },
        data: { state, reason, at, ...(nextAt ? { nextAt } : {}) },
      });
      if (deviceId !== null) {
        const id = deviceId;
        if (state === 'sent')
          await tx.pushDevice.updateMany({ where: { id }, data: { lastSentAt: at, problem: null } });
        if (state === 'failed' || state === 'pending')
          await tx.pushDevice.updateMany({ where: { id }, data: { problem: reason } });
        if (state === 'gone') await tx.pushDevice.deleteMany({ where: { id } });
      }
      const { userId } = row.notification;
      await live.record(tx, { topic: 'notifications', action: 'updated', subject: userId, userId });
    });
    live.flush();
    if (state !== 'pending') figures[state] += 1;
    if (state === 'failed') log.info({ device: deviceKey, reason }, 'a push failed');
  }

  const job = createJob({
    name: 'notify',
    intervalMs: options.lookMs ?? LOOK_MS,
    log,
    work: () => work({}),
  });

  return {
    figures,
    start: () => job.start(),
    wake() {
      if (closing.signal.aborted) return;
      // One that runs may have looked already.
      again = true;
      void round();
    },
    deliver: (notificationId) => work({ notificationId }),
    async close() {
      closing.abort();
      await job.close();
    },
  };

  async function round(): Promise<void> {
    while (again && !closing.signal.aborted) {
      again = false;
      await job.run().catch((error: unknown) => log.warn({ err: error }, 'pushes were not sent'));
    }
  }
}

/** Where a click leads. */
function pathOf(row: { kind: string; sandboxId: string | null; sessionId: string | null }): string {
  if (row.sandboxId === null) return '/settings';
  const session = row.sessionId === null ? '' : `?session=${row.sessionId}&view=driver`;
  return `/sandboxes/${row.sandboxId}${session}`;
}
