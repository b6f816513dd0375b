/** The expiry scanner: warns ahead, then ends a user's access and stops what they own. */
import type { Logger } from 'pino';
import type { User } from '../../prisma/generated/client';
import { toAppError } from '../../shared/errors';
import { type Audit, type Db, type DbOrTx, type Live, systemActor } from '../contracts';
import type { TaskEngine } from '../tasks/engine';
import { createJob, type Job } from './timer';

export const EXPIRY_SCAN_MS = 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** Ahead of the end, the longest first. */
export const EXPIRY_WARNINGS_MS = [7 * DAY_MS, DAY_MS] as const;

/** True when a warning is due that was not given yet. Pure. */
export function warningDue(user: { expiresAt: Date; expiryWarnedAt: Date | null }, now: Date): boolean {
  const end = user.expiresAt.getTime();
  const warned = user.expiryWarnedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  return EXPIRY_WARNINGS_MS.some((ahead) => now.getTime() >= end - ahead && warned < end - ahead);
}

export interface ExpiryOptions {
  db: Db;
  live: Live;
  audit: Audit;
  engine: TaskEngine;
  log: Logger;
  /** Closes what the user has open: sockets, event streams. */
  cut: (userId: string) => void;
  intervalMs?: number;
  now?: () => Date;
}

export function createExpiryJob(options: ExpiryOptions): Job {
  const { db, live, audit, engine, log, cut } = options;
  const now = options.now ?? (() => new Date());
  const actor = systemActor('expiry');
  const target = (user: { id: string; username: string }) => ({
    type: 'user',
    id: user.id,
    name: user.username,
  });

  async function warn(): Promise<void> {
    const soon = new Date(now().getTime() + EXPIRY_WARNINGS_MS[0]);
    const users = await db.user.findMany({
      where: { status: 'active', expiresAt: { lte: soon, gt: now() } },
    });
    for (const user of users) {
      const { expiresAt } = user;
      if (expiresAt === null || !warningDue({ expiresAt, expiryWarnedAt: user.expiryWarnedAt }, now()))
        continue;
      await db.$transaction(async (tx) => {
        await tx.user.update({ where: { id: user.id }, data: { expiryWarnedAt: now() } });
        await live.record(tx, { topic: 'me', action: 'updated', subject: user.id, userId: user.id });
        await audit.record(tx, {
          type: 'user.expiry.warned',
          actor,
          target: target(user),
          message: `${user.username} expires at ${expiresAt.toISOString()}`,
        });
      });
      live.flush();
    }
  }

  async function expire(): Promise<void> {
    const users = await db.user.findMany({ where: { status: 'active', expiresAt: { lte: now() } } });
    for (const user of users) {
      const done = await db.$transaction((tx) => endUser(tx, user));
      if (!done) continue;
      live.flush();
      cut(user.id);
    }
  }

  async function endUser(tx: DbOrTx, user: User): Promise<boolean> {
    const changed = await tx.user.updateMany({
      where: { id: user.id, status: 'active', expiresAt: { lte: now() } },
      data: { status: 'expired' },
    });
    if (changed.count === 0) return false;
    // Without any administrator nobody could undo this.
    if (
      user.role === 'admin' &&
      (await tx.user.count({ where: { role: 'admin', status: 'active' } })) === 0
    ) {
      await tx.user.update({ where: { id: user.id }, data: { status: 'active' } });
      log.warn({ user: user.username }, 'the last active administrator has expired and is kept active');
      return false;
    }
    await tx.authSession.updateMany({
      where: { userId: user.id, revokedAt: null },
      data: { revokedAt: now() },
    });
    await audit.record(tx, {
      type: 'user.expired',
      actor,
      target: target(user),
      message: `${user.username} has expired`,
      before: { status: 'active' },
      after: { status: 'expired' },
    });
    await live.record(tx, { topic: 'user', action: 'updated', subject: user.id, userId: user.id });
    await live.record(tx, { topic: 'me', action: 'updated', subject: user.id, userId: user.id });
    return true;
  }

  /** By the rows as they are, not by who expired just now: what a crash or a live task left is stopped next time. */
  async function stopAll(): Promise<void> {
    const sandboxes = await db.sandbox.findMany({
      where: {
        owner: { status: 'expired' },
        // `error` may run too, but only a person can tell; `unavailable` is stopped once.
        state: { in: ['running', 'paused', 'unavailable'] },
        desiredPower: { not: 'stopped' },
      },
      include: { owner: { select: { username: true } } },
    });
    for (const sandbox of sandboxes) {
      try {
        await db.$transaction(async (tx) => {
          const { reused } = await engine.enqueue(tx, { kind: 'sandbox.stop', sandboxId: sandbox.id, actor });
          if (reused) return;
          await audit.record(tx, {
            type: 'host.stop.expired',
            actor,
            target: { type: 'sandbox', id: sandbox.id, name: sandbox.name },
            message: `Stopping ${sandbox.name}: its owner ${sandbox.owner.username} has expired`,
          });
        });
        engine.committed();
      } catch (thrown) {
        const { code } = toAppError(thrown);
        if (code !== 'wrong_state' && code !== 'conflict' && code !== 'not_found') throw thrown;
      }
    }
  }

  return createJob({
    name: 'expiry',
    intervalMs: options.intervalMs ?? EXPIRY_SCAN_MS,
    log,
    async work() {
      await warn();
      await expire();
      await stopAll();
    },
  });
}
