import { z } from 'zod';
import { sandboxNetworkViewSchema, trafficViewSchema } from '../../shared/egress-views';
import { proofSchema } from '../../shared/proof';
import { sandboxIdSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const bySandbox = z.object({ sandboxId: sandboxIdSchema });

export const networkRouter = router({
  ofSandbox: procedure
    .input(bySandbox)
    .output(sandboxNetworkViewSchema)
    .query(({ ctx, input }) => ctx.services.network.ofSandbox(ctx.identity, input.sandboxId)),
  proofs: procedure
    .input(bySandbox.extend({ limit: z.int().min(1).max(200).default(20) }))
    .output(z.array(proofSchema))
    .query(({ ctx, input }) => ctx.services.network.proofs(ctx.identity, input)),
  traffic: procedure
    .input(bySandbox)
    .output(trafficViewSchema)
    .query(({ ctx, input }) => ctx.services.network.traffic(ctx.identity, input.sandboxId)),
});
