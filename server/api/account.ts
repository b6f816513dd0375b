import { z } from 'zod';
import {
  apiTokenViewSchema,
  browserSessionViewSchema,
  layoutSchema,
  localeSchema,
  meSchema,
  nameSchema,
  passwordSchema,
  preferencesSchema,
  sandboxIdSchema,
  timezoneSchema,
} from '../../shared/views';
import { openProcedure, procedure, router } from './trpc';

export const accountRouter = router({
  me: openProcedure.output(meSchema).query(({ ctx }) => ctx.services.account.me(ctx.identity)),
  setPreferences: openProcedure
    .input(preferencesSchema.partial())
    .output(meSchema)
    .mutation(({ ctx, input }) => ctx.services.account.setPreferences(ctx.identity, input)),
  setRegion: procedure
    .input(z.object({ timezone: timezoneSchema, locale: localeSchema }))
    .output(meSchema)
    .mutation(({ ctx, input }) => ctx.services.account.setRegion(ctx.identity, input)),
  changePassword: openProcedure
    .input(z.object({ current: z.string().max(1024), next: passwordSchema }))
    .mutation(({ ctx, input }) => ctx.services.account.changePassword(ctx.identity, input)),
  browserSessions: procedure
    .output(z.array(browserSessionViewSchema))
    .query(({ ctx }) => ctx.services.account.browserSessions(ctx.identity)),
  revokeBrowserSession: procedure
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.account.revokeBrowserSession(ctx.identity, input.id)),
  tokens: procedure
    .output(z.array(apiTokenViewSchema))
    .query(({ ctx }) => ctx.services.account.tokens(ctx.identity)),
  createToken: procedure
    .input(z.object({ label: nameSchema, expiresInDays: z.int().min(1).max(3650).nullable() }))
    .output(z.object({ token: z.string(), view: apiTokenViewSchema }))
    .mutation(({ ctx, input }) => ctx.services.account.createToken(ctx.identity, input)),
  revokeToken: procedure
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.account.revokeToken(ctx.identity, input.id)),
  /** The panes of one sandbox. */
  layout: procedure
    .input(z.object({ sandboxId: sandboxIdSchema }))
    .output(z.object({ layout: layoutSchema.nullable() }))
    .query(({ ctx, input }) => ctx.services.layouts.get(ctx.identity, input.sandboxId)),
  setLayout: procedure
    .input(z.object({ sandboxId: sandboxIdSchema, layout: layoutSchema }))
    .mutation(({ ctx, input }) => ctx.services.layouts.set(ctx.identity, input)),
});
