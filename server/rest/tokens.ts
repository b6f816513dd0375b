/** Tokens of programs and devices, in the words that the seeds' clients know. */
import { createRoute, z } from '@hono/zod-openapi';
import { type Scope, scopeSchema, scopes } from '../../shared/scopes';
import { type ApiTokenView, nameSchema, sandboxIdSchema, TOKEN_HOURS_MAX } from '../../shared/views';
import { body, failures, identityOf, idParam, json, needs, type RestApp, type RestServices } from './base';

const tags = ['tokens'];
const token = z
  .object({
    id: z.string(),
    label: z.string(),
    scopes: z.array(scopeSchema),
    sandbox_id: z.string().nullable(),
    prefix: z.string().openapi({ description: 'Its first characters, to tell tokens apart' }),
    created_at: z.string(),
    expires_at: z.string().optional(),
    last_used_at: z.string().optional(),
  })
  .openapi('Token');
/** Names of the seeds' for what has another one here. */
const seedScopes: Record<string, Scope> = {
  ...{ 'fs:read': 'files:read', 'fs:write': 'files:write', 'proxy:read': 'sandboxes:read' },
};
const create = z.object({
  label: nameSchema,
  scopes: z.array(z.enum([...scopes, 'fs:read', 'fs:write', 'proxy:read'])).min(1),
  sandbox_id: sandboxIdSchema
    .optional()
    .openapi({ description: 'The only sandbox that the token is to know of' }),
  ttl_hours: z.number().min(0).max(TOKEN_HOURS_MAX).optional().openapi({ description: '0: without an end' }),
});

const shown = (view: ApiTokenView) => ({
  id: view.id,
  label: view.label,
  scopes: view.scopes,
  sandbox_id: view.sandboxId,
  prefix: view.prefix,
  created_at: view.createdAt,
  ...(view.expiresAt === null ? {} : { expires_at: view.expiresAt }),
  ...(view.lastUsedAt === null ? {} : { last_used_at: view.lastUsedAt }),
});

export function addTokenRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/tokens',
      ...needs('tokens:read'),
      tags,
      summary: 'Your tokens; a token that may do less than you sees itself and what it has made',
      responses: { 200: json(z.object({ tokens: z.array(token) }), 'Tokens, newest first'), ...failures },
    }),
    async (c) => c.json({ tokens: (await services.tokens.list(identityOf(c.env))).map(shown) }, 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/tokens',
      ...needs('tokens:write'),
      tags,
      summary: 'Make a token that may do what you may, or less; it is shown once',
      request: { body: body(create) },
      responses: {
        201: json(z.object({ token, plaintext: z.string() }), 'The token; plaintext is never shown again'),
        ...failures,
      },
    }),
    async (c) => {
      const { sandbox_id, ttl_hours, label, scopes: asked } = c.req.valid('json');
      const wanted = asked.map((it) => scopeSchema.parse(seedScopes[it] ?? it));
      const input = { label, scopes: wanted, sandboxId: sandbox_id ?? null, ttlHours: ttl_hours ?? null };
      const made = await services.tokens.create(identityOf(c.env), input);
      return c.json({ token: shown(made.view), plaintext: made.token }, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/tokens/{id}',
      ...needs('tokens:write'),
      tags,
      summary: 'Revoke a token and all that it has made; what they have open is closed at once',
      request: { params: idParam },
      responses: { 204: { description: 'Revoked' }, ...failures },
    }),
    async (c) => {
      await services.tokens.revoke(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
}
