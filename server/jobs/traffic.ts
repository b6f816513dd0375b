/** Fetches from the host agent what passed the sandboxes, before its ring forgets it. */
import type { Logger } from 'pino';
import { toAppError } from '../../shared/errors';
import type { Db } from '../contracts';
import type { TrafficStore } from '../services/network/traffic';
import { createJob, type Job } from './timer';

/**
 * The ring holds some four thousand connections and questions: enough for a hundred a second. Who looks at a sandbox's
 * traffic has it fetched at once, however often.
 */
export const TRAFFIC_PULL_MS = 30_000;
/** States in which something may have passed since the last time. */
const states = ['running', 'unavailable', 'paused', 'pausing', 'resuming', 'stopping', 'error'];

export function createTrafficJob(options: {
  db: Db;
  traffic: Pick<TrafficStore, 'collect'>;
  log: Logger;
  intervalMs?: number;
}): Job {
  const { db, traffic, log } = options;
  const closing = new AbortController();

  async function work(): Promise<void> {
    const sandboxes = await db.sandbox.findMany({
      where: { state: { in: states } },
      select: { id: true },
    });
    for (const { id } of sandboxes) {
      if (closing.signal.aborted) return;
      try {
        await traffic.collect(id, closing.signal);
      } catch (thrown) {
        const error = toAppError(thrown);
        log.debug({ sandbox: id, err: error }, 'its traffic could not be fetched; the next time it is');
        // Nor would the others be.
        if (error.code === 'agent_unreachable') return;
      }
    }
  }

  const job = createJob({ name: 'traffic', intervalMs: options.intervalMs ?? TRAFFIC_PULL_MS, log, work });
  return {
    ...job,
    close() {
      closing.abort(new Error('the gateway is closing'));
      return job.close();
    },
  };
}
