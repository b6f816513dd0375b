/** The expiry scanner: past the date a user is cut off and the sandboxes stop; before it, the user is warned twice. */
import type { Logger } from 'pino';
import { type Audit, type Db, type Live, systemActor } from '../contracts';
import type { StopSandboxesOf } from './stop-sandboxes';
import { createJob, type Job } from './timer';

/** How late a user may be cut off at most. */
const EXPIRY_SCAN_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Warnings ahead, the first long enough to ask an administrator, the last on the day before. */
const EXPIRY_WARNINGS_MS = [7 * DAY_MS, DAY_MS];

/** Is a warning due that was not given yet? Pure: the test walks along the time line. */
export function warningDue(user: { expiresAt: Date; expiryWarnedAt: Date | null }, now: number): boolean {
  const left = user.expiresAt.getTime() - now;
  return EXPIRY_WARNINGS_MS.some((ahead) => {
    const from = user.expiresAt.getTime() - ahead;
    return left > 0 && now >= from && (user.expiryWarnedAt === null || user.expiryWarnedAt.getTime() < from);
  });
}

export function createExpiryJob(options: {
  db: Db;
  live: Live;
  audit: Audit;
  log: Logger;
  /** Ends the user's browser sessions and open sockets. */
  cutOff(userId: string): Promise<void>;
  stopSandboxesOf: StopSandboxesOf;
  intervalMs?: number;
  now?: () => number;
}): Job {
  const { db, live, audit, log, now = Date.now } = options;
  const actor = systemActor('expiry');

  async function expire(user: { id: string; username: string; role: string }): Promise<void> {
    await db.$transaction(async (tx) => {
      const { count } = await tx.user.updateMany({
        where: { id: user.id, status: 'active', expiresAt: { lte: new Date(now()) } },
        data: { status: 'expired' },
      });
      // An administrator gave a later date meanwhile.
      if (count === 0) return;
      // Without any administrator nobody could undo this.
      if (
        (await tx.user.count({ where: { role: 'admin', status: 'active' } })) === 0 &&
        user.role === 'admin'
      ) {
        await tx.user.update({ where: { id: user.id }, data: { status: 'active' } });
        log.warn({ user: user.username }, 'the last active administrator has expired and is kept active');
        return;
      }
      await audit.record(tx, {
        type: 'user.expired',
        actor,
        target: { type: 'user', id: user.id, name: user.username },
        message: `User ${user.username} expired`,
      });
      await live.record(tx, { topic: 'user', action: 'updated', subject: user.id });
    });
    live.flush();
  }

  async function warn(user: { id: string; username: string; expiresAt: Date }): Promise<void> {
    await db.$transaction(async (tx) => {
      await tx.user.update({ where: { id: user.id }, data: { expiryWarnedAt: new Date(now()) } });
      await audit.record(tx, {
        type: 'user.expiry_warned',
        actor,
        target: { type: 'user', id: user.id, name: user.username },
        message: `User ${user.username} was told of the expiry at ${user.expiresAt.toISOString()}`,
      });
      await live.record(tx, { topic: 'me', action: 'updated', subject: user.id, userId: user.id });
    });
    live.flush();
  }

  async function work(): Promise<void> {
    const due = await db.user.findMany({ where: { status: 'active', expiresAt: { lte: new Date(now()) } } });
    for (const user of due) await expire(user);
    // Again on every run: a sandbox that could not be stopped the first time, or was started by a task under way.
    const expired = await db.user.findMany({
      where: { status: 'expired', expiresAt: { lte: new Date(now()) } },
      select: { id: true },
    });
    for (const { id } of expired) {
      await options.cutOff(id);
      await options.stopSandboxesOf(id, {
        reason: 'its owner has expired.',
        auditType: 'host.stop.expired',
        actor,
      });
    }
    const soon = new Date(now() + Math.max(...EXPIRY_WARNINGS_MS));
    const ahead = await db.user.findMany({
      where: { status: 'active', expiresAt: { gt: new Date(now()), lte: soon } },
    });
    for (const { id, username, expiresAt, expiryWarnedAt } of ahead) {
      if (expiresAt && warningDue({ expiresAt, expiryWarnedAt }, now()))
        await warn({ id, username, expiresAt });
    }
  }

  return createJob({ name: 'expiry', intervalMs: options.intervalMs ?? EXPIRY_SCAN_MS, log, work });
}
