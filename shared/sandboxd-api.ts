/**
 * sandboxd's operations: HTTP/1.1 on the Unix socket SANDBOXD_SOCKET in the sandbox, JSON in and out. The socket is
 * the sandbox user's own (its folder is 0700), so whoever can open it may use it; there is no further secret.
 *
 * A turn, and who moves it:
 *
 *   none --begin--> open --settle--> settling --finish--> none
 *
 *   begin    image/sandboxd/turns.ts, on UserPromptSubmit; on the transcript's user line or the first event of an
 *            answer when the hook was missed
 *   settle   Stop or StopFailure of the main agent: nothing more will be said, but text may still be on its way
 *   finish   the API's stream has shown the last message and every tool its result; or the transcript says so
 *            (`turn_duration`, `[Request interrupted by user`); or SETTLE_MAX_MS passed; or Claude Code is gone
 *
 * A queued prompt: queued -> typing -> submitted. `queued` and `typing` are files in the session's folder.
 *
 * A request of Claude's (permission, question): held --answer--> answered | --close--> closed
 *
 *   answer   `answer` here; the first one wins, the held PermissionRequest hook is answered with it
 *   close    the terminal answered (the tool's result or PostToolBatch came, or the hook's connection closed), the turn
 *            ended, or HELD_MAX_MS passed: the hook is answered 204 and the terminal's dialog stays
 *
 * Crash points: sandboxd may die between any two system calls.
 *   - before a frame's line is whole: the torn line is cut at the next start, its seq is given again
 *   - after a frame, before the checkpoint: state = checkpoint + the frames after it; the transcript is read again from
 *     the checkpoint's offset, and what is known by message, block, tool or prompt id is not written twice
 *   - while an answer streams: Claude Code's connection breaks, it asks again; the cut message is discarded
 *   - between `typing` and the paste, or the paste and Enter: at the next start Enter is pressed, and only when no
 *     prompt came of it the text is typed again
 */
import { z } from 'zod';
import { sessionStatusSchema } from './frames';
import { sessionIdSchema } from './names';

export * from './sandboxd-limits'; // readers need not know that sandboxd takes them alone

const count = z.number().int().nonnegative();
/** Of a summary: longer ones are cut, as the gateway holds many and root of a sandbox may tell what it likes. */
const TEXT_MAX_CHARS = 2_048;
const text = z.string().overwrite((it) => {
  if (it.length <= TEXT_MAX_CHARS) return it;
  // Not a slice alone: V8 would keep all of the text for it.
  return JSON.parse(JSON.stringify(it.slice(0, TEXT_MAX_CHARS)));
});
const tokensSchema = z.object({ input: count, output: count, cacheRead: count, cacheWrite: count });

export const effortSchema = z.enum(['low', 'medium', 'high', 'xhigh', 'max']);
export type Effort = z.output<typeof effortSchema>;
/** As Claude Code takes it: an alias (`opus`, `sonnet`) or a full id, with `[1m]` where it offers that. */
export const modelSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,126}(\[1m\])?$/,
    'A model is a name such as opus or claude-opus-5-5.',
  );

/** A finished turn, kept by sandboxd with the journal and by the gateway in its database. */
export const turnSummarySchema = z.object({
  turn: z.number().int().positive(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** Of its `stop`. */
  reason: text,
  error: text.nullable(),
  /** Work of Claude: without the time that a person was waited for. */
  workMs: z.number().nonnegative(),
  model: text.nullable(),
  tokens: tokensSchema,
  costUsd: z.number().nonnegative().nullable(),
  prompt: text,
  /** The end of its last text. */
  preview: text,
  /** `seq` of its first frame and of its stop. */
  firstSeq: count,
  lastSeq: count,
});
export type TurnSummary = z.output<typeof turnSummarySchema>;

export const sandboxdSessionSchema = z.object({
  id: sessionIdSchema,
  status: sessionStatusSchema,
  claudeSessionId: text.nullable(),
  model: text.nullable(),
  effort: text.nullable(),
  permissionMode: text.nullable(),
  /** As Claude Code named the conversation. */
  title: text.nullable(),
  tokens: tokensSchema,
  costUsd: z.number().nonnegative().nullable(),
  context: z.object({ tokens: count, window: count }).nullable(),
  /** The oldest request of Claude's that waits for a person. */
  waiting: z.object({ requestId: text, kind: z.enum(['permission', 'question']), text }).nullable(),
  /** The end of the last text. */
  preview: text,
  /** Finished turns so far. */
  turns: count,
  turnStartedAt: z.iso.datetime().nullable(),
  turn: z.number().int().positive().nullable(),
  /** The journal's range; both 0 when it is empty. */
  firstSeq: z.number().int().nonnegative(),
  lastSeq: z.number().int().nonnegative(),
  queued: z.number().int().nonnegative(),
});
export type SandboxdSession = z.output<typeof sandboxdSessionSchema>;

export const exchangeSummarySchema = z.object({
  exchange: z.number().int().positive(),
  at: z.iso.datetime(),
  turn: z.number().int().positive().nullable(),
  agent: z.string().nullable(),
  purpose: z.enum(['turn', 'side', 'other']),
  method: z.string(),
  path: z.string(),
  model: z.string().nullable(),
  /** Null while it waits, or when no answer came. */
  status: z.number().int().nullable(),
  messageId: z.string().nullable(),
  tokens: tokensSchema.nullable(),
  requestBytes: count,
  answerBytes: count,
  firstByteMs: z.number().nonnegative().nullable(),
  firstTokenMs: z.number().nonnegative().nullable(),
  durationMs: z.number().nonnegative().nullable(),
  error: z.string().nullable(),
});
export type ExchangeSummary = z.output<typeof exchangeSummarySchema>;

/** Values of authorization, x-api-key, cookie and the like are masked before anything is written. */
const headersSchema = z.array(z.tuple([z.string(), z.string()]));
export const exchangeSchema = exchangeSummarySchema.extend({
  requestHeaders: headersSchema,
  /** Text as it was sent; cut at EXCHANGE_BODY_MAX_BYTES. */
  requestBody: z.string(),
  answerHeaders: headersSchema,
  /** A plain answer; null for a stream. */
  answerBody: z.string().nullable(),
  /** A stream's events, `ms` since the request. */
  events: z.array(z.object({ ms: z.number().nonnegative(), event: z.string(), data: z.string() })).nullable(),
  truncated: z.boolean(),
});
export type Exchange = z.output<typeof exchangeSchema>;

const sessionParams = z.object({ id: sessionIdSchema });

/** `{id}` in a path is the session's. `frames` answers `application/x-ndjson`: a frame or nothing on each line. */
export const sandboxdApi = {
  health: {
    method: 'GET',
    path: '/health',
    params: z.object({}),
    input: z.object({}),
    output: z.object({ pid: z.number(), uptimeMs: z.number(), rssBytes: z.number(), sessions: z.number() }),
  },
  sessions: {
    method: 'GET',
    path: '/sessions',
    params: z.object({}),
    input: z.object({}),
    output: z.object({ sessions: z.array(sandboxdSessionSchema) }),
  },
  /** NDJSON: each session once, then each again whenever its summary changed (at most 5 times a second). */
  watch: { method: 'GET', path: '/sessions/watch', params: z.object({}), input: z.object({}), output: null },
  turns: {
    method: 'GET',
    path: '/sessions/{id}/turns',
    params: sessionParams,
    input: z.object({ after: z.coerce.number().int().nonnegative() }).partial(),
    /** Oldest first, at most 100. */
    output: z.object({ turns: z.array(turnSummarySchema) }),
  },
  frames: {
    method: 'GET',
    path: '/sessions/{id}/frames',
    params: sessionParams,
    /** Frames with a seq above `from`; `follow` = go on with new ones. */
    input: z.object({ from: z.coerce.number().int().nonnegative(), follow: z.coerce.boolean() }).partial(),
    output: null,
  },
  prompt: {
    method: 'POST',
    path: '/sessions/{id}/prompt',
    params: sessionParams,
    /** The same `id` again is the same prompt. The text reaches the model as it stands: it is never a command. */
    input: z.object({ text: z.string().min(1), id: z.uuid().optional() }),
    output: z.object({ id: z.string(), position: z.number().int().nonnegative() }),
  },
  /** The terminal's bytes as `pty.raw` frames from now on, or no more; kept over restarts. */
  raw: {
    method: 'POST',
    path: '/sessions/{id}/raw',
    params: sessionParams,
    input: z.object({ on: z.boolean() }),
    output: z.object({ on: z.boolean() }),
  },
  interrupt: {
    method: 'POST',
    path: '/sessions/{id}/interrupt',
    params: sessionParams,
    input: z.object({}),
    /** `sent` false: no turn was running. The turn's `stop` tells when it has worked. */
    output: z.object({ sent: z.boolean() }),
  },
  answer: {
    method: 'POST',
    path: '/sessions/{id}/answer',
    params: sessionParams,
    /** `answers` is for a question: its text to the label chosen (several joined by `, `) or free text. */
    input: z.object({
      requestId: z.string().max(128),
      decision: z.discriminatedUnion('behavior', [
        z.object({
          behavior: z.literal('allow'),
          /** Also from now on: an entry of the request's `suggestions`, as it stands there. */
          remember: z.unknown().optional(),
          updatedInput: z.record(z.string(), z.unknown()).optional(),
          answers: z.record(z.string(), z.string()).optional(),
        }),
        z.object({
          behavior: z.literal('deny'),
          message: z.string().max(10_000).optional(),
          interrupt: z.boolean().optional(),
        }),
      ]),
    }),
    /** False: somebody was faster, or it is closed. */
    output: z.object({ accepted: z.boolean() }),
  },
  model: {
    method: 'POST',
    path: '/sessions/{id}/model',
    params: sessionParams,
    input: z.object({ model: modelSchema }),
    /** Confirmed by Claude Code (PostModelSwitch). 409 `conflict` while a turn runs or when Claude refuses the name. */
    output: z.object({ model: z.string() }),
  },
  command: {
    method: 'POST',
    path: '/sessions/{id}/command',
    params: sessionParams,
    /** One line, a slash command of Claude Code such as `/compact`; goes through the queue of prompts. */
    input: z.object({
      command: z
        .string()
        .max(2_000)
        .regex(/^\/[A-Za-z][^\n\r]*$/, 'A command is one line that begins with /.')
        .refine((it) => !/[\p{Cc}]/u.test(it), 'A command has no control characters.'),
      id: z.uuid().optional(),
    }),
    output: z.object({ id: z.string(), position: z.number().int().nonnegative() }),
  },
  commands: {
    method: 'GET',
    path: '/sessions/{id}/commands',
    params: sessionParams,
    input: z.object({}),
    /** Slash commands that Claude Code would offer: its own, the user's and the project's. */
    output: z.object({
      commands: z.array(
        z.object({
          name: z.string(),
          description: z.string(),
          source: z.enum(['claude', 'user', 'project']),
        }),
      ),
    }),
  },
  files: {
    method: 'GET',
    path: '/sessions/{id}/files',
    params: sessionParams,
    /** For `@`: paths below the session's folder that match, best first. */
    input: z.object({ query: z.string().max(200) }),
    output: z.object({ paths: z.array(z.string()) }),
  },
  exchanges: {
    method: 'GET',
    path: '/sessions/{id}/exchanges',
    params: sessionParams,
    input: z.object({ after: z.coerce.number().int().nonnegative() }).partial(),
    /** Oldest first, at most 200; the oldest are thrown away past EXCHANGES_MAX_BYTES. */
    output: z.object({ exchanges: z.array(exchangeSummarySchema) }),
  },
  exchange: {
    method: 'GET',
    path: '/sessions/{id}/exchanges/{exchange}',
    params: sessionParams.extend({ exchange: z.coerce.number().int().positive() }),
    input: z.object({}),
    output: exchangeSchema,
  },
} as const;

export const sandboxdErrorSchema = z.object({
  code: z.enum(['invalid_input', 'not_found', 'conflict', 'limit_reached', 'unavailable', 'internal']),
  error: z.string(),
});
