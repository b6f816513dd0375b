/** When a sandbox and its sessions were last used: gathered in memory, written in one go. */
import type { Logger } from 'pino';
import type { Db, Live } from '../contracts';

/** Idle judgement works in minutes, so one write per sandbox and interval is exact enough. */
const FLUSH_MS = 10_000;

export interface Activity {
  touch(sandboxId: string, sessionId?: string): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function createActivity(options: { db: Db; live: Live; log: Logger }): Activity {
  const { db, live, log } = options;
  let sandboxes = new Map<string, Date>();
  let sessions = new Map<string, Date>();

  async function flush(): Promise<void> {
    const [seenSandboxes, seenSessions] = [sandboxes, sessions];
    if (seenSandboxes.size === 0) return;
    sandboxes = new Map();
    sessions = new Map();
    await db.$transaction(async (tx) => {
      for (const [id, at] of seenSandboxes) {
        // updateMany: the row may be gone by now.
        const { count } = await tx.sandbox.updateMany({ where: { id }, data: { lastActivityAt: at } });
        if (count > 0)
          await live.record(tx, { topic: 'sandbox', action: 'updated', subject: id, sandboxId: id });
      }
      for (const [id, at] of seenSessions) {
        await tx.session.updateMany({ where: { id }, data: { lastActivityAt: at } });
      }
    });
    live.flush();
  }

  const timer = setInterval(() => {
    void flush().catch((error: unknown) => log.warn({ err: error }, 'activity was not written'));
  }, FLUSH_MS);
  timer.unref();

  return {
    touch(sandboxId, sessionId) {
      const now = new Date();
      sandboxes.set(sandboxId, now);
      if (sessionId !== undefined) sessions.set(sessionId, now);
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
