/** Writes the steps of one attempt, in the order in which they happened. */
import type { Task } from '../../prisma/generated/client';
import type { AgentStep } from '../../shared/agent-api';
import type { Db, Live } from '../contracts';
import { about } from './enqueue';

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

export interface Steps {
  /** Everything back to `waiting`: an attempt works from the start. */
  reset(): Promise<void>;
  begin(name: string): void;
  end(name: string, state: StepState, message?: string): void;
  /** What is seen in a step that runs. */
  note(name: string, message: string): void;
  /** An event of the agent. One for a step that this task does not have is left out. */
  agent(event: AgentStep): void;
  /** Resolves when all is written. */
  settled(): Promise<void>;
}

export function createSteps(deps: { db: Db; live: Live }, task: Task, workspaceId: string | null): Steps {
  let chain: Promise<void> = Promise.resolve();
  const update = {
    ...about(task, workspaceId === null ? null : { workspaceId }),
    action: 'updated' as const,
  };

  function write(where: { name?: string; state?: StepState }, data: Record<string, unknown>): void {
    chain = chain.then(async () => {
      await deps.db.$transaction(async (tx) => {
        const changed = await tx.taskStep.updateMany({ where: { taskId: task.id, ...where }, data });
        if (changed.count > 0) await deps.live.record(tx, update);
      });
      deps.live.flush();
    });
    // Reported by settled(); without this a failed write would count as an unhandled rejection meanwhile.
    chain.catch(() => {});
  }

  return {
    reset: () => {
      write({}, { state: 'waiting', message: null, startedAt: null, finishedAt: null });
      return chain;
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
    settled: () => chain,
  };
}
