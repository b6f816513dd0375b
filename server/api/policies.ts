import { z } from 'zod';
import {
  policyPreviewSchema,
  policyTargets,
  policyVersionSchema,
  policyViewSchema,
  presetPreviewSchema,
  savePolicySchema,
} from '../../shared/egress-views';
import { presetVersionSchema, presetViewSchema, savePresetSchema } from '../../shared/policy-presets';
import { sandboxIdSchema, taskViewSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const place = z.object({ target: z.enum(policyTargets), targetId: z.string().max(64) });
const applied = z.object({ policy: policyViewSchema, tasks: z.array(taskViewSchema) });

const byId = z.object({ id: z.string().max(64) });
const savedPreset = z.object({ preset: presetViewSchema, tasks: z.array(taskViewSchema) });

export const policiesRouter = router({
  list: procedure
    .output(z.array(policyViewSchema))
    .query(({ ctx }) => ctx.services.policies.list(ctx.identity)),
  get: procedure
    .input(place)
    .output(policyViewSchema)
    .query(({ ctx, input }) => ctx.services.policies.get(ctx.identity, input)),
  /** A mutation by method only: a policy may be too long for an address. Nothing is changed. */
  preview: procedure
    .input(savePolicySchema)
    .output(policyPreviewSchema)
    .mutation(({ ctx, input }) => ctx.services.policies.preview(ctx.identity, input)),
  /** Named for what tRPC allows: `apply` is a word of its own there. */
  save: procedure
    .input(savePolicySchema)
    .output(applied)
    .mutation(({ ctx, input }) => ctx.services.policies.apply(ctx.identity, input)),
  versions: procedure
    .input(place)
    .output(z.array(policyVersionSchema))
    .query(({ ctx, input }) => ctx.services.policies.versions(ctx.identity, input)),
  rollBack: procedure
    .input(place.extend({ version: z.int().min(1) }))
    .output(applied)
    .mutation(({ ctx, input }) => ctx.services.policies.rollBack(ctx.identity, input)),
  allow: procedure
    .input(z.object({ sandboxId: sandboxIdSchema, host: z.string().max(253) }))
    .output(z.array(taskViewSchema))
    .mutation(({ ctx, input }) => ctx.services.policies.allow(ctx.identity, input)),
  presets: procedure
    .output(z.array(presetViewSchema))
    .query(({ ctx }) => ctx.services.policies.presets(ctx.identity)),
  previewPreset: procedure
    .input(savePresetSchema)
    .output(presetPreviewSchema)
    .mutation(({ ctx, input }) => ctx.services.policies.previewPreset(ctx.identity, input)),
  savePreset: procedure
    .input(savePresetSchema)
    .output(savedPreset)
    .mutation(({ ctx, input }) => ctx.services.policies.savePreset(ctx.identity, input)),
  presetVersions: procedure
    .input(byId)
    .output(z.array(presetVersionSchema))
    .query(({ ctx, input }) => ctx.services.policies.presetVersions(ctx.identity, input.id)),
  rollBackPreset: procedure
    .input(byId.extend({ version: z.int().min(1) }))
    .output(savedPreset)
    .mutation(({ ctx, input }) => ctx.services.policies.rollBackPreset(ctx.identity, input)),
  removePreset: procedure
    .input(byId)
    .mutation(({ ctx, input }) => ctx.services.policies.removePreset(ctx.identity, input.id)),
});
