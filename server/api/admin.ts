import { z } from 'zod';
import { auditViewSchema, healthViewSchema } from '../../shared/views';
import { procedure, router } from './trpc';

export const adminRouter = router({
  health: procedure.output(healthViewSchema).query(({ ctx }) => ctx.services.admin.health(ctx.identity)),
  audit: procedure
    .input(
      z.object({
        type: z.string().max(64).optional(),
        before: z.iso.datetime().optional(),
        /** Of the last event that the caller has: several may share one time. */
        beforeId: z.string().max(64).optional(),
        limit: z.int().min(1).max(200).default(50),
      }),
    )
    .output(z.array(auditViewSchema))
    .query(({ ctx, input }) => ctx.services.admin.audit(ctx.identity, input)),
});
