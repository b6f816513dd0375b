import { z } from 'zod';
import { apiTokenViewSchema, createTokenSchema } from '../../shared/views';
import { procedure, router } from './trpc';

export const tokensRouter = router({
  list: procedure
    .output(z.array(apiTokenViewSchema))
    .query(({ ctx }) => ctx.services.tokens.list(ctx.identity)),
  create: procedure
    .input(createTokenSchema)
    .output(z.object({ token: z.string(), view: apiTokenViewSchema }))
    .mutation(({ ctx, input }) => ctx.services.tokens.create(ctx.identity, input)),
  revoke: procedure
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.tokens.revoke(ctx.identity, input.id)),
});
