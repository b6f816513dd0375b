import { createRoute, z } from '@hono/zod-openapi';
import {
  createEgressSchema,
  egressHistorySchema,
  egressViewSchema,
  IMPORT_TEXT_MAX_CHARS,
  importPreviewSchema,
  updateEgressSchema,
} from '../../shared/egress-views';
import { proofSchema } from '../../shared/proof';
import { IMPORT_ENTRIES_MAX } from '../egress/import/entry';
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
const egress = named(egressViewSchema, 'Egress');
const proof = named(proofSchema, 'Proof');
export const proofsQuery = z.object({ limit: z.coerce.number().int().min(1).max(200).default(20) });
const text = z.string().max(IMPORT_TEXT_MAX_CHARS);
const gone = { 204: { description: 'Done' }, ...failures };

/** Ways out; tests stream, see proofs.ts. All of it is for administrators. */
export function addEgressRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/egresses',
      ...needs('admin'),
      tags,
      summary: 'Ways out, secrets masked',
      responses: { 200: json(z.array(egress), 'Ways out'), ...failures },
    }),
    async (c) => c.json(await services.egress.list(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/egresses',
      ...needs('admin'),
      tags,
      summary: 'Make a way out',
      request: { body: body(createEgressSchema) },
      responses: { 201: json(egress, 'The way out'), ...failures },
    }),
    async (c) => c.json(await services.egress.create(identityOf(c.env), c.req.valid('json')), 201),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/egresses/import/preview',
      ...needs('admin'),
      tags,
      summary:
        'Read share links, subscriptions, Clash YAML, sing-box JSON or a WireGuard .conf; nothing is saved',
      request: { body: body(z.object({ text })) },
      responses: { 200: json(importPreviewSchema, 'What is in it'), ...failures },
    }),
    async (c) => c.json(await services.egress.previewImport(identityOf(c.env), c.req.valid('json')), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/egresses/import',
      ...needs('admin'),
      tags,
      summary: 'Save the named lines of a text: all of them or none',
      request: { body: body(z.object({ text, lines: z.array(z.int()).min(1).max(IMPORT_ENTRIES_MAX) })) },
      responses: { 201: json(z.array(egress), 'The ways out'), ...failures },
    }),
    async (c) => c.json(await services.egress.import(identityOf(c.env), c.req.valid('json')), 201),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/egresses/wireguard-key',
      ...needs('admin'),
      tags,
      summary: 'Make a WireGuard key whose private half stays on the host; use its keyId in a way out',
      responses: {
        201: json(z.object({ keyId: z.string(), publicKey: z.string() }), 'The key'),
        ...failures,
      },
    }),
    async (c) => c.json(await services.egress.newWireguardKey(identityOf(c.env)), 201),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/egresses/{id}',
      ...needs('admin'),
      tags,
      summary: 'One way out, secrets masked',
      request: { params: idParam },
      responses: { 200: json(egress, 'The way out'), ...failures },
    }),
    async (c) => c.json(await services.egress.get(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'patch',
      path: '/api/egresses/{id}',
      ...needs('admin'),
      tags,
      summary: 'Change a way out; a secret that is sent as the mask stays. Running sandboxes are switched',
      request: { params: idParam, body: body(updateEgressSchema.omit({ id: true })) },
      responses: { 200: json(egress, 'The way out'), ...failures },
    }),
    async (c) => {
      const input = { ...c.req.valid('json'), id: c.req.valid('param').id };
      return c.json(await services.egress.update(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/egresses/{id}',
      ...needs('admin'),
      tags,
      summary: 'Remove a way out that nothing uses',
      request: { params: idParam },
      responses: gone,
    }),
    async (c) => {
      await services.egress.remove(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/egresses/{id}/export',
      ...needs('admin'),
      tags,
      summary: 'The way out as a text with its secrets; written to the audit log',
      request: {
        params: idParam,
        body: body(z.object({ format: z.enum(['link', 'wireguard', 'sing-box']) })),
      },
      responses: { 200: json(z.object({ text: z.string() }), 'The text'), ...failures },
    }),
    async (c) => {
      const input = { ...c.req.valid('json'), id: c.req.valid('param').id };
      return c.json(await services.egress.export(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/egresses/{id}/history',
      ...needs('admin'),
      tags,
      summary: 'Its proofs and tests of the last 24 hours as points',
      request: { params: idParam },
      responses: { 200: json(egressHistorySchema, 'The points'), ...failures },
    }),
    async (c) => c.json(await services.egress.history(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/egresses/{id}/proofs',
      ...needs('admin'),
      tags,
      summary: 'Its signed proofs and tests, newest first, also those of sandboxes that went by it',
      request: { params: idParam, query: proofsQuery },
      responses: { 200: json(z.array(proof), 'Proofs'), ...failures },
    }),
    async (c) => {
      const input = { id: c.req.valid('param').id, limit: c.req.valid('query').limit };
      return c.json(await services.egress.proofs(identityOf(c.env), input), 200);
    },
  );
}
