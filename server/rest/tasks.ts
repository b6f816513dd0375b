import { createRoute, z } from '@hono/zod-openapi';
import { taskStateSchema } from '../../shared/sandbox-state';
import { sandboxIdSchema, taskViewSchema } from '../../shared/views';
import { failures, identityOf, idParam, json, named, needs, type RestApp, type RestServices } from './base';

const tags = ['tasks'];
const task = named(taskViewSchema, 'Task');
/** A page of history; more would be a dump. */
const TASKS_MAX = 200;

export function addTaskRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/tasks',
      ...needs('sandboxes:read'),
      tags,
      summary: 'Tasks, newest first',
      request: {
        query: z.object({
          sandbox_id: sandboxIdSchema.optional(),
          state: taskStateSchema.optional(),
          limit: z.coerce.number().int().min(1).max(TASKS_MAX).default(50),
        }),
      },
      responses: { 200: json(z.array(task), 'Tasks'), ...failures },
    }),
    async (c) => {
      const { sandbox_id, state, limit } = c.req.valid('query');
      return c.json(
        await services.tasks.list(identityOf(c.env), { sandboxId: sandbox_id, state, limit }),
        200,
      );
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/tasks/{id}',
      ...needs('sandboxes:read'),
      tags,
      summary: 'One task with its steps',
      request: { params: idParam },
      responses: { 200: json(task, 'The task'), ...failures },
    }),
    async (c) => c.json(await services.tasks.get(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/tasks/{id}/cancel',
      ...needs('sandboxes:write'),
      tags,
      summary: 'Ask a task to stop at its next border',
      request: { params: idParam },
      responses: { 200: json(task, 'The task'), ...failures },
    }),
    async (c) => c.json(await services.tasks.cancel(identityOf(c.env), c.req.valid('param').id), 200),
  );
}
