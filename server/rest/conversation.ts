/** A session's frames and messages at once, prompts with their answer, raw keystrokes. Following it: session-streams.ts. */
import { createRoute, z } from '@hono/zod-openapi';
import { compatibleFrame, slim } from '../../shared/chat-shapes';
import { AppError } from '../../shared/errors';
import { TERMINAL_MESSAGE_MAX_BYTES } from '../../shared/limits';
import { PROMPT_MAX_BYTES } from '../../shared/sandboxd-limits';
import type { OpenSockets } from '../contracts';
import { type Chat, SEND_DEFAULT_MS, SEND_MAX_MS, TRANSCRIPT_FRAMES_MAX } from '../services/chat/service';
import type { Frames } from '../services/frames/service';
import type { Typing } from '../services/typing/service';
import { body, failures, identityOf, json, needs, type RestApp } from './base';
import { sessionParam, sinceQuery } from './session-words';

const tags = ['sessions'];
const frame = z
  .object({ seq: z.number(), session: z.string(), ts: z.string(), kind: z.string(), data: z.any() })
  .loose()
  .openapi('Frame');
const message = z.object({ id: z.number(), seq: z.number(), type: z.string() }).loose().openapi('Message');
const slimMessage = z
  .object({
    id: z.number().openapi({ description: 'Stays the same while the message grows' }),
    seq: z.number().openapi({ description: 'Of its last frame' }),
    role: z.enum(['user', 'assistant', 'tool']),
    text: z.string().optional(),
    tool: z.string().optional(),
    summary: z.string().optional(),
  })
  .openapi('SlimMessage');
const answer = z
  .object({
    session: z.string(),
    last_seq: z.number(),
    turn: z.number().nullable(),
    messages: z.array(slimMessage),
    closed: z.boolean().openapi({ description: 'The session has ended' }),
    partial: z.boolean(),
  })
  .openapi('Answer');
const late = answer.extend({ error: z.literal('timeout'), code: z.literal('timeout') }).openapi('LateAnswer');
const list = <T extends z.ZodType>(it: T) =>
  z.object({
    session: z.string(),
    last_seq: z.number(),
    messages: z.array(it),
    partial: z.boolean().openapi({
      description: 'true: the sandbox does not run; these are prompts and the ends of answers',
    }),
  });

export interface ConversationParts {
  frames: Frames;
  chat: Chat;
  typing: Typing;
  sockets: OpenSockets;
}

export const inputBody = z.object({
  data: z.string().min(1).max(TERMINAL_MESSAGE_MAX_BYTES),
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
});
/** Throws `invalid_input` for what is no base64. */
export function bytesOf({ data, encoding }: z.output<typeof inputBody>): Buffer {
  const bytes = Buffer.from(data, encoding);
  if (bytes.length === 0 || (encoding === 'base64' && !/^[A-Za-z0-9+/]+={0,2}$/.test(data)))
    throw new AppError('invalid_input', 'This is not base64.', { field: 'data' });
  return bytes;
}

export function addConversationRoutes(
  app: RestApp,
  { frames, chat, typing, sockets }: ConversationParts,
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/transcript',
      ...needs('sessions:read'),
      tags,
      summary: 'Frames after a seq, as many as there are or fit; go on from last_seq while more',
      request: {
        params: sessionParam,
        query: z.object({
          from: z.coerce.number().int().nonnegative().default(0),
          limit: z.coerce.number().int().min(1).max(TRANSCRIPT_FRAMES_MAX).default(TRANSCRIPT_FRAMES_MAX),
        }),
      },
      responses: {
        200: json(
          z.object({ id: z.string(), last_seq: z.number(), more: z.boolean(), frames: z.array(frame) }),
          'Frames',
        ),
        ...failures,
      },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const found = await chat.transcript(identityOf(c.env), { id, ...c.req.valid('query') });
      // The table of frames is the schema; it is written as it was read.
      const shown = found.frames.map((it) => compatibleFrame(it) as z.output<typeof frame>);
      return c.json({ id, last_seq: found.lastSeq, more: found.more, frames: shown }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/messages',
      ...needs('sessions:read'),
      tags,
      summary: 'The conversation as whole messages: those that have changed after a seq',
      request: { params: sessionParam, query: sinceQuery },
      responses: { 200: json(list(message), 'Messages in their order'), ...failures },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const found = await chat.messages(identityOf(c.env), { id, ...c.req.valid('query') });
      const { messages, lastSeq, fromHistory } = found;
      return c.json({ session: id, last_seq: lastSeq, messages, partial: fromHistory }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/chat',
      ...needs('sessions:read'),
      tags,
      summary: 'The conversation for small devices: texts and one line for each tool',
      request: { params: sessionParam, query: sinceQuery },
      responses: { 200: json(list(slimMessage), 'Messages in their order'), ...failures },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const found = await chat.messages(identityOf(c.env), { id, ...c.req.valid('query') });
      const messages = found.messages.flatMap((it) => slim(it) ?? []);
      return c.json({ session: id, last_seq: found.lastSeq, messages, partial: found.fromHistory }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/send',
      ...needs('sessions:input'),
      tags,
      summary: 'Send a prompt and wait for the end of its own turn; prompts of several callers queue',
      request: {
        params: sessionParam,
        body: body(
          z.object({
            prompt: z.string().min(1).max(PROMPT_MAX_BYTES),
            timeout_ms: z
              .number()
              .positive()
              .default(SEND_DEFAULT_MS)
              .openapi({ description: `At most ${SEND_MAX_MS}: more is taken as that` }),
          }),
        ),
      },
      responses: {
        200: json(answer, 'The turn has ended'),
        408: json(late, 'It has not ended in time; it goes on, and this is what it said so far'),
        ...failures,
      },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      const { prompt, timeout_ms } = c.req.valid('json');
      const sandboxId = await frames.sandboxOf(identity, id);
      const gone = new AbortController();
      c.env.outgoing.once('close', () => gone.abort());
      let refused: AppError | undefined;
      const unregister = sockets.register({
        ...{ identity, sandboxId },
        close: (code) => {
          refused = new AppError(code);
          gone.abort();
        },
      });
      try {
        const given = { id, prompt, timeoutMs: Math.min(timeout_ms, SEND_MAX_MS) };
        const made = await chat.send(identity, given, gone.signal);
        if (!made.partial) return c.json(made, 200);
        return c.json({ error: 'timeout' as const, code: 'timeout' as const, ...made }, 408);
      } catch (error) {
        throw refused ?? error;
      } finally {
        unregister();
      }
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/input',
      ...needs('sessions:input'),
      tags,
      summary: "Type into Claude Code's terminal, byte by byte as given; a prompt goes by /prompt or /send",
      request: { params: sessionParam, body: body(inputBody) },
      responses: { 200: json(z.object({ bytes: z.number() }), 'How many bytes were typed'), ...failures },
    }),
    async (c) => {
      const data = bytesOf(c.req.valid('json'));
      await typing.input(identityOf(c.env), { id: c.req.valid('param').id, kind: 'claude', data });
      return c.json({ bytes: data.length }, 200);
    },
  );
}
