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

export const SANDBOXD_SOCKET = '/run/cloud-claude/sandboxd.sock';
/** Loopback port for Claude Code's http hooks. */
export const SANDBOX_HOOK_PORT = 7879;
/** One prompt, UTF-8. */
export const PROMPT_MAX_BYTES = 1024 * 1024;
/** Prompts that wait in one session. */
export const PROMPT_QUEUE_MAX = 100;
/** An empty line goes over a silent stream of frames this often, so that both ends notice a dead one. */
export const FRAMES_HEARTBEAT_MS = 10_000;

export const sandboxdSessionSchema = z.object({
  id: sessionIdSchema,
  status: sessionStatusSchema,
  claudeSessionId: z.string().nullable(),
  model: z.string().nullable(),
  turn: z.number().int().positive().nullable(),
  /** The journal's range; both 0 when it is empty. */
  firstSeq: z.number().int().nonnegative(),
  lastSeq: z.number().int().nonnegative(),
  queued: z.number().int().nonnegative(),
});
export type SandboxdSession = z.output<typeof sandboxdSessionSchema>;

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
  interrupt: {
    method: 'POST',
    path: '/sessions/{id}/interrupt',
    params: sessionParams,
    input: z.object({}),
    /** `sent` false: no turn was running. The turn's `stop` tells when it has worked. */
    output: z.object({ sent: z.boolean() }),
  },
} as const;

export const sandboxdErrorSchema = z.object({
  code: z.enum(['invalid_input', 'not_found', 'limit_reached', 'unavailable', 'internal']),
  error: z.string(),
});
