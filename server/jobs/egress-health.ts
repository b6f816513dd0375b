/** Tries ways out that serve nobody, so that their health is known before somebody needs them. Few at once, seldom. */
import type { Logger } from 'pino';
import { toAppError } from '../../shared/errors';
import type { Db } from '../contracts';
import { createJob, type Job } from './timer';

/** How late a test may be. */
const LOOK_EVERY_MS = 30_000;
/** Each has a container and a sing-box of its own for some seconds: two leave the host to the sandboxes. */
const TESTS_AT_ONCE = 2;
/** A red one that a cut-off sandbox of its pool waits for is tried again after this. */
export const AWAITED_EVERY_MS = 60_000;
/** A test that hangs is given up, so that the others get their turn. */
const TEST_LIMIT_MS = 120_000;
/** In these states a sandbox takes proofs by its way out, or will once it runs. */
const resting = ['stopped', 'error', 'deleting'];

export interface EgressHealthJob extends Job {
  /** Ids that are due, longest waiting first. */
  due(): Promise<string[]>;
}

export function createEgressHealthJob(options: {
  db: Db;
  log: Logger;
  /** From one test of a way out to its next; 0: off. */
  everyMs: number;
  /** Tests one and keeps what came of it; throws when it did not come to a proof. */
  test(id: string, signal: AbortSignal): Promise<unknown>;
  intervalMs?: number;
  now?: () => number;
}): EgressHealthJob {
  const { db, log, everyMs, now = Date.now } = options;
  const closing = new AbortController();
  /** Also of tests that came to nothing at all, as while the host agent is away. */
  const triedAt = new Map<string, number>();

  async function due(): Promise<string[]> {
    if (everyMs === 0) return [];
    const rows = await db.egress.findMany({
      where: { enabled: true, sandboxes: { none: { state: { notIn: resting } } } },
      select: {
        id: true,
        verdict: true,
        provenAt: true,
        members: { where: { pool: { failover: true, sandboxes: { some: { state: 'unavailable' } } } } },
      },
    });
    const waiting = rows.flatMap(({ id, verdict, provenAt, members }) => {
      const last = Math.max(provenAt?.getTime() ?? 0, triedAt.get(id) ?? 0);
      const every = verdict === 'red' && members.length > 0 ? Math.min(AWAITED_EVERY_MS, everyMs) : everyMs;
      return now() - last < every ? [] : [{ id, last }];
    });
    return waiting.sort((a, b) => a.last - b.last).map((it) => it.id);
  }

  async function tryOne(id: string): Promise<void> {
    triedAt.set(id, now());
    try {
      await options.test(id, AbortSignal.any([closing.signal, AbortSignal.timeout(TEST_LIMIT_MS)]));
    } catch (thrown) {
      // A way out that does not work was noted by the test; the rest is a host that is busy or away.
      const { code } = toAppError(thrown);
      if (!closing.signal.aborted)
        log.debug({ egress: id, code }, 'a way out that serves nobody has no proof');
    }
  }

  async function work(): Promise<void> {
    const left = await due();
    const known = new Set(left);
    for (const [id, at] of triedAt) if (!known.has(id) && now() - at > everyMs) triedAt.delete(id);
    const worker = async () => {
      for (let id = left.shift(); id !== undefined && !closing.signal.aborted; id = left.shift())
        await tryOne(id);
    };
    await Promise.all(Array.from({ length: TESTS_AT_ONCE }, worker));
  }

  const job = createJob({
    name: 'egress health',
    intervalMs: options.intervalMs ?? LOOK_EVERY_MS,
    log,
    work,
  });
  return {
    ...job,
    due,
    close() {
      closing.abort();
      return job.close();
    },
  };
}
