/** Pauses sandboxes that nobody looks at and in which nothing happens. Off unless IDLE_TIMEOUT says otherwise. */
import type { Logger } from 'pino';
import { toAppError } from '../../shared/errors';
import { type Db, systemActor } from '../contracts';
import type { TaskEngine } from '../tasks/engine';
import { createJob, type Job } from './timer';

/** The time-out is told in minutes; half a minute late is fine. */
const IDLE_SCAN_MS = 30_000;

export interface IdleFacts {
  /** Open terminals on any of its sessions. */
  viewers: number;
  /** Claude works on a turn, or a program was heard of; null = cannot be told, which counts as busy. */
  busy: boolean | null;
  /** The newest of start, typing and API use, in ms since 1970. */
  lastActivityAt: number;
}

/** Never an open terminal, never a busy agent: a forgotten tab costs memory, a frozen agent costs a night's work. */
export function isIdle(facts: IdleFacts, now: number, timeoutMs: number): boolean {
  return facts.viewers === 0 && facts.busy === false && now - facts.lastActivityAt >= timeoutMs;
}

export function createIdleJob(options: {
  db: Db;
  engine: TaskEngine;
  log: Logger;
  /** 0 = off. */
  timeoutMs: number;
  viewers(sessionId: string): number;
  busy(sandboxId: string): Promise<boolean | null>;
  intervalMs?: number;
  now?: () => number;
}): Job {
  const { db, engine, log, timeoutMs, now = Date.now } = options;

  async function work(): Promise<void> {
    if (timeoutMs === 0) return;
    const quietSince = new Date(now() - timeoutMs);
    const candidates = await db.sandbox.findMany({
      where: {
        state: 'running',
        startedAt: { lte: quietSince },
        OR: [{ lastActivityAt: null }, { lastActivityAt: { lte: quietSince } }],
      },
      include: { sessions: { where: { state: { not: 'ended' } }, select: { id: true } } },
    });
    for (const sandbox of candidates) {
      const viewers = sandbox.sessions.reduce((sum, it) => sum + options.viewers(it.id), 0);
      const last = Math.max(sandbox.startedAt?.getTime() ?? 0, sandbox.lastActivityAt?.getTime() ?? 0);
      // Asked last: it costs a round trip into the sandbox.
      const busy = viewers === 0 ? await options.busy(sandbox.id).catch(() => null) : null;
      if (!isIdle({ viewers, busy, lastActivityAt: last }, now(), timeoutMs)) continue;
      await engine
        .request({
          kind: 'sandbox.pause',
          sandboxId: sandbox.id,
          actor: systemActor('idle'),
          // Somebody may have come back while we asked.
          expect: (row) => row.state === 'running' && (row.lastActivityAt?.getTime() ?? 0) <= last,
        })
        .then(
          () => log.info({ sandbox: sandbox.id }, 'idle: the sandbox is paused; opening it resumes it'),
          (thrown: unknown) =>
            log.debug({ err: toAppError(thrown), sandbox: sandbox.id }, 'idle pause refused'),
        );
    }
  }

  return createJob({ name: 'idle', intervalMs: options.intervalMs ?? IDLE_SCAN_MS, log, work });
}
