import { z } from 'zod';
import {
  createSandboxSchema,
  sandboxIdSchema,
  sandboxViewSchema,
  taskViewSchema,
  updateSandboxSchema,
} from '../../shared/views';
import { procedure, router } from './trpc';

const idempotencyKey = z.string().min(8).max(128).optional();

export const sandboxesRouter = router({
  list: procedure
    .input(z.object({ all: z.boolean().optional(), workspaceId: z.string().optional() }))
    .output(z.array(sandboxViewSchema))
    .query(({ ctx, input }) => ctx.services.sandboxes.list(ctx.identity, input)),
  get: procedure
    .input(z.object({ id: sandboxIdSchema }))
    .output(sandboxViewSchema)
    .query(({ ctx, input }) => ctx.services.sandboxes.get(ctx.identity, input.id)),
  create: procedure
    .input(createSandboxSchema)
    .output(sandboxViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sandboxes.create(ctx.identity, input)),
  update: procedure
    .input(updateSandboxSchema)
    .output(sandboxViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sandboxes.update(ctx.identity, input)),
  request: procedure
    .input(
      z.object({
        id: sandboxIdSchema,
        action: z.enum(['start', 'stop', 'pause', 'resume', 'rebuild', 'retry']),
        idempotencyKey,
      }),
    )
    .output(taskViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sandboxes.request(ctx.identity, input)),
  remove: procedure
    .input(z.object({ id: sandboxIdSchema, idempotencyKey }))
    .output(taskViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sandboxes.remove(ctx.identity, input)),
  usage: procedure
    .input(z.object({ id: sandboxIdSchema }))
    .output(
      z.object({
        cpuMs: z.number(),
        memoryBytes: z.number(),
        pids: z.int(),
        rxBytes: z.number(),
        txBytes: z.number(),
        at: z.string(),
      }),
    )
    .query(({ ctx, input }) => ctx.services.sandboxes.usage(ctx.identity, input.id)),
});
