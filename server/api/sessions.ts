import { z } from 'zod';
import {
  createSessionSchema,
  nameSchema,
  sandboxIdSchema,
  sessionIdSchema,
  sessionOptionsSchema,
  sessionViewSchema,
} from '../../shared/views';
import { procedure, router } from './trpc';

export const sessionsRouter = router({
  list: procedure
    .input(z.object({ sandboxId: sandboxIdSchema.optional() }))
    .output(z.array(sessionViewSchema))
    .query(({ ctx, input }) => ctx.services.sessions.list(ctx.identity, input)),
  create: procedure
    .input(createSessionSchema)
    .output(sessionViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sessions.create(ctx.identity, input)),
  rename: procedure
    .input(z.object({ id: sessionIdSchema, name: nameSchema }))
    .output(sessionViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sessions.rename(ctx.identity, input)),
  end: procedure
    .input(z.object({ id: sessionIdSchema }))
    .output(sessionViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sessions.end(ctx.identity, input.id)),
  setOptions: procedure
    .input(sessionOptionsSchema)
    .output(sessionViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sessionOptions.set(ctx.identity, input)),
});
