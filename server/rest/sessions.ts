import { createRoute, z } from '@hono/zod-openapi';
import {
  createSessionSchema,
  type SessionView,
  sandboxIdSchema,
  sessionIdSchema,
  sessionViewSchema,
} from '../../shared/views';
import { body, failures, identityOf, json, needs, type RestApp, type RestServices } from './base';

const tags = ['sessions'];
const session = sessionViewSchema.extend({ sandbox_id: sandboxIdSchema }).openapi('Session');
const sessionParam = z.object({ id: sessionIdSchema });
const create = createSessionSchema
  .omit({ sandboxId: true, permissionMode: true, providerId: true, resumeFrom: true })
  .extend({
    sandbox_id: sandboxIdSchema,
    permission_mode: createSessionSchema.shape.permissionMode,
    provider_id: createSessionSchema.shape.providerId,
    resume_from: createSessionSchema.shape.resumeFrom,
  });

const shown = (view: SessionView) => ({ ...view, sandbox_id: view.sandboxId });

export function addSessionRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions',
      ...needs('sessions:read'),
      tags,
      summary: 'Sessions of one sandbox, or of all that the caller may use',
      request: { query: z.object({ sandbox_id: sandboxIdSchema.optional() }) },
      responses: { 200: json(z.object({ sessions: z.array(session) }), 'Sessions'), ...failures },
    }),
    async (c) => {
      const found = await services.sessions.list(identityOf(c.env), {
        sandboxId: c.req.valid('query').sandbox_id,
      });
      return c.json({ sessions: found.map(shown) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions',
      ...needs('sessions:write'),
      tags,
      summary: 'Open a Claude Code session or a shell in a running sandbox',
      request: { body: body(create) },
      responses: { 201: json(session, 'The session'), ...failures },
    }),
    async (c) => {
      const { sandbox_id, permission_mode, provider_id, resume_from, ...rest } = c.req.valid('json');
      const input = {
        ...rest,
        sandboxId: sandbox_id,
        permissionMode: permission_mode,
        providerId: provider_id,
        resumeFrom: resume_from,
      };
      return c.json(shown(await services.sessions.create(identityOf(c.env), input)), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/sessions/{id}',
      ...needs('sessions:write'),
      tags,
      summary: 'End a session and what runs in it',
      request: { params: sessionParam },
      responses: { 200: json(session, 'The ended session'), ...failures },
    }),
    async (c) => c.json(shown(await services.sessions.end(identityOf(c.env), c.req.valid('param').id)), 200),
  );
}
