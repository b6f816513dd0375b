import { z } from 'zod';
import {
  createProviderSchema,
  providerProbeSchema,
  providerViewSchema,
  updateProviderSchema,
} from '../../shared/providers';
import { modelSchema } from '../../shared/sandboxd-api';
import { procedure, router } from './trpc';

const id = z.string().max(64);

export const providersRouter = router({
  list: procedure
    .output(z.array(providerViewSchema))
    .query(({ ctx }) => ctx.services.providers.list(ctx.identity)),
  create: procedure
    .input(createProviderSchema)
    .output(providerViewSchema)
    .mutation(({ ctx, input }) => ctx.services.providers.create(ctx.identity, input)),
  update: procedure
    .input(updateProviderSchema)
    .output(providerViewSchema)
    .mutation(({ ctx, input }) => ctx.services.providers.update(ctx.identity, input)),
  remove: procedure
    .input(z.object({ id }))
    .mutation(({ ctx, input }) => ctx.services.providers.remove(ctx.identity, input.id)),
  /** Makes one small request to it: a mutation, as it may cost a token. */
  probe: procedure
    .input(z.object({ id, model: modelSchema.optional() }))
    .output(providerProbeSchema)
    .mutation(({ ctx, input }) => ctx.services.providers.probe(ctx.identity, input)),
});
