import { z } from 'zod';
import { memberRoleSchema, nameSchema, usernameSchema, workspaceViewSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const memberSchema = z.object({ userId: z.string(), username: z.string(), role: memberRoleSchema });

export const workspacesRouter = router({
  list: procedure
    .output(z.array(workspaceViewSchema))
    .query(({ ctx }) => ctx.services.workspaces.list(ctx.identity)),
  get: procedure
    .input(z.object({ id: z.string() }))
    .output(workspaceViewSchema)
    .query(({ ctx, input }) => ctx.services.workspaces.get(ctx.identity, input.id)),
  create: procedure
    .input(z.object({ name: nameSchema }))
    .output(workspaceViewSchema)
    .mutation(({ ctx, input }) => ctx.services.workspaces.create(ctx.identity, input)),
  remove: procedure
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.workspaces.remove(ctx.identity, input.id)),
  members: procedure
    .input(z.object({ id: z.string() }))
    .output(z.array(memberSchema))
    .query(({ ctx, input }) => ctx.services.workspaces.members(ctx.identity, input.id)),
  addMember: procedure
    .input(z.object({ workspaceId: z.string(), username: usernameSchema, role: memberRoleSchema }))
    .output(memberSchema)
    .mutation(({ ctx, input }) => ctx.services.workspaces.addMember(ctx.identity, input)),
  setMemberRole: procedure
    .input(z.object({ workspaceId: z.string(), userId: z.string(), role: memberRoleSchema }))
    .mutation(({ ctx, input }) => ctx.services.workspaces.setMemberRole(ctx.identity, input)),
  removeMember: procedure
    .input(z.object({ workspaceId: z.string(), userId: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.workspaces.removeMember(ctx.identity, input)),
});
