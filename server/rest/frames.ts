/** Frames of a session as server-sent events, and prompts for it. */
import { createRoute, z } from '@hono/zod-openapi';
import { PROMPT_MAX_BYTES, sandboxdApi } from '../../shared/sandboxd-api';
import type { OpenSockets } from '../contracts';
import type { Frames } from '../services/frames/service';
import { body, failures, identityOf, json, needs, type RestApp } from './base';
import { answerEvents, asErrorEvent, type Report } from './event-stream';
import { sessionParam, startOf } from './session-words';

const tags = ['sessions'];
/** seq and kind stand at fixed places of a line that sandboxd wrote. */
const SEQ = /^\{"seq":(\d+),/;
const KIND = /"kind":"([a-z.]+)"/;

export function addFrameRoutes(
  app: RestApp,
  options: { frames: Frames; sockets: OpenSockets; report: Report },
): void {
  const { frames, sockets, report } = options;
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/frames',
      ...needs('sessions:read'),
      tags,
      summary: 'Server-sent events: the frames of a session after ?from= or Last-Event-ID, then live',
      request: { params: sessionParam, query: z.object({ from: z.string().optional() }) },
      responses: {
        200: { description: 'text/event-stream; id = seq, event = kind, data = frame' },
        ...failures,
      },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      const from = startOf(c.req.header('last-event-id'), c.req.valid('query').from);
      const sandboxId = await frames.sandboxOf(identity, id);
      const opened = { sockets, identity, sandboxId, report, failed: asErrorEvent };
      return answerEvents(c, opened, async (stream, signal) => {
        for await (const line of frames.read(identity, { id, from }, signal)) {
          const seq = SEQ.exec(line)?.[1];
          if (seq === undefined) await stream.write(': keep-alive\n\n');
          else await stream.writeSSE({ id: seq, event: KIND.exec(line)?.[1] ?? 'frame', data: line });
        }
      });
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/prompt',
      ...needs('sessions:input'),
      tags,
      summary: "Put a prompt into a session's queue; the text reaches the model as it stands",
      request: {
        params: sessionParam,
        body: body(
          z.object({
            text: z.string().min(1).max(PROMPT_MAX_BYTES),
            id: z.uuid().optional().openapi({ description: 'The same id again is the same prompt.' }),
          }),
        ),
      },
      responses: {
        200: json(z.object({ id: z.string(), position: z.number() }), 'Its id and its place in the queue'),
        ...failures,
      },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: c.req.valid('json') };
      return c.json(await frames.call(identityOf(c.env), 'prompt', given), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/interrupt',
      ...needs('sessions:input'),
      tags,
      summary: 'Interrupt the running turn; its stop frame tells when it has worked',
      request: { params: sessionParam },
      responses: {
        200: json(z.object({ id: z.string(), sent: z.boolean() }), 'sent: false when no turn was running'),
        ...failures,
      },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: {} };
      return c.json({ id: given.id, ...(await frames.call(identityOf(c.env), 'interrupt', given)) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions/{id}/raw',
      ...needs('sessions:write'),
      tags,
      summary: 'Record the bytes of the terminal as pty.raw frames too, from now on or no more',
      request: { params: sessionParam, body: body(sandboxdApi.raw.input) },
      responses: { 200: json(sandboxdApi.raw.output, 'How it is now'), ...failures },
    }),
    async (c) => {
      const given = { id: c.req.valid('param').id, input: c.req.valid('json') };
      return c.json(await frames.call(identityOf(c.env), 'raw', given), 200);
    },
  );
}
