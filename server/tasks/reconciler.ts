/**
 * The reconciler: at start, on a timer and when the agent notices something, compares rows with what exists, and
 * heals or reports. It only makes tasks and moves rows, each under the row's lock and only when nothing changed
 * since it looked, so that it never works against a task and never makes one twice.
 *
 * While the agent does not answer nothing is known, so no sandbox is touched: they most likely run on. It is shown
 * as a failed health check instead.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AGENT_API_VERSION, type AgentNotice, type ObservedSandbox } from '../../shared/agent-api';
import { AppError, toAppError } from '../../shared/errors';
import type { HealthView } from '../../shared/views';
import { type AgentClient, type Audit, type Db, type Live, systemActor } from '../contracts';
import { type DriftAction, driftOf } from './drift';
import type { TaskEngine } from './engine';
import { liveStates } from './enqueue';
import { createFenceNotes } from './fence-notes';
import { createOrphanSweep, ORPHAN_GRACE_MS } from './orphans';
import { withPoolReason } from './pool-reason';
import { lockSandbox, moveSandbox, type SandboxRow } from './transition';
import { fenceOf, noteFence, noteObserved } from './way';

/** The agent tells of changes by itself; the timer catches what happened while nobody listened. */
const RECONCILE_MS = 30_000;
const none: DriftAction = { type: 'none' };
/** Pause between two healing tasks of one sandbox: doubles from the first to the second for each of the last hour. */
const HEAL_BASE_MS = 5_000;
const HEAL_MAX_MS = 10 * 60_000;
const HEAL_MEMORY_MS = 60 * 60_000;
/** Notices come in bursts: one look for all of them. */
const NOTICE_SETTLE_MS = 50;
const WATCH_RETRY_MS = 2_000;

export interface ReconcilerOptions {
  db: Db;
  live: Live;
  audit: Audit;
  agent: AgentClient;
  engine: TaskEngine;
  log: Logger;
  intervalMs?: number;
  healBaseMs?: number;
  orphanGraceMs?: number;
  /** Hears what the agent tells by itself, and null each time that it is listened to anew. Never throws. */
  onNotice?: (notice: AgentNotice | null) => void;
}

export interface Reconciler {
  start(): void;
  /** One comparison now; joins one that is at work. Never throws. */
  sweep(): Promise<void>;
  /** For Admin, Health: whether the agent answered the last time, and what is left over. */
  checks(): HealthView['checks'];
  close(): Promise<void>;
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { db, live, audit, agent, engine, log } = options;
  const healBaseMs = options.healBaseMs ?? HEAL_BASE_MS;
  const actor = systemActor('reconciler');
  const closing = new AbortController();
  const fences = createFenceNotes({ db, live, audit, log });
  const orphans = createOrphanSweep({ ...options, graceMs: options.orphanGraceMs ?? ORPHAN_GRACE_MS });
  let problem: AppError | null = null;
  let sweeping: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let noticed: NodeJS.Timeout | undefined;
  let watching: Promise<void> | undefined;

  async function sweepOnce(): Promise<void> {
    // Rows first, then the world: what changed in between has another revision and is left for the next time.
    const rows = await db.sandbox.findMany();
    const busy = await busySandboxes();
    let observed: ObservedSandbox[];
    try {
      observed = await agent.call('sandbox.list', {}, { signal: closing.signal });
      problem = null;
    } catch (thrown) {
      const error = toAppError(thrown);
      if (problem === null && !closing.signal.aborted)
        log.warn({ code: error.code }, 'agent cannot be asked, sandboxes are left as they are');
      problem = error;
      return;
    }
    const byId = new Map(observed.map((it) => [it.id, it]));
    const heals = await healsOfLastHour();
    for (const row of rows) {
      if (closing.signal.aborted) return;
      if (busy.has(row.id)) continue;
      const found = byId.get(row.id);
      const seen = found ? await withPoolReason(db, row, found) : null;
      const action = driftOf(row, seen);
      const act = action.type === 'heal' && tooSoon(heals.get(row.id)) ? none : action;
      await mend(row, { action: act, seen }).catch((thrown: unknown) => skip(row, thrown));
    }
    await orphans.look(observed, new Set(rows.map((it) => it.id)));
  }

  function skip(row: SandboxRow, thrown: unknown): void {
    const { code } = toAppError(thrown);
    // Something else was faster; what is left to do is seen next time.
    if (code === 'conflict' || code === 'wrong_state') return;
    log.error({ sandbox: row.id, err: thrown }, 'reconciling failed');
  }

  async function mend(
    known: SandboxRow,
    { action, seen }: { action: DriftAction; seen: ObservedSandbox | null },
  ): Promise<void> {
    const reason = seen ? fenceOf(seen) : null;
    const refenced = known.fenced !== (reason !== null) || known.networkReason !== reason;
    if (action.type === 'none' && !refenced) return;
    await db.$transaction(async (tx) => {
      const row = await lockSandbox(tx, known.id);
      // lockSandbox raises the revision by one.
      if (!row || row.revision !== known.revision + 1) throw new AppError('conflict');
      if ((await tx.task.count({ where: { sandboxId: row.id, state: { in: liveStates } } })) > 0)
        throw new AppError('conflict');
      if (seen) await noteObserved({ live, audit }, tx, { row, observed: seen });
      else await noteFence({ live, audit }, tx, { row, reason: null, quiet: true });
      if (action.type === 'none') return;
      const target = { type: 'sandbox', id: row.id, name: row.name };
      const before = { state: row.state, reason: row.stateReason, desiredPower: row.desiredPower };
      if (action.type === 'show') {
        const { type: _type, ...move } = action;
        await moveSandbox(tx, live, { row, move });
        // A fence has its own entry.
        if (row.state !== action.state && row.fenced === (reason !== null))
          await audit.record(tx, {
            type: 'reconcile.host.drift',
            actor,
            target,
            message: `${row.name} is ${action.state}: ${action.reason ?? 'as it should be'}`,
            before,
            after: { state: action.state, reason: action.reason },
          });
        return;
      }
      const resume = action.type === 'resume';
      if (!resume && action.via !== null && action.via !== row.state)
        await moveSandbox(tx, live, { row, move: { state: action.via, reason: action.reason } });
      await audit.record(tx, {
        type: resume ? 'reconcile.task.stale' : 'reconcile.host.drift',
        actor,
        target,
        message: resume
          ? `${row.name} was left ${row.state} without a task`
          : `${row.name}: ${action.reason}`,
        before,
        after: { task: action.kind },
      });
      await engine.enqueue(tx, {
        kind: action.kind,
        sandboxId: row.id,
        actor,
        stranded: resume,
        healing: action.type === 'heal',
      });
    });
    engine.committed();
    log.info({ sandbox: known.id, action, fenced: reason }, 'drift');
  }

  async function busySandboxes(): Promise<Set<string>> {
    const tasks = await db.task.findMany({
      where: { state: { in: liveStates } },
      select: { sandboxId: true },
    });
    return new Set(tasks.map((it) => it.sandboxId));
  }

  /** From the rows, so that a restart does not begin to hammer again. */
  async function healsOfLastHour(): Promise<Map<string, { count: number; last: number }>> {
    const tasks = await db.task.findMany({
      where: { requestedBy: actor.name, createdAt: { gt: new Date(Date.now() - HEAL_MEMORY_MS) } },
      select: { sandboxId: true, finishedAt: true, createdAt: true },
    });
    const heals = new Map<string, { count: number; last: number }>();
    for (const task of tasks) {
      const known = heals.get(task.sandboxId) ?? { count: 0, last: 0 };
      const at = (task.finishedAt ?? task.createdAt).getTime();
      heals.set(task.sandboxId, { count: known.count + 1, last: Math.max(known.last, at) });
    }
    return heals;
  }

  function tooSoon(heal: { count: number; last: number } | undefined): boolean {
    if (!heal) return false;
    return Date.now() < heal.last + Math.min(HEAL_MAX_MS, healBaseMs * 2 ** Math.min(heal.count - 1, 16));
  }

  function sweep(): Promise<void> {
    sweeping ??= sweepOnce()
      .catch((thrown: unknown) => log.error({ err: thrown }, 'reconciler failed'))
      .finally(() => {
        sweeping = undefined;
      });
    return sweeping;
  }

  /** Sweeps, joined ones included, end before this one begins. */
  async function sweepAnew(): Promise<void> {
    await sweeping;
    await sweep();
  }

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const health = await agent.call('health', {}, { signal: closing.signal });
        if (health.apiVersion !== AGENT_API_VERSION) throw wrongVersion(health.apiVersion);
        // What happened before the watch began is found by a look.
        void sweepAnew();
        options.onNotice?.(null);
        await agent.call('watch', {}, { signal: closing.signal, onNotice });
      } catch (thrown) {
        if (closing.signal.aborted) return;
        problem = toAppError(thrown);
        log.debug({ code: problem.code }, 'agent watch ended, will be opened again');
      }
      // Cut short by the close.
      await wait(WATCH_RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  function onNotice(notice: AgentNotice): void {
    fences.take(notice);
    options.onNotice?.(notice);
    clearTimeout(noticed);
    noticed = setTimeout(() => void sweepAnew(), NOTICE_SETTLE_MS);
  }

  return {
    start() {
      watching ??= watch();
      void sweep();
      timer = setInterval(() => void sweep(), options.intervalMs ?? RECONCILE_MS);
    },
    sweep,
    checks: () => [
      {
        name: 'agent',
        ok: problem === null,
        detail: problem === null ? 'The host agent answers.' : problem.message,
        mend: problem === null ? null : problem.entry.next,
      },
      orphans.check(),
    ],
    async close() {
      closing.abort();
      clearInterval(timer);
      clearTimeout(noticed);
      await Promise.all([sweeping, watching, fences.settled()]);
    },
  };
}

function wrongVersion(version: number): AppError {
  return new AppError(
    'agent_failed',
    `The host agent speaks version ${version}, this gateway ${AGENT_API_VERSION}. Restart both from one build.`,
  );
}
