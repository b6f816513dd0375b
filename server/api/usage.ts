import { z } from 'zod';
import { sandboxIdSchema, sessionIdSchema } from '../../shared/names';
import {
  budgetViewSchema,
  modelPriceSchema,
  priceViewSchema,
  setBudgetSchema,
  USAGE_PAGE_MAX,
  usageQuerySchema,
  usageRequestSchema,
  usageSumSchema,
} from '../../shared/usage';
import { procedure, router } from './trpc';

export const usageRouter = router({
  sums: procedure
    .input(usageQuerySchema)
    .output(z.array(usageSumSchema))
    .query(({ ctx, input }) => ctx.services.usage.sums(ctx.identity, input)),
  requests: procedure
    .input(
      z.object({
        sandboxId: sandboxIdSchema,
        sessionId: sessionIdSchema.optional(),
        before: z.iso.datetime().optional(),
        limit: z.int().min(1).max(USAGE_PAGE_MAX).default(50),
      }),
    )
    .output(z.array(usageRequestSchema))
    .query(({ ctx, input }) => ctx.services.usage.requests(ctx.identity, input)),
  budgets: procedure
    .output(z.array(budgetViewSchema))
    .query(({ ctx }) => ctx.services.usage.budgets(ctx.identity)),
  setBudget: procedure
    .input(setBudgetSchema)
    .output(z.array(budgetViewSchema))
    .mutation(({ ctx, input }) => ctx.services.usage.setBudget(ctx.identity, input)),
  prices: procedure
    .output(z.array(priceViewSchema))
    .query(({ ctx }) => ctx.services.usage.prices(ctx.identity)),
  setPrice: procedure
    .input(modelPriceSchema)
    .output(z.array(priceViewSchema))
    .mutation(({ ctx, input }) => ctx.services.usage.setPrice(ctx.identity, input)),
  removePrice: procedure
    .input(modelPriceSchema.pick({ model: true, since: true }))
    .output(z.array(priceViewSchema))
    .mutation(({ ctx, input }) => ctx.services.usage.removePrice(ctx.identity, input)),
});
