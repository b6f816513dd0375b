import { z } from 'zod';
import { passwordSchema, roleSchema, usernameSchema, userViewSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const expiry = z.iso.datetime().nullable();

export const usersRouter = router({
  list: procedure.output(z.array(userViewSchema)).query(({ ctx }) => ctx.services.users.list(ctx.identity)),
  create: procedure
    .input(
      z.object({
        username: usernameSchema,
        password: passwordSchema.optional(),
        role: roleSchema,
        expiresAt: expiry,
      }),
    )
    .output(z.object({ user: userViewSchema, password: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.users.create(ctx.identity, input)),
  setStatus: procedure
    .input(z.object({ id: z.string(), status: z.enum(['active', 'disabled']) }))
    .output(userViewSchema)
    .mutation(({ ctx, input }) => ctx.services.users.setStatus(ctx.identity, input)),
  setRole: procedure
    .input(z.object({ id: z.string(), role: roleSchema }))
    .output(userViewSchema)
    .mutation(({ ctx, input }) => ctx.services.users.setRole(ctx.identity, input)),
  setExpiry: procedure
    .input(z.object({ id: z.string(), expiresAt: expiry }))
    .output(userViewSchema)
    .mutation(({ ctx, input }) => ctx.services.users.setExpiry(ctx.identity, input)),
  resetPassword: procedure
    .input(z.object({ id: z.string(), password: passwordSchema.optional() }))
    .output(z.object({ password: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.users.resetPassword(ctx.identity, input)),
  remove: procedure
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.users.remove(ctx.identity, input.id)),
});
