/** Keeps history bounded: live events, ended tasks, log-ins, proofs and traffic by age, and the audit log by policy. */
import type { Logger } from 'pino';
import type { Db } from '../contracts';
import { dropDeadBindings, dropDeadPolicies } from '../services/egress/use';
import { dropDeadBudgets } from '../services/usage/budgets';
import { createJob, type Job } from './timer';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const TRIM_EVERY_MS = HOUR_MS;
/** A browser that slept over a long weekend still replays; an older one refetches everything. */
export const LIVE_EVENTS_KEPT_MS = 3 * DAY_MS;
const TASKS_KEPT_MS = 90 * DAY_MS;
const AUTH_SESSIONS_KEPT_MS = 30 * DAY_MS;
/** A year and a bit: yearly reviews look back over a full one. */
const AUDIT_KEPT_MS = 400 * DAY_MS;

/** What a person was told a month ago is no news; turns stay with their session. */
export const NOTIFICATIONS_KEPT_MS = 30 * DAY_MS;
/** Long enough to look back at what happened over a few weeks; each is some 3 KB. */
export const PROOFS_KEPT_MS = 30 * DAY_MS;
/** Charts show a day; the second one is for who looks in the morning at what happened the day before. */
export const TRAFFIC_KEPT_MS = 2 * DAY_MS;

/** Sums of days stay; a single request is looked at for weeks at most. */
const REQUESTS_KEPT_MS = 90 * DAY_MS;

export function createTrimJob(options: {
  db: Db;
  log: Logger;
  now?: () => number;
  intervalMs?: number;
}): Job {
  const { db, log, now = Date.now } = options;
  const before = (age: number) => new Date(now() - age);

  /** A sandbox's newest one stays whatever its age: it is what is known of it. */
  async function trimProofs(): Promise<number> {
    const shown = await db.sandbox.findMany({ where: { proofId: { not: null } }, select: { proofId: true } });
    const { count } = await db.proof.deleteMany({
      where: { at: { lt: before(PROOFS_KEPT_MS) }, id: { notIn: shown.flatMap((it) => it.proofId ?? []) } },
    });
    return count;
  }

  async function trimTraffic(): Promise<number> {
    const lt = before(TRAFFIC_KEPT_MS);
    const counts = [
      await db.egressSample.deleteMany({ where: { at: { lt } } }),
      await db.trafficMinute.deleteMany({ where: { minute: { lt } } }),
      await db.trafficHost.deleteMany({ where: { hour: { lt } } }),
      await db.dnsHour.deleteMany({ where: { hour: { lt } } }),
    ];
    return counts.reduce((sum, it) => sum + it.count, 0);
  }

  async function work(): Promise<void> {
    // The newest row stays whatever its age: readers take their position from it.
    const newest = await db.liveEvent.findFirst({ orderBy: { id: 'desc' }, select: { id: true } });
    const events = await db.liveEvent.deleteMany({
      where: { at: { lt: before(LIVE_EVENTS_KEPT_MS) }, id: { lt: newest?.id ?? 0 } },
    });
    const tasks = await db.task.deleteMany({
      where: {
        state: { in: ['succeeded', 'failed', 'canceled'] },
        finishedAt: { lt: before(TASKS_KEPT_MS) },
      },
    });
    const throttles = await db.loginThrottle.deleteMany({
      where: {
        windowEndsAt: { lt: before(DAY_MS) },
        OR: [{ blockedUntil: null }, { blockedUntil: { lt: before(0) } }],
      },
    });
    const sessions = await db.authSession.deleteMany({
      where: { expiresAt: { lt: before(AUTH_SESSIONS_KEPT_MS) } },
    });
    const audit = await db.auditEvent.deleteMany({ where: { at: { lt: before(AUDIT_KEPT_MS) } } });
    const told = await db.notification.deleteMany({
      where: { createdAt: { lt: before(NOTIFICATIONS_KEPT_MS) } },
    });
    const proofs = await trimProofs();
    const traffic = await trimTraffic();
    const requests = await db.apiRequest.deleteMany({
      where: { at: { lt: before(REQUESTS_KEPT_MS) }, state: { not: 'running' } },
    });
    const budgets = await db.$transaction((tx) => dropDeadBudgets(tx));
    const bindings = await db.$transaction((tx) => dropDeadBindings(tx));
    const policies = await db.$transaction((tx) => dropDeadPolicies(tx));
    const removed = {
      proofs,
      traffic,
      budgets,
      requests: requests.count,
      bindings,
      policies,
      events: events.count,
      tasks: tasks.count,
      throttles: throttles.count,
      sessions: sessions.count,
      audit: audit.count,
      notifications: told.count,
    };
    if (Object.values(removed).some((it) => it > 0)) log.info(removed, 'old history trimmed');
  }

  return createJob({ name: 'trim', intervalMs: options.intervalMs ?? TRIM_EVERY_MS, log, work });
}
