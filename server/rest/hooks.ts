/** Users' hooks for programs: one list each for a workspace, a sandbox's user and a session, and a trial run. */
import { createRoute, z } from '@hono/zod-openapi';
import {
  type HookPlace,
  hookListSchema,
  hookPlaceSchema,
  hookSchema,
  hookTestSchema,
  savedHooksSchema,
  saveHooksSchema,
} from '../../shared/hooks';
import { sandboxIdSchema, sessionIdSchema } from '../../shared/views';
import type { Identity } from '../contracts';
import { body, failures, identityOf, json, named, needs, type RestApp, type RestServices } from './base';
import { sandboxMeant } from './sandbox-selector';

const tags = ['hooks'];
const selector = z.object({ sandbox_id: sandboxIdSchema.optional() });
const list = named(hookListSchema, 'Hooks');
const saved = named(savedHooksSchema, 'SavedHooks');
const test = z.object({
  place: hookPlaceSchema.optional(),
  hook: hookSchema,
  payload: z.record(z.string(), z.unknown()).optional(),
});

const places = [
  {
    path: '/api/workspaces/{id}/hooks',
    of: 'all sandboxes of a workspace',
    params: z.object({ id: z.string().max(64) }),
    place: (id: string): HookPlace => ({ level: 'workspace', workspaceId: id }),
  },
  {
    path: '/api/sandboxes/{id}/hooks',
    of: 'the user of a running sandbox (~/.claude/hooks.json)',
    params: z.object({ id: sandboxIdSchema }),
    place: (id: string): HookPlace => ({ level: 'user', sandboxId: id }),
  },
  {
    path: '/api/sessions/{id}/hooks',
    of: 'one session',
    params: z.object({ id: sessionIdSchema }),
    place: (id: string): HookPlace => ({ level: 'session', sessionId: id }),
  },
];

export function addHookRoutes(app: RestApp, { services }: RestServices): void {
  for (const { path, of, params, place } of places) {
    app.openapi(
      createRoute({
        method: 'get',
        ...{ path, tags, summary: `Hooks of ${of}` },
        ...needs('hooks:read'),
        request: { params },
        responses: { 200: json(list, 'Hooks'), ...failures },
      }),
      async (c) => c.json(await services.hooks.get(identityOf(c.env), place(c.req.valid('param').id)), 200),
    );
    app.openapi(
      createRoute({
        method: 'put',
        ...{ path, tags, summary: `Replace the hooks of ${of}; new secrets are in the answer, once` },
        ...needs('hooks:write'),
        request: { params, body: body(saveHooksSchema) },
        responses: { 200: json(saved, 'Hooks'), ...failures },
      }),
      async (c) => {
        const input = { ...c.req.valid('json'), place: place(c.req.valid('param').id) };
        return c.json(await services.hooks.save(identityOf(c.env), input), 200);
      },
    );
  }
  const meant = async (
    identity: Identity,
    { sandbox_id }: z.output<typeof selector>,
  ): Promise<HookPlace> => ({
    level: 'user',
    sandboxId: await sandboxMeant(services, identity, sandbox_id),
  });
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/hooks',
      ...{ tags, summary: 'Hooks of the user of a sandbox, which is named where several can be meant' },
      ...needs('hooks:read'),
      request: { query: selector },
      responses: { 200: json(list, 'Hooks'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      return c.json(await services.hooks.get(identity, await meant(identity, c.req.valid('query'))), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/hooks',
      ...{ tags, summary: 'Replace them; new secrets are in the answer, once' },
      ...needs('hooks:write'),
      request: { query: selector, body: body(saveHooksSchema) },
      responses: { 200: json(saved, 'Hooks'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const place = await meant(identity, c.req.valid('query'));
      return c.json(await services.hooks.save(identity, { ...c.req.valid('json'), place }), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      ...{
        path: '/api/sandboxes/{id}/image-hooks',
        tags,
        summary: "Hooks of the sandbox's image; only read",
      },
      ...needs('hooks:read'),
      request: { params: z.object({ id: sandboxIdSchema }) },
      responses: { 200: json(list, 'Hooks'), ...failures },
    }),
    async (c) => {
      const place = { level: 'image', sandboxId: c.req.valid('param').id } as const;
      return c.json(await services.hooks.get(identityOf(c.env), place), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sandboxes/{id}/hooks/test',
      tags,
      summary: 'Run one hook once, for no session, with a sample or the payload that is given',
      ...needs('hooks:write'),
      request: { params: z.object({ id: sandboxIdSchema }), body: body(test) },
      responses: {
        200: json(named(hookTestSchema, 'HookTest'), 'What it was sent and what it said'),
        ...failures,
      },
    }),
    async (c) => {
      const input = { ...c.req.valid('json'), sandboxId: c.req.valid('param').id };
      return c.json(await services.hooks.test(identityOf(c.env), input), 200);
    },
  );
}
