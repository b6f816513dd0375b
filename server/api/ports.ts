import { z } from 'zod';
import { portViewSchema } from '../../shared/ports';
import { sandboxIdSchema } from '../../shared/views';
import { procedure, router } from './trpc';

export const portsRouter = router({
  list: procedure
    .input(z.object({ sandboxId: sandboxIdSchema }))
    .output(z.array(portViewSchema))
    .query(({ ctx, input }) => ctx.services.ports.list(ctx.identity, input.sandboxId)),
});
