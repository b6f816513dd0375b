/** WebSockets in the OpenAPI document, which has no word for them: a GET that is answered by 101. Served by http/upgrade.ts. */
import { z } from '@hono/zod-openapi';
import type { RouteScope } from '../../shared/scopes';
import { sandboxIdSchema, sessionIdSchema } from '../../shared/views';
import { failures, needs, type RestApp } from './base';
import { sessionParam } from './session-words';

const from = z.object({ from: z.coerce.number().int().nonnegative().optional() });

const sockets: {
  path: string;
  tag: string;
  scope: RouteScope;
  summary: string;
  told: string;
  params: z.ZodObject;
  query: z.ZodObject;
}[] = [
  ...['/ws/sessions/{id}', '/api/sessions/{id}/stream'].map((path) => ({
    path,
    tag: 'sessions',
    scope: 'sessions:read' as const,
    summary: 'WebSocket: the frames of a session after ?from=, then live',
    told: 'Subprotocol `json`; one frame a message. 1000 `session ended`, 1012 come again, 4401 and so on as errors',
    params: sessionParam,
    query: from,
  })),
  {
    path: '/ws/shells/{id}',
    tag: 'shells',
    scope: 'shells:read',
    summary: 'WebSocket: the terminal of a shell; typing needs shells:input',
    told: 'Subprotocol `binary`; bytes both ways, the history first; a text {"resize":{"cols","rows"}} gives a size',
    params: sessionParam,
    query: z.object({}),
  },
  {
    path: '/ws/sandboxes/{id}/terminal',
    tag: 'sandboxes',
    scope: 'session:read',
    summary: 'WebSocket: a terminal as the web app speaks it, docs/protocol.md',
    told: 'Subprotocol `cloud-claude.terminal.v1`',
    params: z.object({ id: sandboxIdSchema }),
    query: z.object({ session: sessionIdSchema }),
  },
];

export function addSocketDocuments(app: RestApp): void {
  for (const { path, tag, scope, summary, told, params, query } of sockets)
    app.openAPIRegistry.registerPath({
      method: 'get',
      path,
      ...needs(scope),
      tags: [tag],
      summary,
      request: { params, query },
      responses: { 101: { description: told }, ...failures },
    });
}
