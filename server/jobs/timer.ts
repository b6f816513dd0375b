/** Jobs: work that nobody asks for and that only the clock starts. */
import type { Logger } from 'pino';

export interface Job {
  start(): void;
  /** Looks once now; resolves when it is done. */
  run(): Promise<void>;
  close(): Promise<void>;
}

/** Runs `work` at start and again `intervalMs` after each end, so that a slow run is never overtaken by the next. */
export function createJob(options: {
  name: string;
  intervalMs: number;
  log: Logger;
  work(): Promise<void>;
}): Job {
  const { name, log } = options;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  function run(): Promise<void> {
    running ??= options.work().finally(() => {
      running = undefined;
    });
    return running;
  }

  async function tick(): Promise<void> {
    await run().catch((err: unknown) =>
      log.error({ err, job: name }, 'job failed; it runs again at its next time'),
    );
    if (!closed) timer = setTimeout(() => void tick(), options.intervalMs);
  }

  return {
    start: () => void tick(),
    run,
    async close() {
      closed = true;
      clearTimeout(timer);
      await running?.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
