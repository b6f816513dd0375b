/**
 * Frames: the typed events of one session, as sandboxd writes them to the session's journal and everything else
 * reads them. One frame is one line of JSON.
 *
 * What a reader may rely on:
 *  1. `seq` starts at 1 and grows by one with every frame of a session, over restarts of everything. A frame that was
 *     shown once is never changed, moved or taken back.
 *  2. A reader that asks for frames after `from` gets every later frame, in order, then the new ones as they come. What
 *     the journal no longer holds is told by one `gap` that stands in its place (its `seq` is the last missing one).
 *  3. A turn's `stop` comes after the turn's last text, thinking, tool start, tool result and usage. (When Claude Code
 *     wrote nothing for SETTLE_MAX_MS after its end, the stop is written and what comes later carries `late`.)
 *  4. A tool's start comes before its result; each tool use has one start and at most one result.
 *  5. The text of a block is the concatenation of its deltas, which follow each other without hole or overlap
 *     (`offset`, UTF-16 units); a block is known by `messageId` and `block`. Whole messages may be void: a
 *     `message.discarded` (kind `meta`) says that Claude Code threw a cut answer away and asked again.
 *  6. `usage` comes once per message, after its last text.
 *  7. The end of a subagent (`agent`) ends no turn.
 *  8. Each `ask.question` and `permission.request` is followed by exactly one `request.closed` with its `requestId`,
 *     whoever answered and wherever; what is open is open in the terminal too.
 */
import { z } from 'zod';
import { sessionIdSchema } from './names';

export const sessionStatusSchema = z.enum([
  'starting',
  'idle',
  'working',
  'waiting_for_input',
  'stopped',
  'failed',
]);
export type SessionStatus = z.output<typeof sessionStatusSchema>;

const count = z.number().int().nonnegative();
const truncated = z.literal(true).optional().describe('something was cut at FRAME_TEXT_MAX_CHARS');
const block = {
  messageId: z.string().describe("the API's message id"),
  block: count.describe('index of the content block in the message'),
  offset: count.describe('UTF-16 units of the block that earlier frames hold'),
  text: z.string(),
  late: z.literal(true).optional().describe("written after its turn's stop, see promise 3"),
};

export const frameData = {
  'text.delta': z.discriminatedUnion('role', [
    z.object({ role: z.literal('assistant'), ...block }),
    z.object({
      role: z.literal('user'),
      text: z.string(),
      promptId: z.string().optional().describe("Claude Code's id of the prompt"),
      queueId: z.string().optional().describe('id of the prompt in our queue, when it came through it'),
      queued: z.literal(true).optional().describe('typed while the turn was running'),
      truncated,
    }),
  ]),
  thinking: z.object(block),
  'tool.use.start': z.object({
    toolUseId: z.string(),
    tool: z.string(),
    input: z.unknown(),
    messageId: z.string().optional(),
    truncated,
  }),
  'tool.use.result': z.object({
    toolUseId: z.string(),
    tool: z.string(),
    isError: z.boolean(),
    output: z.string().describe('as text; the error when `isError`'),
    result: z.unknown().optional().describe('as Claude Code structures it, such as a patch'),
    durationMs: z.number().nonnegative().optional(),
    interrupted: z.literal(true).optional(),
    truncated,
  }),
  'todo.update': z.object({
    items: z.array(
      z.object({
        id: z.string(),
        subject: z.string(),
        status: z.string().describe('pending, in_progress, completed, deleted'),
        activeForm: z.string().optional(),
      }),
    ),
  }),
  'ask.question': z.object({
    requestId: z.string(),
    toolUseId: z.string().optional(),
    questions: z.array(
      z.object({
        question: z.string(),
        header: z.string().optional(),
        options: z.array(z.object({ label: z.string(), description: z.string().optional() })),
        multiSelect: z.boolean(),
      }),
    ),
  }),
  'permission.request': z.object({
    requestId: z.string(),
    toolUseId: z.string().optional(),
    tool: z.string(),
    input: z.unknown(),
    suggestions: z.unknown().optional(),
  }),
  'request.closed': z.object({
    requestId: z.string(),
    by: z
      .enum(['answer', 'terminal', 'gone'])
      .describe('answer: over the API, by whom the gateway logs; gone: interrupted, timed out, Claude ended'),
    behavior: z.enum(['allow', 'deny']).optional().describe('unknown when the terminal answered'),
    answers: z
      .record(z.string(), z.string())
      .optional()
      .describe('of a question: its text to what was chosen'),
    message: z.string().optional().describe('what Claude was told with a denial'),
  }),
  /** Counted by Claude Code itself, for its status line; about once per message. */
  context: z.object({
    model: z.string(),
    modelName: z.string().optional(),
    effort: z.string().optional(),
    contextTokens: count.optional(),
    contextWindow: count.optional(),
    costUsd: z.number().nonnegative().optional().describe('of the session so far, by Claude Code'),
    durationMs: z.number().nonnegative().optional(),
    apiDurationMs: z.number().nonnegative().optional(),
    linesAdded: count.optional(),
    linesRemoved: count.optional(),
  }),
  /** One request to the API and its answer; `exchange` finds its record (sandboxd-api, `exchange`). */
  api: z.object({
    exchange: count.describe('counts the requests of the session from 1'),
    phase: z.enum(['request', 'answer', 'end']),
    method: z.string().optional(),
    path: z.string().optional(),
    model: z.string().optional(),
    status: z.number().int().optional(),
    messageId: z.string().optional(),
    requestBytes: count.optional(),
    answerBytes: count.optional(),
    firstTokenMs: z.number().nonnegative().optional().describe('since the request; absent without content'),
    durationMs: z.number().nonnegative().optional(),
    error: z.string().optional(),
  }),
  usage: z.object({
    messageId: z.string(),
    model: z.string(),
    input: count,
    output: count,
    cacheRead: count,
    cacheWrite: count,
    stopReason: z.string().optional(),
    purpose: z.enum(['turn', 'side']).describe('side: a title, a probe, a summary'),
  }),
  status: z.object({
    state: sessionStatusSchema,
    elapsedMs: z.number().nonnegative().optional().describe('of the turn so far'),
    detail: z.string().optional().describe('what is waited for'),
  }),
  stop: z.object({
    scope: z.enum(['turn', 'session']),
    reason: z
      .string()
      .describe(
        'completed, interrupted, failed, lost (Claude is gone), superseded; of a session: its end reason',
      ),
    error: z.string().optional(),
    durationMs: z.number().nonnegative().optional(),
    exitCode: z.number().int().optional(),
  }),
  meta: z.object({
    event: z
      .string()
      .describe(
        'session.start, session.clear, message.discarded, compact, model, command, prompt.failed, title, mode',
      ),
    messageId: z.string().optional(),
    claudeSessionId: z.string().optional(),
    transcript: z.string().optional(),
    model: z.string().optional(),
    source: z.string().optional(),
    text: z.string().optional(),
    queueId: z.string().optional(),
  }),
  hook: z.object({
    event: z.string(),
    payload: z.unknown().describe('long texts shortened: the frames beside it hold them'),
    name: z.string().optional().describe("of a user's hook; absent: what Claude Code told us"),
    answer: z.unknown().optional().describe("what a user's hook answered"),
    error: z.string().optional(),
    durationMs: z.number().nonnegative().optional(),
  }),
  'pty.raw': z.object({ base64: z.string() }),
  gap: z.object({
    reason: z.enum(['evicted', 'not_written', 'damaged']),
    from: count.optional().describe('first missing seq'),
    to: count.optional().describe('last missing seq'),
    lost: count.optional().describe('frames that never got a seq, as the disk was full'),
  }),
} as const;

export type FrameKind = keyof typeof frameData;
export const frameKinds = Object.keys(frameData) as [FrameKind, ...FrameKind[]]; // the keys of the object above
export type FrameData<K extends FrameKind> = z.output<(typeof frameData)[K]>;

export interface FrameOf<K extends FrameKind> {
  seq: number;
  session: string;
  /** ISO 8601, UTC, when sandboxd wrote it. */
  ts: string;
  kind: K;
  /** Counts the session's prompts from 1; absent outside of turns. */
  turn?: number;
  /** The subagent it belongs to; absent for the main one. */
  agent?: string;
  data: FrameData<K>;
}
export type Frame = { [K in FrameKind]: FrameOf<K> }[FrameKind];

const envelope = {
  seq: z.number().int().nonnegative(),
  session: sessionIdSchema,
  ts: z.iso.datetime(),
  turn: z.number().int().positive().optional(),
  agent: z.string().optional(),
};
const members = frameKinds.map((kind) =>
  z.object({ ...envelope, kind: z.literal(kind), data: frameData[kind] }),
);
/** Strict about kinds and data; a reader that wants to live with newer kinds looks at `kind` first. */
export const frameSchema = z.discriminatedUnion('kind', members as [(typeof members)[0], ...typeof members]);
