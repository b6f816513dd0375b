/** Deletes what has served its time, so that no table grows for ever. */
import type { Logger } from 'pino';
import type { Db } from '../contracts';
import { createJob, type Job } from './timer';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;

export interface TrimPolicy {
  /** A browser that was away longer fetches everything anew. */
  liveMs: number;
  /** Finished tasks with their steps. */
  taskMs: number;
  auditMs: number;
  /** Ended log-ins stay in the list of the account page this long. */
  authSessionMs: number;
}
export const trimPolicy: TrimPolicy = {
  liveMs: DAY_MS,
  taskMs: 90 * DAY_MS,
  auditMs: 365 * DAY_MS,
  authSessionMs: 30 * DAY_MS,
};

export interface TrimOptions {
  db: Db;
  log: Logger;
  policy?: Partial<TrimPolicy>;
  intervalMs?: number;
  now?: () => Date;
}

export function createTrimJob(options: TrimOptions): Job {
  const { db, log } = options;
  const policy = { ...trimPolicy, ...options.policy };

  async function work(): Promise<void> {
    const now = options.now?.() ?? new Date();
    const before = (ageMs: number) => new Date(now.getTime() - ageMs);
    // The newest row stays whatever its age: by it a reader knows which ids there ever were (server/live).
    const newest = await db.liveEvent.findFirst({ orderBy: { id: 'desc' }, select: { id: true } });
    const live = await db.liveEvent.deleteMany({
      where: { at: { lt: before(policy.liveMs) }, id: { lt: newest?.id ?? 0 } },
    });
    const tasks = await db.task.deleteMany({
      where: {
        state: { in: ['succeeded', 'failed', 'canceled'] },
        finishedAt: { lt: before(policy.taskMs) },
      },
    });
    const audit = await db.auditEvent.deleteMany({ where: { at: { lt: before(policy.auditMs) } } });
    const throttles = await db.loginThrottle.deleteMany({
      where: { windowEndsAt: { lt: now }, OR: [{ blockedUntil: null }, { blockedUntil: { lt: now } }] },
    });
    const logins = await db.authSession.deleteMany({
      where: {
        OR: [
          { expiresAt: { lt: before(policy.authSessionMs) } },
          { revokedAt: { lt: before(policy.authSessionMs) } },
        ],
      },
    });
    log.debug(
      {
        live: live.count,
        tasks: tasks.count,
        audit: audit.count,
        throttles: throttles.count,
        logins: logins.count,
      },
      'trimmed',
    );
  }

  return createJob({ name: 'trim', intervalMs: options.intervalMs ?? HOUR_MS, log, work });
}
