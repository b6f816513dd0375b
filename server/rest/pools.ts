import { createRoute, z } from '@hono/zod-openapi';
import {
  bindingViewSchema,
  bindSchema,
  poolViewSchema,
  savePoolSchema,
  saveSubscriptionSchema,
  subscriptionViewSchema,
} from '../../shared/egress-views';
import { taskViewSchema } from '../../shared/views';
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

const tags = ['egresses'];
const pool = named(poolViewSchema, 'EgressPool');
const subscription = named(subscriptionViewSchema, 'EgressSubscription');
const task = named(taskViewSchema, 'Task');
const gone = { 204: { description: 'Done' }, ...failures };

/** Who goes by which way out: pools, bindings, and the subscriptions that ways out come from. */
export function addPoolRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/pools',
      ...needs('admin'),
      tags,
      summary: 'Pools of ways out',
      responses: { 200: json(z.array(pool), 'Pools'), ...failures },
    }),
    async (c) => c.json(await services.egress.pools(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/pools',
      ...needs('admin'),
      tags,
      summary: 'Make a pool',
      request: { body: body(savePoolSchema.omit({ id: true })) },
      responses: { 201: json(pool, 'The pool'), ...failures },
    }),
    async (c) => c.json(await services.egress.savePool(identityOf(c.env), c.req.valid('json')), 201),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/pools/{id}',
      ...needs('admin'),
      tags,
      summary: 'Save a pool; sandboxes whose way out is no member any more are switched',
      request: { params: idParam, body: body(savePoolSchema.omit({ id: true })) },
      responses: { 200: json(pool, 'The pool'), ...failures },
    }),
    async (c) => {
      const input = { ...c.req.valid('json'), id: c.req.valid('param').id };
      return c.json(await services.egress.savePool(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/pools/{id}',
      ...needs('admin'),
      tags,
      summary: 'Remove a pool that is bound to nothing',
      request: { params: idParam },
      responses: gone,
    }),
    async (c) => {
      await services.egress.removePool(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/bindings',
      ...needs('admin'),
      tags,
      summary: 'Who is bound to which way out or pool; the nearest binding wins',
      responses: { 200: json(z.array(bindingViewSchema), 'Bindings'), ...failures },
    }),
    async (c) => c.json(await services.egress.bindings(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/bindings',
      ...needs('admin'),
      tags,
      summary: 'Bind or, with neither id, unbind; running sandboxes that it concerns are switched',
      request: { body: body(bindSchema) },
      responses: { 200: json(z.array(task), 'The tasks that switch them'), ...failures },
    }),
    async (c) => c.json(await services.egress.bind(identityOf(c.env), c.req.valid('json')), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/subscriptions',
      ...needs('admin'),
      tags,
      summary: 'Subscriptions, without their addresses',
      responses: { 200: json(z.array(subscription), 'Subscriptions'), ...failures },
    }),
    async (c) => c.json(await services.egress.subscriptions(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/subscriptions',
      ...needs('admin'),
      tags,
      summary: 'Make a subscription; it is fetched within a minute',
      request: { body: body(saveSubscriptionSchema.omit({ id: true })) },
      responses: { 201: json(subscription, 'The subscription'), ...failures },
    }),
    async (c) => c.json(await services.egress.saveSubscription(identityOf(c.env), c.req.valid('json')), 201),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/subscriptions/{id}',
      ...needs('admin'),
      tags,
      summary: 'Save a subscription; without url its address stays',
      request: { params: idParam, body: body(saveSubscriptionSchema.omit({ id: true })) },
      responses: { 200: json(subscription, 'The subscription'), ...failures },
    }),
    async (c) => {
      const input = { ...c.req.valid('json'), id: c.req.valid('param').id };
      return c.json(await services.egress.saveSubscription(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/subscriptions/{id}',
      ...needs('admin'),
      tags,
      summary: 'Remove a subscription; its ways out stay',
      request: { params: idParam },
      responses: gone,
    }),
    async (c) => {
      await services.egress.removeSubscription(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/subscriptions/{id}/refresh',
      ...needs('admin'),
      tags,
      summary: 'Fetch now; what changed waits in `pending`, unless it applies by itself',
      request: { params: idParam },
      responses: { 200: json(subscription, 'The subscription'), ...failures },
    }),
    async (c) =>
      c.json(await services.egress.refreshSubscription(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/subscriptions/{id}/apply',
      ...needs('admin'),
      tags,
      summary: 'Take what waits in `pending`, all of it or nothing',
      request: { params: idParam },
      responses: { 200: json(subscription, 'The subscription'), ...failures },
    }),
    async (c) =>
      c.json(await services.egress.applySubscription(identityOf(c.env), c.req.valid('param').id), 200),
  );
}
