import type { Logger } from 'pino';
import { toAppError } from '../../shared/errors';
import { type Actor, type Audit, type Db, systemActor } from '../contracts';
import type { TaskEngine } from '../tasks/engine';

/** States in which something of the sandbox may still run. */
const mayRun = ['running', 'paused', 'unavailable'];

/**
 * Asks for a stop of everything a user owns that runs. A sandbox that another task works on just now refuses; the
 * callers repeat themselves (the expiry job on its timer, an administrator by looking).
 */
export function createStopSandboxesOf(options: { db: Db; engine: TaskEngine; audit: Audit; log: Logger }) {
  const { db, engine, audit, log } = options;
  return async (
    userId: string,
    cause: { reason: string; auditType: string; actor?: Actor },
  ): Promise<number> => {
    const actor = cause.actor ?? systemActor('stop');
    const sandboxes = await db.sandbox.findMany({
      // What is to be stopped already was asked for; the reconciler sees to it.
      where: { ownerId: userId, state: { in: mayRun }, desiredPower: { not: 'stopped' } },
    });
    let stopped = 0;
    for (const sandbox of sandboxes) {
      try {
        await engine.request({ kind: 'sandbox.stop', sandboxId: sandbox.id, actor });
        await audit.record(db, {
          type: cause.auditType,
          actor,
          target: { type: 'sandbox', id: sandbox.id, name: sandbox.name },
          message: `${sandbox.name} is stopped: ${cause.reason}`,
        });
        stopped += 1;
      } catch (thrown) {
        log.warn(
          { err: toAppError(thrown), sandbox: sandbox.id },
          'could not stop a sandbox; it is tried again',
        );
      }
    }
    return stopped;
  };
}
export type StopSandboxesOf = ReturnType<typeof createStopSandboxesOf>;
