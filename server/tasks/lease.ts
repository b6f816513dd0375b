/** Which task may be worked on, and by whom: a lease that runs out is taken over. */
import type { Task } from '../../prisma/generated/client';
import type { Db, DbOrTx } from '../contracts';
import { liveStates } from './enqueue';
import { isCertainlyDead, newLeaseToken } from './lease-owner';

/**
 * How long a task of a gateway waits that went away without our knowing whether it lives (another machine, another
 * container). A worker renews three times in it.
 */
export const LEASE_MS = 10_000;

/** Thrown inside a transaction to undo it: another one was first. */
class NotMine extends Error {}
/** The lease went to another worker; nothing may be written for this task any more. */
export class LeaseLost extends Error {}

export interface Claimed {
  task: Task;
  /** Fences every write: a worker that was taken over cannot touch the task. */
  token: string;
}

/** The next task that is due and free, leased; null when there is none. */
export async function claimNext(db: Db, leaseMs: number): Promise<Claimed | null> {
  const live = await db.task.findMany({
    where: { state: { in: liveStates } },
    orderBy: { id: 'asc' },
    select: { id: true, sandboxId: true, state: true, nextRunAt: true, leaseUntil: true },
  });
  const now = new Date();
  const seen = new Set<string>();
  for (const task of live) {
    const first = !seen.has(task.sandboxId);
    seen.add(task.sandboxId);
    if (!first || task.nextRunAt > now || (task.leaseUntil !== null && task.leaseUntil > now)) continue;
    const claimed = await claim(db, task, leaseMs);
    if (claimed) return claimed;
  }
  return null;
}

async function claim(db: Db, task: { id: string; sandboxId: string }, leaseMs: number) {
  const now = new Date();
  const token = newLeaseToken();
  try {
    return await db.$transaction(async (tx) => {
      const taken = await tx.task.updateMany({
        where: {
          id: task.id,
          state: { in: liveStates },
          OR: [{ leaseUntil: null }, { leaseUntil: { lte: now } }],
        },
        data: {
          state: 'running',
          leaseOwner: token,
          leaseUntil: new Date(now.getTime() + leaseMs),
          attempt: { increment: 1 },
        },
      });
      if (taken.count === 0) throw new NotMine();
      const other = await tx.task.findFirst({
        where: {
          sandboxId: task.sandboxId,
          id: { not: task.id },
          state: { in: liveStates },
          OR: [{ id: { lt: task.id } }, { state: 'running' }],
        },
        select: { id: true },
      });
      if (other) throw new NotMine();
      await tx.task.updateMany({ where: { id: task.id, startedAt: null }, data: { startedAt: now } });
      return { task: await tx.task.findUniqueOrThrow({ where: { id: task.id } }), token };
    });
  } catch (thrown) {
    if (thrown instanceof NotMine) return null;
    throw thrown;
  }
}

/** Renews. `lost`: another worker has it. `cancel`: somebody wants it to end. */
export async function renew(
  db: Db,
  held: { id: string; token: string; leaseMs: number },
): Promise<'held' | 'cancel' | 'lost'> {
  const renewed = await db.task.updateMany({
    where: { id: held.id, leaseOwner: held.token, state: 'running' },
    data: { leaseUntil: new Date(Date.now() + held.leaseMs) },
  });
  if (renewed.count === 0) return 'lost';
  const task = await db.task.findUnique({ where: { id: held.id }, select: { cancelRequested: true } });
  return task?.cancelRequested ? 'cancel' : 'held';
}

/** Gives a task back unfinished: to be tried at `at`, or at once by the next gateway. Throws LeaseLost. */
export async function release(
  tx: DbOrTx,
  held: { id: string; token: string },
  data: { nextRunAt: Date; errorCode?: string; errorMessage?: string; maxAttempts?: number },
): Promise<void> {
  const given = await tx.task.updateMany({
    where: { id: held.id, leaseOwner: held.token, state: 'running' },
    data: { state: 'queued', leaseOwner: null, leaseUntil: null, ...data },
  });
  if (given.count === 0) throw new LeaseLost();
}

/** When there will be something to do, as far as the rows tell: milliseconds from now, or null. */
export async function nextDue(db: Db): Promise<number | null> {
  const live = await db.task.findMany({
    where: { state: { in: liveStates } },
    orderBy: { id: 'asc' },
    select: { sandboxId: true, nextRunAt: true, leaseUntil: true },
  });
  // What waits behind another task of its sandbox has no time of its own: the end of that one wakes.
  const first = new Map<string, number>();
  for (const task of live)
    if (!first.has(task.sandboxId))
      first.set(task.sandboxId, Math.max(task.nextRunAt.getTime(), task.leaseUntil?.getTime() ?? 0));
  return first.size === 0 ? null : Math.max(0, Math.min(...first.values()) - Date.now());
}

/**
 * Frees at once what gateways of this machine hold that are dead beyond doubt, such as the one that was killed just
 * before this one started. Returns how many tasks that were.
 */
export async function freeLeasesOfDead(db: Db): Promise<number> {
  const leased = await db.task.findMany({
    where: { state: 'running', leaseOwner: { not: null } },
    select: { id: true, leaseOwner: true },
  });
  let freed = 0;
  for (const { id, leaseOwner } of leased) {
    if (leaseOwner === null || !isCertainlyDead(leaseOwner)) continue;
    const { count } = await db.task.updateMany({
      where: { id, leaseOwner },
      // What was cut off was no failure of the task: it keeps all its tries.
      data: { leaseUntil: null, attempt: { decrement: 1 } },
    });
    freed += count;
  }
  return freed;
}
