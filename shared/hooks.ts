/** Users' hooks as people and programs see and set them; rules in hook-rules.ts, their file in hook-file.ts. */
import { z } from 'zod';
import {
  HOOK_COMMAND_MAX_CHARS,
  HOOK_MATCHER_MAX_CHARS,
  HOOK_NAME_MAX_CHARS,
  HOOK_TIMEOUT_DEFAULT_S,
  HOOK_TIMEOUT_MAX_S,
  HOOK_URL_MAX_CHARS,
  HOOKS_PER_LEVEL,
  hookEventNames,
  hookLevels,
  matcherOf,
} from './hook-rules';
import { sandboxIdSchema, sessionIdSchema } from './names';

export const hookEventSchema = z.enum(hookEventNames);
export const hookLevelSchema = z.enum(hookLevels);

/** Whose list it is. The image's is only read. */
export const hookPlaceSchema = z.discriminatedUnion('level', [
  z.object({ level: z.literal('image'), sandboxId: sandboxIdSchema }),
  z.object({ level: z.literal('workspace'), workspaceId: z.string().max(64) }),
  z.object({ level: z.literal('user'), sandboxId: sandboxIdSchema }),
  z.object({ level: z.literal('session'), sessionId: sessionIdSchema }),
]);
export type HookPlace = z.output<typeof hookPlaceSchema>;

const command = z
  .string()
  .trim()
  .min(1, 'Give the command to run.')
  .max(HOOK_COMMAND_MAX_CHARS)
  .refine((it) => !it.includes('\0'), 'A command has no NUL.');
const url = z
  .string()
  .trim()
  .max(HOOK_URL_MAX_CHARS)
  .refine(
    (it) => /^https?:\/\/[^/?#@\s]+([/?#]\S*)?$/i.test(it),
    'Give an address such as https://host/path.',
  );

export const hookSchema = z.object({
  /** Absent: a new one. */
  id: z.string().min(1).max(HOOK_NAME_MAX_CHARS).optional(),
  name: z.string().trim().min(1, 'Give it a name.').max(HOOK_NAME_MAX_CHARS),
  event: hookEventSchema,
  matcher: z
    .string()
    .trim()
    .max(HOOK_MATCHER_MAX_CHARS)
    .refine((it) => matcherOf(it) !== null, 'This is no regular expression.')
    .default(''),
  action: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('command'), command }),
    z.object({ kind: z.literal('http'), url }),
  ]),
  timeoutSeconds: z
    .number('Give a number of seconds.')
    .min(0.5, 'At least half a second.')
    .max(HOOK_TIMEOUT_MAX_S, `At most ${HOOK_TIMEOUT_MAX_S} seconds.`)
    .default(HOOK_TIMEOUT_DEFAULT_S),
  onFailure: z.enum(['allow', 'deny']).default('allow'),
  enabled: z.boolean().default(true),
  /** Of an http hook: make another secret now. */
  newSecret: z.boolean().optional(),
});
export type HookInput = z.output<typeof hookSchema>;

export const hookViewSchema = hookSchema.omit({ newSecret: true }).extend({
  id: z.string(),
  /** The end of the secret that its requests are signed with. */
  secretHint: z.string().nullable(),
});
export type HookView = z.output<typeof hookViewSchema>;

export const hookListSchema = z.object({
  hooks: z.array(hookViewSchema),
  /** Of what was read; a change names the one it was made from. */
  revision: z.string(),
  mayEdit: z.boolean(),
  /** What a hand-written file holds and is not understood. */
  problems: z.array(z.string()),
});
export type HookList = z.output<typeof hookListSchema>;

export const saveHooksSchema = z.object({
  hooks: z.array(hookSchema).max(HOOKS_PER_LEVEL, `At most ${HOOKS_PER_LEVEL} hooks.`),
  revision: z.string().max(128),
});
export const savedHooksSchema = hookListSchema.extend({
  /** Made by this change, by the hook's id: shown now and never again. */
  secrets: z.array(z.object({ id: z.string(), name: z.string(), secret: z.string() })),
});
export type SavedHooks = z.output<typeof savedHooksSchema>;

export const testHookSchema = z.object({
  sandboxId: sandboxIdSchema,
  /** Where it is kept, for its secret. */
  place: hookPlaceSchema.optional(),
  hook: hookSchema,
  /** As Claude Code would send it; a sample by default. */
  payload: z.record(z.string(), z.unknown()).optional(),
});

/** One hook run once, apart from every session. */
export const hookTestSchema = z.object({
  /** Whether the matcher lets this payload through. */
  matches: z.boolean(),
  request: z.object({
    /** `POST https://…` or the command. */
    line: z.string(),
    /** Secrets and signatures masked; of a command its environment. */
    headers: z.array(z.tuple([z.string(), z.string()])),
    body: z.string(),
  }),
  /** Null: none came. */
  answer: z
    .object({
      /** `HTTP 200`, `exit 0` */
      line: z.string(),
      body: z.string(),
      /** What a command said besides. */
      stderr: z.string(),
    })
    .nullable(),
  /** Why it counts as failed. */
  error: z.string().nullable(),
  durationMs: z.number().nonnegative(),
  /** What Claude Code would be told; null: nothing, it goes on. */
  told: z.record(z.string(), z.unknown()).nullable(),
  decision: z.enum(['allow', 'ask', 'deny']).nullable(),
  /** The effect in words. */
  effect: z.string(),
});
export type HookTest = z.output<typeof hookTestSchema>;

/**
 * Requests of http hooks follow the Standard Webhooks scheme: `webhook-signature: v1,<base64 of HMAC-SHA256>` over
 * `<webhook-id>.<webhook-timestamp>.<body>` with the bytes behind `whsec_` of the secret. A receiver refuses what is
 * older or newer than this, and an id that it has had within it.
 */
export const HOOK_REPLAY_WINDOW_S = 300;
export const HOOK_SECRET_PREFIX = 'whsec_';
