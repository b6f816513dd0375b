import { z } from 'zod';
import { FILE_PAGE_ENTRIES } from '../../shared/file-limits';
import { fileListSchema, filePlaceSchema, fileRenameSchema, fileTextSchema } from '../../shared/files';
import { sandboxIdSchema } from '../../shared/views';
import { procedure, router } from './trpc';

const place = filePlaceSchema.extend({ sandboxId: sandboxIdSchema });

/** What the pages ask for; contents that are no text go by REST. */
export const filesRouter = router({
  list: procedure
    .input(
      place.extend({
        from: z.int().min(0).default(0),
        limit: z.int().min(1).max(FILE_PAGE_ENTRIES).default(FILE_PAGE_ENTRIES),
        hidden: z.boolean(),
      }),
    )
    .output(fileListSchema)
    .query(({ ctx, input }) => ctx.services.files.list(ctx.identity, input)),
  read: procedure
    .input(place)
    .output(fileTextSchema)
    .query(({ ctx, input }) => ctx.services.files.read(ctx.identity, input)),
  makeFolder: procedure
    .input(place.extend({ parents: z.boolean().default(false) }))
    .mutation(({ ctx, input }) => ctx.services.files.makeFolder(ctx.identity, input)),
  rename: procedure
    .input(fileRenameSchema.extend({ sandboxId: sandboxIdSchema }))
    .mutation(({ ctx, input }) => ctx.services.files.rename(ctx.identity, input)),
  remove: procedure
    .input(place.extend({ recursive: z.boolean() }))
    .mutation(({ ctx, input }) => ctx.services.files.remove(ctx.identity, input)),
});
