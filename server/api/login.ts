import { z } from 'zod';
import { loginCodeSchema, loginViewSchema } from '../../shared/providers';
import { sandboxIdSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const place = z.object({ sandboxId: sandboxIdSchema });

export const loginRouter = router({
  start: procedure
    .input(place)
    .output(loginViewSchema)
    .mutation(({ ctx, input }) => ctx.services.login.start(ctx.identity, input.sandboxId)),
  code: procedure
    .input(place.extend({ code: loginCodeSchema }))
    .output(loginViewSchema)
    .mutation(({ ctx, input }) => ctx.services.login.code(ctx.identity, input)),
  cancel: procedure
    .input(place)
    .output(loginViewSchema)
    .mutation(({ ctx, input }) => ctx.services.login.cancel(ctx.identity, input.sandboxId)),
  status: procedure
    .input(place)
    .output(loginViewSchema)
    .query(({ ctx, input }) => ctx.services.login.status(ctx.identity, input.sandboxId)),
});
