/** A task's row as readers see it. */
import type { Task, TaskStep } from '../../../prisma/generated/client';
import { taskKindSchema, taskStateSchema } from '../../../shared/sandbox-state';
import { stepViewSchema, type TaskView } from '../../../shared/views';
import { stepTitle } from '../../tasks/plan';

export type TaskWithSteps = Task & { steps: TaskStep[] };
export const withSteps = { steps: { orderBy: { position: 'asc' as const } } };

export function taskView(row: TaskWithSteps): TaskView {
  const kind = taskKindSchema.parse(row.kind);
  return {
    id: row.id,
    kind,
    state: taskStateSchema.parse(row.state),
    sandboxId: row.sandboxId,
    sandboxName: row.sandboxName,
    requestedBy: row.requestedBy,
    attempt: row.attempt,
    maxAttempts: Math.max(row.maxAttempts, row.attempt),
    nextRunAt: row.state === 'queued' && row.attempt > 0 ? row.nextRunAt.toISOString() : null,
    cancelRequested: row.cancelRequested,
    errorCode: row.errorCode,
    errorMessage: row.errorMessage,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    steps: row.steps.map((step) => ({
      name: step.name,
      title: stepTitle(step.name, kind),
      state: stepViewSchema.shape.state.parse(step.state),
      message: step.message,
      startedAt: step.startedAt?.toISOString() ?? null,
      finishedAt: step.finishedAt?.toISOString() ?? null,
    })),
  };
}
