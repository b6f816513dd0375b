/** Pauses sandboxes that nobody looks at and in which nothing happens, when IDLE_TIMEOUT is set. */
import type { Logger } from 'pino';
import type { Sandbox } from '../../prisma/generated/client';
import { toAppError } from '../../shared/errors';
import { type Db, systemActor } from '../contracts';
import type { TaskEngine } from '../tasks/engine';
import { createJob, type Job } from './timer';

const IDLE_SCAN_MS = 30_000;

export interface IdleOptions {
  db: Db;
  engine: TaskEngine;
  log: Logger;
  /** 0 = never. */
  idleTimeoutMs: number;
  viewers: (sessionId: string) => number;
  /** Is Claude at work in it? Only asked of a sandbox that would be paused otherwise. */
  busy: (sandboxId: string) => Promise<boolean>;
  intervalMs?: number;
  now?: () => Date;
}

/** Since when nothing has happened, as far as the row tells. Pure. */
export function quietSince(row: Pick<Sandbox, 'lastActivityAt' | 'startedAt' | 'createdAt'>): Date {
  const times = [row.lastActivityAt, row.startedAt, row.createdAt].map((it) => it?.getTime() ?? 0);
  return new Date(Math.max(...times));
}

export function createIdleJob(options: IdleOptions): Job {
  const { db, engine, log, idleTimeoutMs, viewers, busy } = options;
  const now = options.now ?? (() => new Date());

  const idle = (row: Sandbox) => now().getTime() - quietSince(row).getTime() >= idleTimeoutMs;

  async function work(): Promise<void> {
    if (idleTimeoutMs <= 0) return;
    const rows = await db.sandbox.findMany({
      where: { state: 'running' },
      include: { sessions: { where: { state: { not: 'ended' } } } },
    });
    for (const row of rows) {
      if (!idle(row) || row.sessions.some((it) => viewers(it.id) > 0)) continue;
      // Not knowing counts as busy: a pause can wait, a turn that was cut cannot be had back.
      if (await busy(row.id).catch(() => true)) continue;
      await pause(row);
    }
  }

  async function pause(row: Sandbox): Promise<void> {
    try {
      await engine.request({
        kind: 'sandbox.pause',
        sandboxId: row.id,
        actor: systemActor('idle'),
        // Somebody may have come meanwhile: judged again under the lock.
        expect: (present) => present.state === 'running' && idle(present),
      });
    } catch (thrown) {
      const { code } = toAppError(thrown);
      if (code !== 'wrong_state' && code !== 'conflict' && code !== 'not_found')
        log.error({ sandbox: row.id, err: thrown }, 'idle sandbox not paused');
    }
  }

  return createJob({ name: 'idle', intervalMs: options.intervalMs ?? IDLE_SCAN_MS, log, work });
}
