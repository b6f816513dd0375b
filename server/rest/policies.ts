import { createRoute, z } from '@hono/zod-openapi';
import {
  policyPreviewSchema,
  policyTargets,
  policyVersionSchema,
  policyViewSchema,
  savePolicySchema,
} from '../../shared/egress-views';
import { sandboxIdSchema, taskViewSchema } from '../../shared/views';
import { body, failures, identityOf, json, named, needs, type RestApp, type RestServices } from './base';

const tags = ['policies'];
const policy = named(policyViewSchema, 'NetworkPolicy');
const task = named(taskViewSchema, 'Task');
const applied = z.object({ policy, tasks: z.array(task) });
const place = z.object({ target: z.enum(policyTargets) });
/** Left out for `everyone`. */
const targetId = z.object({ id: z.string().max(64).default('') });
const placeOf = ({ target }: z.output<typeof place>, of: z.output<typeof targetId>) => ({
  target,
  targetId: of.id,
});
const change = body(savePolicySchema.omit({ target: true, targetId: true }));

/** What sandboxes may reach. */
export function addPolicyRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/policies',
      ...needs('admin'),
      tags,
      summary: 'Policies that were saved',
      responses: { 200: json(z.array(policy), 'Policies'), ...failures },
    }),
    async (c) => c.json(await services.policies.list(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/policies/{target}',
      ...needs('admin'),
      tags,
      summary: 'The policy of everyone, or of the workspace or sandbox ?id=',
      request: { params: place, query: targetId },
      responses: { 200: json(policy, 'The policy; version 0 is the default'), ...failures },
    }),
    async (c) => {
      const at = placeOf(c.req.valid('param'), c.req.valid('query'));
      return c.json(await services.policies.get(identityOf(c.env), at), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/policies/{target}',
      ...needs('admin'),
      tags,
      summary: 'Save the next version of a policy; running sandboxes follow',
      request: { params: place, query: targetId, body: change },
      responses: { 200: json(applied, 'The policy, and the tasks that bring it to sandboxes'), ...failures },
    }),
    async (c) => {
      const at = placeOf(c.req.valid('param'), c.req.valid('query'));
      const input = { ...c.req.valid('json'), ...at };
      return c.json(await services.policies.apply(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/policies/{target}/preview',
      ...needs('admin'),
      tags,
      summary: 'What saving it would change, and what speaks against it; nothing is saved',
      request: { params: place, query: targetId, body: change },
      responses: { 200: json(policyPreviewSchema, 'The difference'), ...failures },
    }),
    async (c) => {
      const at = placeOf(c.req.valid('param'), c.req.valid('query'));
      const input = { ...c.req.valid('json'), ...at };
      return c.json(await services.policies.preview(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/policies/{target}/versions',
      ...needs('admin'),
      tags,
      summary: 'All versions of a policy, newest first',
      request: { params: place, query: targetId },
      responses: { 200: json(z.array(policyVersionSchema), 'Versions'), ...failures },
    }),
    async (c) => {
      const at = placeOf(c.req.valid('param'), c.req.valid('query'));
      return c.json(await services.policies.versions(identityOf(c.env), at), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/policies/{target}/roll-back',
      ...needs('admin'),
      tags,
      summary: 'Make an old version the newest one',
      request: { params: place, query: targetId, body: body(z.object({ version: z.int().min(1) })) },
      responses: { 200: json(applied, 'The policy, and the tasks that bring it to sandboxes'), ...failures },
    }),
    async (c) => {
      const at = placeOf(c.req.valid('param'), c.req.valid('query'));
      const input = { ...at, version: c.req.valid('json').version };
      return c.json(await services.policies.rollBack(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sandboxes/{id}/allow',
      ...needs('sandboxes:write'),
      tags,
      summary: "Allow a denied name in the sandbox's own policy",
      request: {
        params: z.object({ id: sandboxIdSchema }),
        body: body(z.object({ host: z.string().max(253) })),
      },
      responses: { 200: json(z.array(task), 'The tasks that bring it to the sandbox'), ...failures },
    }),
    async (c) => {
      const input = { sandboxId: c.req.valid('param').id, host: c.req.valid('json').host };
      return c.json(await services.policies.allow(identityOf(c.env), input), 200);
    },
  );
}
