/** Jobs: work by the clock. Each looks at the rows anew, so that a missed or a doubled run does no harm. */
import type { Logger } from 'pino';

export interface Job {
  start(): void;
  /** One run now; joins one that is at work. Throws what the run throws. */
  run(): Promise<void>;
  close(): Promise<void>;
}

export function createJob(options: {
  name: string;
  intervalMs: number;
  log: Logger;
  work: (signal: AbortSignal) => Promise<void>;
}): Job {
  const { name, intervalMs, log, work } = options;
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function run(): Promise<void> {
    running ??= work(closing.signal).finally(() => {
      running = undefined;
    });
    return running;
  }
  function tick(): void {
    run().catch((err: unknown) => log.error({ job: name, err }, 'job failed'));
  }

  return {
    start() {
      tick();
      timer = setInterval(tick, intervalMs);
    },
    run,
    async close() {
      closing.abort();
      clearInterval(timer);
      await running?.catch(() => {});
    },
  };
}
