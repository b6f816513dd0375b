import { createRoute, z } from '@hono/zod-openapi';
import { memberRoleSchema, nameSchema, usernameSchema, workspaceViewSchema } from '../../shared/views';
import {
  body,
  failures,
  identityOf,
  idParam,
  json,
  named,
  needs,
  type RestApp,
  type RestServices,
} from './base';

const tags = ['workspaces'];
const workspace = named(workspaceViewSchema, 'Workspace');
const member = z
  .object({ userId: z.string(), username: z.string(), role: memberRoleSchema })
  .openapi('Member');
const memberParams = z.object({
  id: z.string().openapi({ param: { name: 'id', in: 'path' } }),
  userId: z.string().openapi({ param: { name: 'userId', in: 'path' } }),
});
const nothing = { 204: { description: 'Done' } };

export function addWorkspaceRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/workspaces',
      ...needs('workspaces:read'),
      tags,
      summary: 'Workspaces the caller is a member of, oldest first',
      responses: { 200: json(z.array(workspace), 'Workspaces'), ...failures },
    }),
    async (c) => c.json(await services.workspaces.list(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/workspaces',
      ...needs('workspaces:write'),
      tags,
      summary: 'Create a workspace; the caller becomes its owner',
      request: { body: body(z.object({ name: nameSchema.default('New Workspace') })) },
      responses: { 201: json(workspace, 'The workspace'), ...failures },
    }),
    async (c) => c.json(await services.workspaces.create(identityOf(c.env), c.req.valid('json')), 201),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/workspaces/{id}',
      ...needs('workspaces:read'),
      tags,
      summary: 'One workspace',
      request: { params: idParam },
      responses: { 200: json(workspace, 'The workspace'), ...failures },
    }),
    async (c) => c.json(await services.workspaces.get(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/workspaces/{id}',
      ...needs('workspaces:write'),
      tags,
      summary: 'Delete an empty workspace',
      request: { params: idParam },
      responses: { ...nothing, ...failures },
    }),
    async (c) => {
      await services.workspaces.remove(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/workspaces/{id}/members',
      ...needs('workspaces:read'),
      tags,
      summary: 'Members',
      request: { params: idParam },
      responses: { 200: json(z.array(member), 'Members'), ...failures },
    }),
    async (c) => c.json(await services.workspaces.members(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/workspaces/{id}/members',
      ...needs('workspaces:write'),
      tags,
      summary: 'Add a member by user name',
      request: {
        params: idParam,
        body: body(z.object({ username: usernameSchema, role: memberRoleSchema.default('developer') })),
      },
      responses: { 201: json(member, 'The member'), ...failures },
    }),
    async (c) => {
      const input = { workspaceId: c.req.valid('param').id, ...c.req.valid('json') };
      return c.json(await services.workspaces.addMember(identityOf(c.env), input), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/workspaces/{id}/members/{userId}',
      ...needs('workspaces:write'),
      tags,
      summary: 'Change a member’s role',
      request: { params: memberParams, body: body(z.object({ role: memberRoleSchema })) },
      responses: { ...nothing, ...failures },
    }),
    async (c) => {
      const { id, userId } = c.req.valid('param');
      await services.workspaces.setMemberRole(identityOf(c.env), {
        workspaceId: id,
        userId,
        ...c.req.valid('json'),
      });
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/workspaces/{id}/members/{userId}',
      ...needs('workspaces:write'),
      tags,
      summary: 'Remove a member',
      request: { params: memberParams },
      responses: { ...nothing, ...failures },
    }),
    async (c) => {
      const { id, userId } = c.req.valid('param');
      await services.workspaces.removeMember(identityOf(c.env), { workspaceId: id, userId });
      return c.body(null, 204);
    },
  );
}
