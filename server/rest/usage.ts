/** What the Claude API has cost, and budgets over it. */
import { createRoute, z } from '@hono/zod-openapi';
import { sandboxIdSchema, sessionIdSchema } from '../../shared/names';
import {
  budgetViewSchema,
  modelPriceSchema,
  priceViewSchema,
  setBudgetSchema,
  USAGE_PAGE_MAX,
  usageQuerySchema,
  usageRequestSchema,
  usageSumSchema,
} from '../../shared/usage';
import type { Services } from '../contracts';
import { body, failures, identityOf, json, named, needs, type RestApp } from './base';

const tags = ['usage'];
const sums = named(usageSumSchema, 'UsageSum');
const requests = named(usageRequestSchema, 'UsageRequest');
const budgets = named(budgetViewSchema, 'Budget');
const prices = named(priceViewSchema, 'ModelPrice');
const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((it) => it === 'true');

export function addUsageRoutes(app: RestApp, { usage }: Pick<Services, 'usage'>): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/usage',
      ...needs('usage:read'),
      tags,
      summary:
        'Tokens, requests and cost: your own, of a workspace that you lead, or with `all` of everybody',
      request: { query: usageQuerySchema.extend({ all: flag }) },
      responses: { 200: json(z.array(sums), 'A sum for each day, model or name'), ...failures },
    }),
    async (c) => c.json(await usage.sums(identityOf(c.env), c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/usage/requests',
      ...needs('usage:read'),
      tags,
      summary: 'Single requests of a sandbox or session, newest first',
      request: {
        query: z.object({
          sandboxId: sandboxIdSchema,
          sessionId: sessionIdSchema.optional(),
          before: z.iso.datetime().optional(),
          limit: z.coerce.number().int().min(1).max(USAGE_PAGE_MAX).default(50),
        }),
      },
      responses: { 200: json(z.array(requests), 'Requests'), ...failures },
    }),
    async (c) => c.json(await usage.requests(identityOf(c.env), c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/budgets',
      ...needs('usage:read'),
      tags,
      summary: 'Budgets over you, and what is used of them; for administrators all',
      responses: { 200: json(z.array(budgets), 'Budgets'), ...failures },
    }),
    async (c) => c.json(await usage.budgets(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/budgets',
      ...needs('admin'),
      tags,
      summary: 'Set a budget, or take it away with the limit null',
      request: { body: body(setBudgetSchema) },
      responses: { 200: json(z.array(budgets), 'All budgets'), ...failures },
    }),
    async (c) => c.json(await usage.setBudget(identityOf(c.env), c.req.valid('json')), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/prices',
      ...needs('usage:read'),
      tags,
      summary: 'What models cost, in US dollars per million tokens',
      responses: { 200: json(z.array(prices), 'Prices'), ...failures },
    }),
    async (c) => c.json(await usage.prices(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/prices',
      ...needs('admin'),
      tags,
      summary: 'Set the price of a model from a day on',
      request: { body: body(modelPriceSchema) },
      responses: { 200: json(z.array(prices), 'All prices'), ...failures },
    }),
    async (c) => c.json(await usage.setPrice(identityOf(c.env), c.req.valid('json')), 200),
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/prices',
      ...needs('admin'),
      tags,
      summary: 'Take a price away that was set',
      request: { body: body(modelPriceSchema.pick({ model: true, since: true })) },
      responses: { 200: json(z.array(prices), 'All prices'), ...failures },
    }),
    async (c) => c.json(await usage.removePrice(identityOf(c.env), c.req.valid('json')), 200),
  );
}
