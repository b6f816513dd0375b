/** `GET /api/events`: changes as server-sent events with ids, replay and a filter by what the viewer may see. */
import { createRoute, z } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { AppError } from '../../shared/errors';
import type { Live, OpenSockets } from '../contracts';
import { failures, identityOf, type RestApp } from './base';

/** Below the 30-60 s after which common reverse proxies drop a silent connection. */
const HEARTBEAT_MS = 20_000;

/** `Last-Event-ID` of a reconnecting EventSource wins over `?from=`; null = from now on. */
function startOf(header: string | undefined, query: string | undefined): number | null {
  const given = header ?? query;
  if (given === undefined || given === '') return null;
  const id = Number(given);
  if (!Number.isSafeInteger(id) || id < 0)
    throw new AppError('invalid_input', 'An event id is a whole number.', { field: 'from' });
  return id;
}

export function addEventRoutes(app: RestApp, { live, sockets }: { live: Live; sockets: OpenSockets }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/events',
      tags: ['events'],
      summary: 'Server-sent events: what changed, by id; replays after Last-Event-ID or ?from=',
      request: { query: z.object({ from: z.string().optional() }) },
      responses: { 200: { description: 'text/event-stream' }, ...failures },
    }),
    (c) => {
      const identity = identityOf(c.env);
      const from = startOf(c.req.header('last-event-id'), c.req.valid('query').from);
      c.header('x-accel-buffering', 'no');
      c.header('cache-control', 'no-store');
      return streamSSE(c, async (stream) => {
        const ended = new AbortController();
        stream.onAbort(() => ended.abort());
        const unregister = sockets.register({ identity, sandboxId: null, close: () => ended.abort() });
        const heartbeat = setInterval(() => void stream.write(': keep-alive\n\n'), HEARTBEAT_MS);
        try {
          await stream.write(': connected\n\n');
          for await (const event of live.subscribe(identity, from, ended.signal)) {
            // Unnamed, so that `onmessage` gets them all; `reset` tells that some are lost: fetch everything anew.
            const lost = event.subject === '*';
            await stream.writeSSE({
              id: String(event.id),
              ...(lost ? { event: 'reset' } : {}),
              data: JSON.stringify(event),
            });
          }
        } finally {
          clearInterval(heartbeat);
          unregister();
        }
      });
    },
  );
}
