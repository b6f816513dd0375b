/**
 * Takes sandboxes of pools that fail over from a way out that does not work to the next that may. The agent has
 * fenced by then, or the task's first deed is to; the next one is proven before it is opened.
 */
import type { Logger } from 'pino';
import type { Egress, Sandbox } from '../../prisma/generated/client';
import { proofSchema, wayOutVerdict } from '../../shared/proof';
import { type AgentClient, type Audit, type Db, type DbOrTx, type Live, systemActor } from '../contracts';
import { assign } from '../services/egress/assign';
import { follow } from '../services/egress/follow';
import type { TaskEngine } from '../tasks/engine';
import { liveStates } from '../tasks/enqueue';
import { poolReason } from '../tasks/pool-reason';
import { lockSandbox } from '../tasks/transition';
import { wayOf } from '../tasks/way';
import { createJob, type Job } from './timer';

/** A red proof wakes it at once; this is for tunnels that stay down, and for pools that have a way out again. */
const LOOK_EVERY_MS = 5_000;
/** sing-box that fell is back in a second or two; one that is not after this does not come back by itself soon. */
export const TUNNEL_GRACE_MS = 20_000;
/**
 * Each other way out of the pool is taken once at once. From then on, within an hour, the pause before the next
 * change doubles from this, so that two that come and go are not changed for each other all day.
 */
export const PAUSE_BASE_MS = 60_000;
export const PAUSE_MAX_MS = 30 * 60_000;
const MEMORY_MS = 60 * 60_000;

export interface FailoverOptions {
  db: Db;
  live: Live;
  audit: Audit;
  agent: AgentClient;
  engine: TaskEngine;
  log: Logger;
  intervalMs?: number;
  graceMs?: number;
  pauseBaseMs?: number;
  now?: () => number;
}

export interface FailoverJob extends Job {
  /** Look now: a proof turned red, or green. */
  wake(): void;
}

type Row = Sandbox & { egress: Egress | null; pool: { _count: { members: number } } | null };

/** Milliseconds to wait before the next change of a sandbox. Pure. `changes`: of the last hour. */
export function pauseBefore(changes: number, members: number, baseMs = PAUSE_BASE_MS): number {
  const beyond = changes - Math.max(1, members - 1);
  return beyond < 0 ? 0 : Math.min(PAUSE_MAX_MS, baseMs * 2 ** Math.min(beyond, 16));
}

/** Whether it is cut off for a leak of its own, which another way out would not mend. */
async function leaks(db: DbOrTx, row: { proofId: string | null; egressId: string | null }): Promise<boolean> {
  const newest = row.proofId === null ? null : await db.proof.findUnique({ where: { id: row.proofId } });
  if (newest === null || newest.verdict !== 'red' || newest.egressId !== row.egressId) return false;
  return wayOutVerdict(proofSchema.parse(JSON.parse(newest.body))).verdict !== 'red';
}

export function createFailoverJob(options: FailoverOptions): FailoverJob {
  const { db, live, audit, agent, engine, log, now = Date.now } = options;
  const actor = systemActor('failover');
  const graceMs = options.graceMs ?? TUNNEL_GRACE_MS;
  const closing = new AbortController();
  /** Since when a tunnel was seen down, by sandbox. */
  const downSince = new Map<string, number>();
  /** Told that no way out of its pool is left. */
  const stranded = new Set<string>();

  /** Why its present way out has to be left; null while it may stay. */
  async function trouble(row: Row): Promise<string | null> {
    if (row.egress?.verdict === 'red') {
      downSince.delete(row.id);
      return row.egress.verdictReason ?? 'Its proof is red.';
    }
    if (row.state !== 'unavailable') {
      downSince.delete(row.id);
      return null;
    }
    const { power, network } = await agent.call(
      'sandbox.observe',
      { id: row.id },
      { signal: closing.signal },
    );
    if (power !== 'running' || network.tunnel === 'up') {
      downSince.delete(row.id);
      return null;
    }
    if (await leaks(db, row)) {
      downSince.delete(row.id);
      return null;
    }
    const since = downSince.get(row.id) ?? now();
    downSince.set(row.id, since);
    return now() - since < graceMs ? null : (network.reason ?? 'Its tunnel does not come up.');
  }

  /** From the rows, so that a restart forgets nothing. */
  async function mayChange(tx: DbOrTx, row: Row): Promise<boolean> {
    const made = await tx.task.findMany({
      where: {
        sandboxId: row.id,
        requestedBy: actor.name,
        createdAt: { gt: new Date(now() - MEMORY_MS) },
      },
      select: { createdAt: true, finishedAt: true },
    });
    const last = Math.max(0, ...made.map((it) => (it.finishedAt ?? it.createdAt).getTime()));
    return now() >= last + pauseBefore(made.length, row.pool?._count.members ?? 1, options.pauseBaseMs);
  }

  async function change(seen: Row, reason: string): Promise<void> {
    await db.$transaction(async (tx) => {
      const row = await lockSandbox(tx, seen.id);
      // Somebody was faster, or a task may be choosing right now.
      if (!row || row.egressId !== seen.egressId || row.state !== seen.state) return;
      if ((await tx.task.count({ where: { sandboxId: row.id, state: { in: liveStates } } })) > 0) return;
      if (!(await mayChange(tx, seen))) return;
      const target = { type: 'sandbox', id: row.id, name: row.name };
      const before = await wayOf(tx, row.egressId);
      const [moved] = await assign({ live, shun: row.egressId }, tx, { id: row.id });
      if (!moved) return strand(tx, seen);
      stranded.delete(row.id);
      const after = await wayOf(tx, moved.egressId);
      await audit.record(tx, {
        type: 'egress.failover',
        actor,
        target,
        message: `${row.name} leaves ${before.label} for ${after.label}: ${reason}`,
        before: { ...before, reason },
        after: { ...after },
      });
      await follow(engine, tx, { sandboxes: [moved], actor });
      log.warn({ sandbox: row.id, from: before.egressId, to: after.egressId, reason }, 'failing over');
    });
    engine.committed();
  }

  async function strand(tx: DbOrTx, row: Row): Promise<void> {
    const reason = await poolReason(tx, row.poolId);
    if (stranded.has(row.id) || reason === null) return;
    stranded.add(row.id);
    await audit.record(tx, {
      type: 'egress.failover.exhausted',
      actor,
      target: { type: 'sandbox', id: row.id, name: row.name },
      message: `${row.name} has no other way out: ${reason}`,
      before: { egressId: row.egressId, poolId: row.poolId },
    });
    log.error({ sandbox: row.id, pool: row.poolId }, 'no way out of the pool works');
  }

  async function work(): Promise<void> {
    const rows: Row[] = await db.sandbox.findMany({
      where: { pool: { failover: true }, egressId: { not: null }, state: { in: ['running', 'unavailable'] } },
      include: { egress: true, pool: { select: { _count: { select: { members: true } } } } },
    });
    const there = new Set(rows.map((it) => it.id));
    for (const id of downSince.keys()) if (!there.has(id)) downSince.delete(id);
    for (const id of stranded) if (!there.has(id)) stranded.delete(id);
    for (const row of rows) {
      if (closing.signal.aborted) return;
      try {
        const reason = await trouble(row);
        if (reason !== null) await change(row, reason);
        else stranded.delete(row.id);
      } catch (err) {
        if (!closing.signal.aborted)
          log.warn({ sandbox: row.id, err }, 'could not look whether to fail over');
      }
    }
  }

  const job = createJob({ name: 'fail-over', intervalMs: options.intervalMs ?? LOOK_EVERY_MS, log, work });
  return {
    ...job,
    wake() {
      // One that is at work may have looked already: then its next time, soon, sees it.
      if (!closing.signal.aborted)
        void job.run().catch((err: unknown) => log.warn({ err }, 'could not fail over'));
    },
    close() {
      closing.abort();
      return job.close();
    },
  };
}

/**
 * For the task engine: a way out failed while a task brought a sandbox up. Notes it, and says whether the sandbox's
 * pool gives it another one, which the next attempt then takes by itself.
 */
export function createOtherWay(parts: {
  db: Db;
  live: Live;
  /** Fetches what the agent has proven, so that the choice knows of it. */
  proven(sandboxId: string): Promise<void>;
  noteFailure(egressId: string, reason: string): Promise<void>;
}): (sandboxId: string, error: { code: string; message: string }) => Promise<boolean> {
  const { db, live } = parts;
  return async (sandboxId, error) => {
    const row = await db.sandbox.findUnique({ where: { id: sandboxId }, include: { pool: true } });
    if (row?.egressId == null) return false;
    // Without it the choice still shuns this one, now.
    if (error.code === 'proof_failed') await parts.proven(sandboxId).catch(() => undefined);
    else await parts.noteFailure(row.egressId, error.message);
    if (!row.pool?.failover) return false;
    if (error.code === 'proof_failed') {
      const proven = await db.sandbox.findUnique({ where: { id: sandboxId } });
      if (proven && (await leaks(db, proven))) return false;
    }
    const moved = await db.$transaction(async (tx) => {
      if (!(await lockSandbox(tx, sandboxId))) return [];
      return assign({ live, shun: row.egressId }, tx, { id: sandboxId });
    });
    live.flush();
    return moved.length > 0;
  };
}
