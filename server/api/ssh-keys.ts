import { z } from 'zod';
import { addSshKeySchema, sshAccessSchema, sshKeyViewSchema } from '../../shared/ssh-keys';
import { procedure, router } from './trpc';

export const sshKeysRouter = router({
  get: procedure.output(sshAccessSchema).query(({ ctx }) => ctx.services.sshKeys.get(ctx.identity)),
  add: procedure
    .input(addSshKeySchema)
    .output(sshKeyViewSchema)
    .mutation(({ ctx, input }) => ctx.services.sshKeys.add(ctx.identity, input)),
  remove: procedure
    .input(z.object({ id: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.sshKeys.remove(ctx.identity, input.id)),
});
