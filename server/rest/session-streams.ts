/** `/sse/sessions/{id}` (also as `/api/sessions/{id}/events`) and its chat: a session as server-sent events; `Last-Event-ID` goes on where a reader was. */
import { createRoute, z } from '@hono/zod-openapi';
import { slim } from '../../shared/chat-shapes';
import type { OpenSockets } from '../contracts';
import type { Chat } from '../services/chat/service';
import { followSession, hasEnded } from '../services/frames/follow';
import type { Frames } from '../services/frames/service';
import { failures, identityOf, needs, type RestApp } from './base';
import { answerEvents, asErrorEvent, type Report } from './event-stream';
import { sessionParam, startOf } from './session-words';

const tags = ['sessions'];
const END = { event: 'end', data: '{}' };

export function addSessionStreams(
  app: RestApp,
  options: { frames: Frames; chat: Chat; sockets: OpenSockets; report: Report },
): void {
  const { frames, chat, sockets, report } = options;
  for (const path of ['/sse/sessions/{id}', '/api/sessions/{id}/events'])
    app.openapi(
      createRoute({
        method: 'get',
        path,
        ...needs('sessions:read'),
        tags,
        summary: 'Server-sent events: frames after ?from= or Last-Event-ID, then live; ends with `end`',
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
          const lines = followSession(frames, { identity, id, from }, signal);
          for (;;) {
            const { value, done } = await lines.next();
            if (done) {
              if (value) await stream.writeSSE(END);
              return;
            }
            if (value === null) await stream.write(':keepalive\n\n');
            // As writeSSE does, which looks for line ends that JSON has none of.
            else await stream.write(`id: ${value.seq}\nevent: ${value.kind}\ndata: ${value.line}\n\n`);
          }
        });
      },
    );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/sse/sessions/{id}/chat',
      ...needs('sessions:read'),
      tags,
      summary: 'Server-sent events of the slim chat: chat (new), update (grown), remove, stop, end',
      request: { params: sessionParam, query: z.object({ since: z.string().optional() }) },
      responses: {
        200: { description: 'text/event-stream; id = seq, data = a slim message, known by its `id`' },
        ...failures,
      },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      const since = startOf(c.req.header('last-event-id'), c.req.valid('query').since);
      const sandboxId = await frames.sandboxOf(identity, id);
      const opened = { sockets, identity, sandboxId, report, failed: asErrorEvent };
      return answerEvents(c, opened, async (stream, signal) => {
        for await (const step of chat.follow(identity, { id, since }, signal)) {
          if (step === '') {
            await stream.write(':keepalive\n\n');
            continue;
          }
          const { frame, change } = step;
          const events: { event: string; data: object }[] = [];
          for (const it of change.removed) events.push({ event: 'remove', data: { seq: frame.seq, id: it } });
          for (const it of change.added)
            if (it.type === 'stop')
              events.push({
                event: 'stop',
                data: {
                  ...{ seq: it.seq, reason: it.reason },
                  ...(it.duration_ms === undefined ? {} : { duration_ms: it.duration_ms }),
                },
              });
          for (const [event, messages] of [
            ['chat', change.added],
            ['update', change.updated],
          ] as const)
            for (const it of messages) {
              const data = slim(it);
              if (data !== null) events.unshift({ event, data });
            }
          // One id for all that a frame came to, and only with the last: a reader that saw a part gets all again.
          for (const [at, { event, data }] of events.entries())
            await stream.writeSSE({
              event,
              data: JSON.stringify(data),
              ...(at === events.length - 1 ? { id: String(frame.seq) } : {}),
            });
          if (frame.kind === 'stop' || frame.kind === 'status') {
            const found = { seq: frame.seq, kind: frame.kind, line: JSON.stringify(frame) };
            if (await hasEnded(frames, { identity, id }, found)) return await stream.writeSSE(END);
          }
        }
      });
    },
  );
}
