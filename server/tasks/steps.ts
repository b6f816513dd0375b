/** Writes the steps of one attempt, in the order in which they happened. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Task } from '../../prisma/generated/client';
import type { AgentStep } from '../../shared/agent-api';
import type { Db, Live } from '../contracts';
import { about } from './enqueue';

/**
 * Steps are written at most this often: each write is a transaction, and the quick steps of a start would keep the
 * gateway busy just when its user waits. Nobody sees the difference.
 */
const WRITE_EVERY_MS = 60;

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

export interface Steps {
  /** Everything back to `waiting`: an attempt works from the start. */
  reset(): void;
  begin(name: string): void;
  end(name: string, state: StepState, message?: string): void;
  /** What is seen in a step that runs. */
  note(name: string, message: string): void;
  /** An event of the agent. One for a step that this task does not have is left out. */
  agent(event: AgentStep): void;
  /** Resolves when all is written. */
  settled(): Promise<void>;
}

interface Change {
  where: { name?: string; state?: StepState };
  data: Record<string, unknown>;
}

export function createSteps(deps: { db: Db; live: Live }, task: Task, workspaceId: string | null): Steps {
  const update = {
    ...about(task, workspaceId === null ? null : { workspaceId }),
    action: 'updated' as const,
  };
  let pending: Change[] = [];
  let writing: Promise<void> | undefined;
  let failure: unknown;
  /** Aborted when somebody waits for the end. */
  let hurry = new AbortController();

  /** All that is pending in one transaction, in order; then a pause in which more may come. */
  async function drain(): Promise<void> {
    while (pending.length > 0) {
      const changes = pending;
      pending = [];
      await deps.db.$transaction(async (tx) => {
        let changed = 0;
        for (const { where, data } of changes)
          changed += (await tx.taskStep.updateMany({ where: { taskId: task.id, ...where }, data })).count;
        if (changed > 0) await deps.live.record(tx, update);
      });
      deps.live.flush();
      await delay(WRITE_EVERY_MS, undefined, { signal: hurry.signal }).catch(() => {});
    }
  }

  function write(where: Change['where'], data: Change['data']): void {
    const last = pending.at(-1);
    // The end of a step that began just now: one write.
    if (last?.where.name !== undefined && last.where.name === where.name && !last.where.state && !where.state)
      last.data = { ...last.data, ...data };
    else pending.push({ where, data });
    writing ??= drain()
      .catch((thrown: unknown) => {
        failure = thrown;
        pending = [];
      })
      .finally(() => {
        writing = undefined;
      });
  }

  async function settled(): Promise<void> {
    hurry.abort();
    while (writing) await writing;
    hurry = new AbortController();
    if (failure !== undefined) throw failure;
  }

  return {
    reset: () => {
      write({}, { state: 'waiting', message: null, startedAt: null, finishedAt: null });
    },
    begin: (name) => write({ name }, { state: 'running', startedAt: new Date(), finishedAt: null }),
    end: (name, state, message) =>
      write({ name }, { state, message: message ?? null, finishedAt: new Date() }),
    note: (name, message) => write({ name, state: 'running' }, { message }),
    agent: (event) => {
      const at = new Date(event.at);
      if (event.state === 'started') write({ name: event.step }, { state: 'running', startedAt: at });
      else
        write({ name: event.step }, { state: event.state, message: event.message ?? null, finishedAt: at });
    },
    settled,
  };
}
