/**
 * What the gateway shows of its rows, and what it takes to change them: used as tRPC and REST inputs and outputs.
 * Times are ISO 8601 strings in UTC. Ids are opaque strings.
 */
import { z } from 'zod';
import { localeSchema, sandboxLimitsSchema, timezoneSchema } from './agent-api';
import { egressKinds } from './egress';
import { errorCodes } from './errors';
import { sessionStatusSchema } from './frames';
import { HOOKS_PER_LEVEL } from './hook-rules';
import { hookSchema } from './hooks';
import { PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS } from './limits';
import { sandboxIdSchema, sessionIdSchema } from './names';
import { providerRefSchema } from './providers';
import { sandboxStateSchema, taskKindSchema, taskStateSchema } from './sandbox-state';
import { effortSchema, modelSchema, sandboxdSessionSchema } from './sandboxd-api';
import { scopeSchema } from './scopes';

const time = z.string();

export const usernameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{1,38}[a-z0-9])$/,
    'A user name has 3 to 40 characters: lower-case letters, digits, and . _ - inside.',
  );
/** UTF-8 length is counted by hand: TextEncoder is not in this folder's library. */
function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
export const passwordSchema = z
  .string()
  .min(PASSWORD_MIN_CHARS, `A password has at least ${PASSWORD_MIN_CHARS} characters.`)
  .refine((it) => utf8Bytes(it) <= PASSWORD_MAX_BYTES, `A password has at most ${PASSWORD_MAX_BYTES} bytes.`);
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'A name is needed.')
  .max(64, 'A name has at most 64 characters.');

export const roleSchema = z.enum(['admin', 'user']);
export const userStatusSchema = z.enum(['active', 'disabled', 'expired']);
export const memberRoleSchema = z.enum(['owner', 'maintainer', 'developer', 'guest']);

export const preferencesSchema = z.object({
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  terminalTheme: z
    .enum(['auto', 'midnight', 'paper', 'solarized-dark', 'solarized-light', 'contrast'])
    .default('auto'),
  terminalFontSize: z.int().min(8).max(32).default(14),
  screenReader: z.boolean().default(false),
  /** OSC 52: may a program in the sandbox write to this user's clipboard? */
  clipboardWrite: z.enum(['ask', 'allow', 'deny']).default('ask'),
});
export type Preferences = z.infer<typeof preferencesSchema>;

export const meSchema = z.object({
  id: z.string(),
  username: z.string(),
  role: roleSchema,
  expiresAt: time.nullable(),
  mustChangePassword: z.boolean(),
  timezone: z.string(),
  locale: z.string(),
  preferences: preferencesSchema,
  personalWorkspaceId: z.string(),
});
export type Me = z.infer<typeof meSchema>;

export const userViewSchema = z.object({
  id: z.string(),
  username: z.string(),
  role: roleSchema,
  status: userStatusSchema,
  expiresAt: time.nullable(),
  createdAt: time,
  lastSeenAt: time.nullable(),
  sandboxes: z.int(),
});
export type UserView = z.infer<typeof userViewSchema>;

export const browserSessionViewSchema = z.object({
  id: z.string(),
  current: z.boolean(),
  createdAt: time,
  lastSeenAt: time,
  address: z.string(),
  userAgent: z.string(),
});
export type BrowserSessionView = z.infer<typeof browserSessionViewSchema>;

export const apiTokenViewSchema = z.object({
  id: z.string(),
  label: z.string(),
  prefix: z.string(),
  scopes: z.array(scopeSchema),
  /** The only sandbox it knows of. */
  sandboxId: z.string().nullable(),
  createdAt: time,
  expiresAt: time.nullable(),
  lastUsedAt: time.nullable(),
});
export type ApiTokenView = z.infer<typeof apiTokenViewSchema>;

/** Ten years; who wants more says that it has no end. */
export const TOKEN_HOURS_MAX = 10 * 365 * 24;
export const createTokenSchema = z.object({
  label: nameSchema,
  scopes: z.array(scopeSchema).min(1, 'A token needs at least one scope.'),
  sandboxId: sandboxIdSchema.nullable(),
  /** Null or 0: no end; of a token that a token makes: the end of its maker. */
  ttlHours: z.number().min(0).max(TOKEN_HOURS_MAX).nullable(),
});

export const workspaceViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  personal: z.boolean(),
  role: memberRoleSchema,
  createdAt: time,
  updatedAt: time,
});
export type WorkspaceView = z.infer<typeof workspaceViewSchema>;

export const stepViewSchema = z.object({
  name: z.string(),
  /** A short phrase for people, such as `Starting the container`. */
  title: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'skipped']),
  message: z.string().nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
});
export type StepView = z.infer<typeof stepViewSchema>;

export const taskViewSchema = z.object({
  id: z.string(),
  kind: taskKindSchema,
  state: taskStateSchema,
  sandboxId: z.string(),
  sandboxName: z.string(),
  requestedBy: z.string(),
  attempt: z.int(),
  maxAttempts: z.int(),
  /** When the next try starts, while it waits for one. */
  nextRunAt: time.nullable(),
  cancelRequested: z.boolean(),
  errorCode: z.enum(errorCodes as [string, ...string[]]).nullable(),
  errorMessage: z.string().nullable(),
  createdAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  steps: z.array(stepViewSchema),
});
export type TaskView = z.infer<typeof taskViewSchema>;

export const sessionKindSchema = z.enum(['claude', 'shell']);
/** How Claude asks before it acts. `bypassPermissions` is the default: the sandbox is the boundary. */
export const permissionModeSchema = z.enum(['bypassPermissions', 'acceptEdits', 'plan', 'manual']);
/** What the gateway last heard of a Claude session from its sandbox; it stays readable while the sandbox is stopped. */
export const sessionLiveSchema = z.object({
  status: sessionStatusSchema,
  /** As Claude Code reports it. */
  model: z.string().nullable(),
  title: z.string().nullable(),
  tokens: sandboxdSessionSchema.shape.tokens,
  costUsd: z.number().nullable(),
  context: sandboxdSessionSchema.shape.context,
  waiting: sandboxdSessionSchema.shape.waiting,
  /** The end of the last text. */
  preview: z.string(),
  /** Finished turns. */
  turns: z.int(),
  turnStartedAt: time.nullable(),
  /** Of all finished turns, without the time that a person was waited for. */
  workMs: z.number(),
  updatedAt: time,
});
export type SessionLive = z.infer<typeof sessionLiveSchema>;

export const sessionViewSchema = z.object({
  id: sessionIdSchema,
  sandboxId: z.string(),
  kind: sessionKindSchema,
  name: z.string(),
  workdir: z.string(),
  permissionMode: permissionModeSchema,
  /** `suspended`: its sandbox does not run; opening it after a start brings it back. */
  state: z.enum(['starting', 'running', 'suspended', 'ended']),
  exitCode: z.int().nullable(),
  endReason: z.string().nullable(),
  viewers: z.int(),
  createdAt: time,
  lastActivityAt: time.nullable(),
  endedAt: time.nullable(),
  /** As chosen, or as Claude Code last confirmed; null: Claude Code's own default. */
  model: z.string().nullable(),
  effort: z.string().nullable(),
  /** Who answers Claude; null for a shell. */
  provider: providerRefSchema.nullable(),
  /** Null until the sandbox has told of it, and for a shell. */
  live: sessionLiveSchema.nullable(),
  /** Of its workspace's hooks and its own: how many are on. Those of the image and of the user are in the sandbox. */
  hooks: z.int().optional(),
});
export type SessionView = z.infer<typeof sessionViewSchema>;

export const sandboxViewSchema = z.object({
  id: sandboxIdSchema,
  workspaceId: z.string(),
  workspaceName: z.string(),
  ownerName: z.string(),
  name: z.string(),
  state: sandboxStateSchema,
  /** Why it is in this state, as a sentence for people. */
  reason: z.string().nullable(),
  egress: z.object({
    kind: z.enum(egressKinds),
    label: z.string(),
    /** Of the last proof. */
    exitAddress: z.string().nullable(),
    country: z.string().nullable(),
    latencyMs: z.number().nullable(),
    verdict: z.enum(['green', 'red', 'incomplete']).nullable(),
    provenAt: time.nullable(),
  }),
  limits: sandboxLimitsSchema,
  sudo: z.boolean(),
  timezone: z.string(),
  locale: z.string(),
  /** A newer image is there; a rebuild takes it. */
  updateAvailable: z.boolean(),
  createdAt: time,
  startedAt: time.nullable(),
  lastActivityAt: time.nullable(),
  sessions: z.array(sessionViewSchema),
  /** The live task, else the last failed one of the present trouble. */
  task: taskViewSchema.nullable(),
  /** What the viewer may do. */
  can: z.object({ use: z.boolean(), manage: z.boolean() }),
});
export type SandboxView = z.infer<typeof sandboxViewSchema>;

export const createSandboxSchema = z.object({
  name: nameSchema.optional(),
  workspaceId: z.string().optional(),
  limits: sandboxLimitsSchema.partial().optional(),
  sudo: z.boolean().optional(),
  timezone: timezoneSchema.optional(),
  locale: localeSchema.optional(),
  /** Also make a first Claude session: what one click means. */
  openClaude: z.boolean().default(true),
  /** The same key again gives the same sandbox instead of a second one. */
  idempotencyKey: z.string().min(8).max(128).optional(),
});
export const updateSandboxSchema = z.object({
  id: sandboxIdSchema,
  name: nameSchema.optional(),
  limits: sandboxLimitsSchema.partial().optional(),
  timezone: timezoneSchema.optional(),
  locale: localeSchema.optional(),
  sudo: z.boolean().optional(),
});
export const createSessionSchema = z.object({
  sandboxId: sandboxIdSchema,
  kind: sessionKindSchema,
  /** Absolute, inside the sandbox. */
  workdir: z
    .string()
    .startsWith('/')
    .max(1024)
    .refine((it) => !/[\0\n\r]/.test(it), 'A path has no control characters.')
    .optional(),
  name: nameSchema.optional(),
  permissionMode: permissionModeSchema.optional(),
  model: modelSchema.optional(),
  effort: effortSchema.optional(),
  providerId: z.string().max(64).optional(),
  /** Goes on with the conversation of this session of the same sandbox, in a copy of it. */
  resumeFrom: sessionIdSchema.optional(),
  /** The session's own hooks, there before Claude starts. A secret that one of them needs is shown when it is made anew. */
  hooks: z.array(hookSchema).max(HOOKS_PER_LEVEL, `At most ${HOOKS_PER_LEVEL} hooks.`).optional(),
});
/** What is absent stays. A model is switched in place when Claude is idle; all else restarts Claude by `--resume`. */
export const sessionOptionsSchema = z.object({
  id: sessionIdSchema,
  model: modelSchema.optional(),
  effort: effortSchema.optional(),
  permissionMode: permissionModeSchema.optional(),
  providerId: z.string().max(64).optional(),
});

/** Panes of one person in one sandbox, as the app wrote them: it checks what it reads. */
export const LAYOUT_MAX_CHARS = 64 * 1024;
export const layoutSchema = z
  .json()
  .refine((it) => JSON.stringify(it).length <= LAYOUT_MAX_CHARS, 'This layout is too large.');

export const auditViewSchema = z.object({
  id: z.string(),
  at: time,
  type: z.string(),
  actor: z.string(),
  address: z.string().nullable(),
  target: z.string().nullable(),
  message: z.string(),
});
export type AuditView = z.infer<typeof auditViewSchema>;

export const healthViewSchema = z.object({
  status: z.enum(['ok', 'warning', 'failed']),
  version: z.string(),
  instance: z.string(),
  uptimeSeconds: z.number(),
  checks: z.array(
    z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), mend: z.string().nullable() }),
  ),
});
export type HealthView = z.infer<typeof healthViewSchema>;

/** One server-sent event of `/api/events`: what changed; the client fetches or patches by `topic` and ids. */
export const liveEventSchema = z.object({
  id: z.int(),
  at: time,
  /**
   * `egress`: ways out, pools, bindings, subscriptions; it and `policies` are for administrators. `notifications`,
   * `providers` and `login` (of a sandbox) tell their own people to look again.
   */
  topic: z.enum([
    ...(['sandbox', 'task', 'session', 'user', 'workspace', 'me', 'egress', 'policies'] as const),
    ...(['notifications', 'providers', 'login', 'usage'] as const),
  ]),
  action: z.enum(['created', 'updated', 'deleted']),
  /** Id of the thing that changed. */
  subject: z.string(),
  sandboxId: z.string().nullable(),
});
export type LiveEvent = z.infer<typeof liveEventSchema>;

export { localeSchema, sandboxIdSchema, sandboxLimitsSchema, sessionIdSchema, timezoneSchema };
