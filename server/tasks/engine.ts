/**
 * The task engine: every change of a sandbox is a durable row with a lease, worked on by one worker at a time,
 * tried again where that helps, and taken over when its gateway was killed. Work is convergence (`ensure`), so
 * that starting over from the top is always right.
 */
import type { Task } from '../../prisma/generated/client';
import { AppError } from '../../shared/errors';
import type { Actor, DbOrTx } from '../contracts';
import { type Attempt, type AttemptDeps, runAttempt, type Timings } from './attempt';
import { cancelTask } from './cancel';
import { type Enqueued, enqueue, findByKey, type TaskRequest } from './enqueue';
import {
  type Claimed,
  claimNext,
  freeLeasesOfDead,
  LEASE_MS,
  LeaseLost,
  nextDue,
  release,
  renew,
} from './lease';
import { RETRY_BASE_MS } from './retry';
import { finishTask } from './settle';

/** Sandboxes worked on at once. Each attempt mostly waits for Docker; more would only make all of them slower. */
const CONCURRENT_TASKS = 4;
/** Attempts after which a task that breaks our own code is given up: as often as any error is tried. */
const BROKEN_ATTEMPTS = 10;

const defaultTimings: Timings = {
  leaseMs: LEASE_MS,
  retryBaseMs: RETRY_BASE_MS,
  // Longer than any one step takes: the longest is a container that is stopped with its grace period.
  stepLimitMs: 180_000,
  observeMs: 10_000,
  pollMs: 5_000,
};

export interface TaskEngineOptions extends Omit<AttemptDeps, 'timings'> {
  concurrency?: number;
  timings?: Partial<Timings>;
}

export interface TaskEngine {
  start(): void;
  /** Look now: something was enqueued or canceled. */
  wake(): void;
  /** In the caller's own transaction; call `committed()` after it. */
  enqueue(tx: DbOrTx, request: TaskRequest): Promise<Enqueued>;
  committed(): void;
  /** `enqueue` in a transaction of its own. */
  request(request: TaskRequest): Promise<Task>;
  cancel(id: string, actor: Actor): Promise<Task>;
  /** The task that this actor made with this key before. Throws `idempotency_mismatch`. */
  known(asked: { actor: Actor; key: string | undefined; fingerprint: unknown }): Promise<Task | null>;
  /** Tasks at work in this process, for health and tests. */
  active(): number;
  /** Stops working; what is unfinished is given back and goes on with the next start. */
  close(): Promise<void>;
}

export function createTaskEngine(options: TaskEngineOptions): TaskEngine {
  const { db, live, log } = options;
  const timings = { ...defaultTimings, ...options.timings };
  const concurrency = options.concurrency ?? CONCURRENT_TASKS;
  const deps: AttemptDeps = { ...options, timings };
  const running = new Map<string, { controller: AbortController; done: Promise<void> }>();
  let started = false;
  /** The leases of a gateway that was killed before this one started were looked at. */
  let inherited = false;
  let closed = false;
  let pumping: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;

  function wake(): void {
    if (!started || closed) return;
    again = true;
    pumping ??= pump().finally(() => {
      pumping = undefined;
      // A wake between the last look and here would otherwise wait for the timer.
      if (again) wake();
    });
  }

  async function pump(): Promise<void> {
    clearTimeout(timer);
    while (again && !closed) {
      again = false;
      try {
        await fill();
      } catch (thrown) {
        log.error({ err: thrown }, 'could not look for tasks');
      }
    }
    if (closed) return;
    timer = setTimeout(wake, await untilNext());
  }

  async function fill(): Promise<void> {
    if (!inherited) {
      const freed = await freeLeasesOfDead(db);
      inherited = true;
      if (freed > 0) log.info({ tasks: freed }, 'took over the tasks of a gateway that was killed');
    }
    while (running.size < concurrency && !closed) {
      const claimed = await claimNext(db, timings.leaseMs);
      if (!claimed) return;
      const controller = new AbortController();
      const done = work(claimed, controller).finally(() => {
        running.delete(claimed.task.id);
        wake();
      });
      running.set(claimed.task.id, { controller, done });
    }
  }

  async function untilNext(): Promise<number> {
    // With all hands busy only the end of one makes room, and that wakes.
    if (running.size >= concurrency) return timings.pollMs;
    const due = await nextDue(db).catch(() => null);
    return Math.min(timings.pollMs, Math.max(due ?? timings.pollMs, 5));
  }

  async function work(claimed: Claimed, controller: AbortController): Promise<void> {
    const { task, token } = claimed;
    const held = { id: task.id, token };
    const attempt: Attempt = { task, token, signal: controller.signal };
    const heartbeat = setInterval(() => {
      renew(db, { ...held, leaseMs: timings.leaseMs }).then(
        (state) => {
          if (state === 'lost') controller.abort(new LeaseLost());
          else if (state === 'cancel') controller.abort(new AppError('canceled'));
        },
        (thrown: unknown) => log.warn({ task: task.id, err: thrown }, 'could not renew a lease'),
      );
    }, timings.leaseMs / 3);
    try {
      await runAttempt(deps, attempt);
      if (controller.signal.reason instanceof Closing) await release(db, held, { nextRunAt: new Date() });
    } catch (thrown) {
      // A lost lease needs no word.
      if (!(thrown instanceof LeaseLost)) await brokeOff(claimed, thrown);
    } finally {
      clearInterval(heartbeat);
    }
  }

  /** A fault of ours, such as a full disk: the lease runs out and the work is taken up again, but not for ever. */
  async function brokeOff({ task, token }: Claimed, thrown: unknown): Promise<void> {
    log.error({ task: task.id, err: thrown }, 'task attempt broke off');
    if (task.attempt < BROKEN_ATTEMPTS) return;
    const { code, message } = new AppError('internal');
    const ending = { outcome: { type: 'failed' as const, code, message }, observed: null };
    await finishTask(deps, { task, token }, ending).catch((err: unknown) =>
      log.error({ task: task.id, err }, 'task could not be ended'),
    );
  }

  const engine: TaskEngine = {
    start() {
      started = true;
      wake();
    },
    wake,
    enqueue: (tx, request) => enqueue(deps, tx, request),
    committed() {
      live.flush();
      wake();
    },
    async request(request) {
      const run = () => db.$transaction((tx) => enqueue(deps, tx, request));
      // Two requests with one key at the same moment: the second finds the first one's task.
      const { task } = await run().catch((thrown: unknown) => {
        if (isUniqueViolation(thrown)) return run();
        throw thrown;
      });
      engine.committed();
      interruptCanceled();
      return task;
    },
    async cancel(id, actor) {
      const task = await db.$transaction((tx) => cancelTask(deps, tx, { id, actor }));
      if (task.cancelRequested) running.get(id)?.controller.abort(new AppError('canceled'));
      engine.committed();
      return task;
    },
    known: async ({ actor, key, fingerprint }) =>
      key === undefined ? null : findByKey(db, { actor, key, fingerprint }),
    active: () => running.size,
    async close() {
      closed = true;
      clearTimeout(timer);
      for (const { controller } of running.values()) controller.abort(new Closing());
      await Promise.all([pumping, ...[...running.values()].map((it) => it.done)]);
      clearTimeout(timer);
    },
  };

  /** A delete asks the live task to give way; here it hears of it now instead of with its next heartbeat. */
  function interruptCanceled(): void {
    if (running.size === 0) return;
    const asked = db.task.findMany({
      where: { id: { in: [...running.keys()] }, cancelRequested: true },
      select: { id: true },
    });
    asked.then(
      (rows) => {
        for (const row of rows) running.get(row.id)?.controller.abort(new AppError('canceled'));
      },
      (thrown: unknown) => log.warn({ err: thrown }, 'could not look for canceled tasks'),
    );
  }
  return engine;
}

/** The gateway goes down in order: give the work back. */
class Closing extends Error {}

export function isUniqueViolation(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'P2002';
}
