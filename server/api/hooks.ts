import {
  hookListSchema,
  hookPlaceSchema,
  hookTestSchema,
  savedHooksSchema,
  saveHooksSchema,
  testHookSchema,
} from '../../shared/hooks';
import { procedure, router } from './trpc';

export const hooksRouter = router({
  get: procedure
    .input(hookPlaceSchema)
    .output(hookListSchema)
    .query(({ ctx, input }) => ctx.services.hooks.get(ctx.identity, input)),
  save: procedure
    .input(saveHooksSchema.extend({ place: hookPlaceSchema }))
    .output(savedHooksSchema)
    .mutation(({ ctx, input }) => ctx.services.hooks.save(ctx.identity, input)),
  /** Runs somebody's program: a mutation. */
  test: procedure
    .input(testHookSchema)
    .output(hookTestSchema)
    .mutation(({ ctx, input }) => ctx.services.hooks.test(ctx.identity, input)),
});
