/** Claude's own log-in in a sandbox, for programs; the web app uses tRPC. */
import { createRoute, z } from '@hono/zod-openapi';
import { loginCodeSchema, loginViewSchema } from '../../shared/providers';
import { sandboxIdSchema } from '../../shared/views';
import type { OpenSockets } from '../contracts';
import { body, failures, identityOf, json, named, needs, type RestApp, type RestServices } from './base';
import { answerEvents, asErrorEvent, type Report } from './event-stream';

const tags = ['sandboxes'];
const sandboxParam = z.object({ id: sandboxIdSchema });
const login = named(loginViewSchema, 'Login');

export function addLoginRoutes(
  app: RestApp,
  options: RestServices & { sockets: OpenSockets; report: Report },
): void {
  const { services, sockets, report } = options;
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sandboxes/{id}/login',
      ...needs('providers:write'),
      tags,
      summary: "Start Claude's own log-in, or watch the one that runs: server-sent events `stage`",
      request: { params: sandboxParam },
      responses: { 200: { description: 'text/event-stream; event stage, data a Login' }, ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      // Refused before the stream begins, where it can still be told by a status.
      await services.login.start(identity, id);
      const opened = { sockets, identity, sandboxId: id, report, failed: asErrorEvent };
      return answerEvents(c, opened, async (stream, signal) => {
        for await (const view of services.login.follow(identity, id, signal))
          await stream.writeSSE({ event: 'stage', data: JSON.stringify(view) });
      });
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes/{id}/login',
      ...needs('providers:read'),
      tags,
      summary: "How far Claude's log-in is, and who is logged in",
      request: { params: sandboxParam },
      responses: { 200: json(login, 'The log-in'), ...failures },
    }),
    async (c) => c.json(await services.login.status(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sandboxes/{id}/login/code',
      ...needs('providers:write'),
      tags,
      summary: 'The code that the log-in page showed',
      request: { params: sandboxParam, body: body(z.object({ code: loginCodeSchema })) },
      responses: { 200: json(login, 'The log-in'), ...failures },
    }),
    async (c) => {
      const input = { sandboxId: c.req.valid('param').id, code: c.req.valid('json').code };
      return c.json(await services.login.code(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/sandboxes/{id}/login',
      ...needs('providers:write'),
      tags,
      summary: 'Cancel the log-in',
      request: { params: sandboxParam },
      responses: { 200: json(login, 'The log-in'), ...failures },
    }),
    async (c) => c.json(await services.login.cancel(identityOf(c.env), c.req.valid('param').id), 200),
  );
}
