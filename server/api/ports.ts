import { z } from 'zod';
import { portMappingSchema, portMappingsSchema, portNumberSchema, portViewSchema } from '../../shared/ports';
import { sandboxIdSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const place = z.object({ sandboxId: sandboxIdSchema });

export const portsRouter = router({
  list: procedure
    .input(place)
    .output(z.array(portViewSchema))
    .query(({ ctx, input }) => ctx.services.ports.list(ctx.identity, input.sandboxId)),
  mappings: procedure
    .input(place)
    .output(portMappingsSchema)
    .query(({ ctx, input }) => ctx.services.ports.mappings(ctx.identity, input)),
  expose: procedure
    .input(place.extend({ internalPort: portNumberSchema }))
    .output(portMappingSchema)
    .mutation(async ({ ctx, input }) => (await ctx.services.ports.expose(ctx.identity, input)).mapping),
  unexpose: procedure
    .input(z.object({ hostPort: portNumberSchema }))
    .mutation(({ ctx, input }) => ctx.services.ports.unexpose(ctx.identity, input.hostPort)),
});
