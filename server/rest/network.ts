import { createRoute, z } from '@hono/zod-openapi';
import { createEgressSchema, sandboxNetworkViewSchema, trafficViewSchema } from '../../shared/egress-views';
import type { AppError } from '../../shared/errors';
import { proofSchema } from '../../shared/proof';
import { sandboxIdSchema } from '../../shared/views';
import type { OpenSockets } from '../contracts';
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
import { proofsQuery } from './egress';
import { answerProof } from './proof-stream';
import { sandboxMeant } from './sandbox-selector';

const tags = ['network'];
const sandboxParam = z.object({ id: sandboxIdSchema });
const proof = named(proofSchema, 'Proof');
const network = named(sandboxNetworkViewSchema, 'SandboxNetwork');
const traffic = named(trafficViewSchema, 'Traffic');
const streamed = {
  200: { description: 'text/event-stream: checks as they happen; ends with `proof` or `error`' },
  ...failures,
};

/** A sandbox's network, and proofs and tests told while they run. */
export function addNetworkRoutes(
  app: RestApp,
  options: RestServices & {
    sockets: OpenSockets;
    report: (error: AppError, requestId: string) => void;
  },
): void {
  const { services, sockets, report } = options;
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes/{id}/network',
      ...needs('sandboxes:read'),
      tags,
      summary: "A sandbox's way out, its newest proof, and what it may reach",
      request: { params: sandboxParam },
      responses: { 200: json(network, 'The network'), ...failures },
    }),
    async (c) => c.json(await services.network.ofSandbox(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/proxy/status',
      ...needs('sandboxes:read'),
      tags,
      summary: 'The same of the sandbox that is meant',
      request: { query: z.object({ sandbox_id: sandboxIdSchema.optional() }) },
      responses: { 200: json(network, 'The network'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const id = await sandboxMeant(services, identity, c.req.valid('query').sandbox_id);
      return c.json(await services.network.ofSandbox(identity, id), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes/{id}/proofs',
      ...needs('sandboxes:read'),
      tags,
      summary: 'Its proofs, newest first',
      request: {
        params: sandboxParam,
        query: proofsQuery,
      },
      responses: { 200: json(z.array(proof), 'Proofs'), ...failures },
    }),
    async (c) => {
      const input = { sandboxId: c.req.valid('param').id, limit: c.req.valid('query').limit };
      return c.json(await services.network.proofs(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes/{id}/traffic',
      ...needs('sandboxes:read'),
      tags,
      summary: 'What passed and what was denied: now, and in the last 24 hours',
      request: { params: sandboxParam },
      responses: { 200: json(traffic, 'The traffic'), ...failures },
    }),
    async (c) => c.json(await services.network.traffic(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sandboxes/{id}/prove',
      ...needs('sandboxes:write'),
      tags,
      summary: 'Take a proof now',
      request: { params: sandboxParam },
      responses: streamed,
    }),
    (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      const start = (signal: AbortSignal) => services.network.prove(identity, id, signal);
      return answerProof(c, { sockets, identity, sandboxId: id, start, report });
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/egresses/test',
      ...needs('admin'),
      tags: ['egresses'],
      summary: 'Test a way out that is not saved',
      request: { body: body(createEgressSchema) },
      responses: streamed,
    }),
    (c) => {
      const identity = identityOf(c.env);
      const input = c.req.valid('json');
      const start = (signal: AbortSignal) => services.egress.test(identity, input, signal);
      return answerProof(c, { sockets, identity, sandboxId: null, start, report });
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/egresses/{id}/test',
      ...needs('admin'),
      tags: ['egresses'],
      summary: 'Test a saved way out',
      request: { params: idParam },
      responses: streamed,
    }),
    (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      const start = (signal: AbortSignal) => services.egress.test(identity, { id }, signal);
      return answerProof(c, { sockets, identity, sandboxId: null, start, report });
    },
  );
}
