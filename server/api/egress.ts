import { z } from 'zod';
import {
  bindingViewSchema,
  bindSchema,
  createEgressSchema,
  egressHistorySchema,
  egressViewSchema,
  IMPORT_TEXT_MAX_CHARS,
  importPreviewSchema,
  poolViewSchema,
  savePoolSchema,
  saveSubscriptionSchema,
  subscriptionViewSchema,
  updateEgressSchema,
} from '../../shared/egress-views';
import { proofSchema } from '../../shared/proof';
import { taskViewSchema } from '../../shared/views';
import { IMPORT_ENTRIES_MAX } from '../egress/import/entry';
import { procedure, router } from './trpc';

const byId = z.object({ id: z.string().max(64) });
const text = z.string().max(IMPORT_TEXT_MAX_CHARS);

/** Tests and proofs stream: they are on the REST side, as server-sent events. */
export const egressRouter = router({
  list: procedure
    .output(z.array(egressViewSchema))
    .query(({ ctx }) => ctx.services.egress.list(ctx.identity)),
  get: procedure
    .input(byId)
    .output(egressViewSchema)
    .query(({ ctx, input }) => ctx.services.egress.get(ctx.identity, input.id)),
  create: procedure
    .input(createEgressSchema)
    .output(egressViewSchema)
    .mutation(({ ctx, input }) => ctx.services.egress.create(ctx.identity, input)),
  update: procedure
    .input(updateEgressSchema)
    .output(egressViewSchema)
    .mutation(({ ctx, input }) => ctx.services.egress.update(ctx.identity, input)),
  remove: procedure
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.egress.remove(ctx.identity, input.id)),
  newWireguardKey: procedure
    .output(z.object({ keyId: z.string(), publicKey: z.string() }))
    .mutation(({ ctx }) => ctx.services.egress.newWireguardKey(ctx.identity)),
  previewImport: procedure
    .input(z.object({ text }))
    .output(importPreviewSchema)
    .mutation(({ ctx, input }) => ctx.services.egress.previewImport(ctx.identity, input)),
  import: procedure
    .input(z.object({ text, lines: z.array(z.int()).min(1).max(IMPORT_ENTRIES_MAX) }))
    .output(z.array(egressViewSchema))
    .mutation(({ ctx, input }) => ctx.services.egress.import(ctx.identity, input)),
  /** A mutation, as it is written down and must not be repeated or kept by anything on the way. */
  export: procedure
    .input(byId.extend({ format: z.enum(['link', 'wireguard', 'sing-box']) }))
    .output(z.object({ text: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.egress.export(ctx.identity, input)),
  history: procedure
    .input(byId)
    .output(egressHistorySchema)
    .query(({ ctx, input }) => ctx.services.egress.history(ctx.identity, input.id)),
  /** Newest first, also those of sandboxes that went by it. */
  proofs: procedure
    .input(byId.extend({ limit: z.int().min(1).max(200).default(20) }))
    .output(z.array(proofSchema))
    .query(({ ctx, input }) => ctx.services.egress.proofs(ctx.identity, input)),
  pools: procedure
    .output(z.array(poolViewSchema))
    .query(({ ctx }) => ctx.services.egress.pools(ctx.identity)),
  savePool: procedure
    .input(savePoolSchema)
    .output(poolViewSchema)
    .mutation(({ ctx, input }) => ctx.services.egress.savePool(ctx.identity, input)),
  removePool: procedure
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.egress.removePool(ctx.identity, input.id)),
  bindings: procedure
    .output(z.array(bindingViewSchema))
    .query(({ ctx }) => ctx.services.egress.bindings(ctx.identity)),
  bind: procedure
    .input(bindSchema)
    .output(z.array(taskViewSchema))
    .mutation(({ ctx, input }) => ctx.services.egress.bind(ctx.identity, input)),
  subscriptions: procedure
    .output(z.array(subscriptionViewSchema))
    .query(({ ctx }) => ctx.services.egress.subscriptions(ctx.identity)),
  saveSubscription: procedure
    .input(saveSubscriptionSchema)
    .output(subscriptionViewSchema)
    .mutation(({ ctx, input }) => ctx.services.egress.saveSubscription(ctx.identity, input)),
  refreshSubscription: procedure
    .input(byId)
    .output(subscriptionViewSchema)
    .mutation(({ ctx, input }) => ctx.services.egress.refreshSubscription(ctx.identity, input.id)),
  applySubscription: procedure
    .input(byId)
    .output(subscriptionViewSchema)
    .mutation(({ ctx, input }) => ctx.services.egress.applySubscription(ctx.identity, input.id)),
  removeSubscription: procedure
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.egress.removeSubscription(ctx.identity, input.id)),
});
