import { z } from 'zod';
import {
  browserSessionViewSchema,
  layoutSchema,
  localeSchema,
  meSchema,
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
  /** The panes of one sandbox. */
  layout: procedure
    .input(z.object({ sandboxId: sandboxIdSchema }))
    .output(z.object({ layout: layoutSchema.nullable() }))
    .query(({ ctx, input }) => ctx.services.layouts.get(ctx.identity, input.sandboxId)),
  setLayout: procedure
    .input(z.object({ sandboxId: sandboxIdSchema, layout: layoutSchema }))
    .mutation(({ ctx, input }) => ctx.services.layouts.set(ctx.identity, input)),
});
