/** Subscriptions of ways out, fetched again when their time has come. */
import type { Logger } from 'pino';
import { createJob, type Job } from './timer';

/** How late a fetch may be; the shortest time between two of one subscription is 15 minutes. */
const LOOK_EVERY_MS = 60_000;

export function createSubscriptionsJob(options: {
  log: Logger;
  /** Fetches those that are due. */
  refreshDue(signal: AbortSignal): Promise<void>;
  intervalMs?: number;
}): Job {
  const closing = new AbortController();
  const job = createJob({
    name: 'subscriptions',
    intervalMs: options.intervalMs ?? LOOK_EVERY_MS,
    log: options.log,
    work: () => options.refreshDue(closing.signal),
  });
  return {
    ...job,
    close() {
      closing.abort();
      return job.close();
    },
  };
}
