import { createRoute, z } from '@hono/zod-openapi';
import { sandboxStateSchema } from '../../shared/sandbox-state';
import {
  createSandboxSchema,
  type SandboxView,
  sandboxIdSchema,
  sandboxViewSchema,
  taskViewSchema,
  updateSandboxSchema,
} from '../../shared/views';
import {
  body,
  failures,
  idempotencyHeader,
  identityOf,
  idParam,
  json,
  named,
  needs,
  type RestApp,
  type RestServices,
} from './base';

const tags = ['sandboxes'];
/** The app's view, and beside it the words that the seeds' clients know. */
const sandbox = sandboxViewSchema
  .extend({ status: sandboxStateSchema, type: z.literal('claude'), isLocal: z.literal(false) })
  .openapi('Sandbox');
const task = named(taskViewSchema, 'Task');
const sandboxParam = z.object({ id: sandboxIdSchema });
const accepted = z.object({ status: sandboxStateSchema, task });

const shown = (view: SandboxView) => ({
  ...view,
  status: view.state,
  type: 'claude' as const,
  isLocal: false as const,
});

const actions = {
  start: 'starting',
  stop: 'stopping',
  pause: 'pausing',
  resume: 'resuming',
  rebuild: 'starting',
  retry: 'starting',
} as const;

export function addSandboxRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes',
      ...needs('sandboxes:read'),
      tags,
      summary: 'Sandboxes the caller may see',
      responses: { 200: json(z.array(sandbox), 'Sandboxes'), ...failures },
    }),
    async (c) => c.json((await services.sandboxes.list(identityOf(c.env), {})).map(shown), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/workspaces/{id}/sandboxes',
      ...needs('sandboxes:read'),
      tags,
      summary: 'Sandboxes of a workspace',
      request: { params: idParam },
      responses: { 200: json(z.array(sandbox), 'Sandboxes'), ...failures },
    }),
    async (c) => {
      const filter = { workspaceId: c.req.valid('param').id };
      return c.json((await services.sandboxes.list(identityOf(c.env), filter)).map(shown), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/workspaces/{id}/sandboxes',
      ...needs('sandboxes:write'),
      tags,
      summary: 'Create a sandbox; it starts at once, follow its task or /api/events',
      request: {
        params: idParam,
        headers: idempotencyHeader,
        body: body(createSandboxSchema.omit({ workspaceId: true, idempotencyKey: true })),
      },
      responses: { 201: json(sandbox, 'The sandbox, state creating'), ...failures },
    }),
    async (c) => {
      const input = {
        ...c.req.valid('json'),
        workspaceId: c.req.valid('param').id,
        idempotencyKey: c.req.valid('header')['idempotency-key'],
      };
      return c.json(shown(await services.sandboxes.create(identityOf(c.env), input)), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes/{id}',
      ...needs('sandboxes:read'),
      tags,
      summary: 'One sandbox',
      request: { params: sandboxParam },
      responses: { 200: json(sandbox, 'The sandbox'), ...failures },
    }),
    async (c) => c.json(shown(await services.sandboxes.get(identityOf(c.env), c.req.valid('param').id)), 200),
  );
  app.openapi(
    createRoute({
      method: 'patch',
      path: '/api/sandboxes/{id}',
      ...needs('sandboxes:write'),
      tags,
      summary: 'Change name or limits; limits of a running sandbox change live',
      request: { params: sandboxParam, body: body(updateSandboxSchema.omit({ id: true })) },
      responses: { 200: json(sandbox, 'The sandbox'), ...failures },
    }),
    async (c) => {
      const input = { ...c.req.valid('json'), id: c.req.valid('param').id };
      return c.json(shown(await services.sandboxes.update(identityOf(c.env), input)), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/sandboxes/{id}',
      ...needs('sandboxes:write'),
      tags,
      summary: 'Delete a sandbox and its home folder',
      request: { params: sandboxParam, headers: idempotencyHeader },
      responses: { 202: json(accepted, 'It is being deleted'), ...failures },
    }),
    async (c) => {
      const found = await services.sandboxes.remove(identityOf(c.env), {
        id: c.req.valid('param').id,
        idempotencyKey: c.req.valid('header')['idempotency-key'],
      });
      return c.json({ status: 'deleting' as const, task: found }, 202);
    },
  );
  for (const [action, status] of Object.entries(actions) as [
    keyof typeof actions,
    (typeof actions)[keyof typeof actions],
  ][]) {
    app.openapi(
      createRoute({
        method: 'post',
        path: `/api/sandboxes/{id}/${action}`,
        ...needs('sandboxes:write'),
        tags,
        summary: `Ask for: ${action}`,
        request: { params: sandboxParam, headers: idempotencyHeader },
        responses: { 200: json(accepted, 'The task that does it'), ...failures },
      }),
      async (c) => {
        const found = await services.sandboxes.request(identityOf(c.env), {
          id: c.req.valid('param').id,
          action,
          idempotencyKey: c.req.valid('header')['idempotency-key'],
        });
        return c.json({ status, task: found }, 200);
      },
    );
  }
}
