import { z } from 'zod';
import { taskStateSchema } from '../../shared/sandbox-state';
import { sandboxIdSchema, taskViewSchema } from '../../shared/views';
import { procedure, router } from './trpc';

export const tasksRouter = router({
  list: procedure
    .input(
      z.object({
        sandboxId: sandboxIdSchema.optional(),
        state: taskStateSchema.optional(),
        limit: z.int().min(1).max(200).default(50),
      }),
    )
    .output(z.array(taskViewSchema))
    .query(({ ctx, input }) => ctx.services.tasks.list(ctx.identity, input)),
  get: procedure
    .input(z.object({ id: z.string() }))
    .output(taskViewSchema)
    .query(({ ctx, input }) => ctx.services.tasks.get(ctx.identity, input.id)),
  cancel: procedure
    .input(z.object({ id: z.string() }))
    .output(taskViewSchema)
    .mutation(({ ctx, input }) => ctx.services.tasks.cancel(ctx.identity, input.id)),
});
