/** `GET /api/events`: changes as server-sent events with ids, replay and a filter by what the viewer may see. */
import { createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../shared/errors';
import type { Live, OpenSockets } from '../contracts';
import { failures, identityOf, needs, type RestApp } from './base';
import { answerEvents, type Report } from './event-stream';

/** `Last-Event-ID` of a reconnecting EventSource wins over `?from=`; null = from now on. */
function startOf(header: string | undefined, query: string | undefined): number | null {
  const given = header ?? query;
  if (given === undefined || given === '') return null;
  const id = Number(given);
  if (!Number.isSafeInteger(id) || id < 0)
    throw new AppError('invalid_input', 'An event id is a whole number.', { field: 'from' });
  return id;
}

export function addEventRoutes(
  app: RestApp,
  { live, sockets, report }: { live: Live; sockets: OpenSockets; report: Report },
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/events',
      ...needs('sandboxes:read'),
      tags: ['events'],
      summary: 'Server-sent events: what changed, by id; replays after Last-Event-ID or ?from=',
      request: { query: z.object({ from: z.string().optional() }) },
      responses: { 200: { description: 'text/event-stream' }, ...failures },
    }),
    (c) => {
      const identity = identityOf(c.env);
      const from = startOf(c.req.header('last-event-id'), c.req.valid('query').from);
      return answerEvents(c, { sockets, identity, sandboxId: null, report }, async (stream, signal) => {
        for await (const event of live.subscribe(identity, from, signal)) {
          // Unnamed, so that `onmessage` gets them all; `reset` tells that some are lost: fetch everything anew.
          const lost = event.subject === '*';
          await stream.writeSSE({
            id: String(event.id),
            ...(lost ? { event: 'reset' } : {}),
            data: JSON.stringify(event),
          });
        }
      });
    },
  );
}
