/** Public keys for log-ins over SSH. They open all that their user may, so a token needs the scope `*`. */
import { createRoute, z } from '@hono/zod-openapi';
import { addSshKeySchema, type SshKeyView } from '../../shared/ssh-keys';
import { body, failures, identityOf, idParam, json, needs, type RestApp, type RestServices } from './base';

const tags = ['ssh keys'];
const key = z
  .object({
    id: z.string(),
    label: z.string(),
    type: z.string(),
    fingerprint: z.string().openapi({ description: 'As ssh-keygen -l prints it' }),
    created_at: z.string(),
    last_used_at: z.string().optional(),
  })
  .openapi('SshKey');
const server = z
  .object({ host: z.string().nullable(), port: z.number(), fingerprint: z.string() })
  .openapi('SshServer');
const create = z.object({
  public_key: addSshKeySchema.shape.publicKey.describe('The line of the .pub file'),
  label: addSshKeySchema.shape.label.describe("Else the line's comment"),
});

const shown = (view: SshKeyView) => ({
  id: view.id,
  label: view.label,
  type: view.type,
  fingerprint: view.fingerprint,
  created_at: view.createdAt,
  ...(view.lastUsedAt === null ? {} : { last_used_at: view.lastUsedAt }),
});

export function addSshKeyRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/ssh-keys',
      ...needs('tokens:read'),
      tags,
      summary: "Your SSH keys, and the gateway's SSH server; a token needs the scope *, too",
      responses: {
        200: json(z.object({ keys: z.array(key), server: server.nullable() }), 'Keys, newest first'),
        ...failures,
      },
    }),
    async (c) => {
      const { keys, server: at } = await services.sshKeys.get(identityOf(c.env));
      return c.json({ keys: keys.map(shown), server: at }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/ssh-keys',
      ...needs('tokens:write'),
      tags,
      summary: 'Add a public key: it opens every sandbox you may use; a token needs the scope *, too',
      request: { body: body(create) },
      responses: { 201: json(z.object({ key }), 'The key'), ...failures },
    }),
    async (c) => {
      const { public_key: publicKey, label } = c.req.valid('json');
      const added = await services.sshKeys.add(identityOf(c.env), { publicKey, label });
      return c.json({ key: shown(added) }, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/ssh-keys/{id}',
      ...needs('tokens:write'),
      tags,
      summary: 'Remove a key; what it has open is closed at once. A token needs the scope *, too',
      request: { params: idParam },
      responses: { 204: { description: 'Removed' }, ...failures },
    }),
    async (c) => {
      await services.sshKeys.remove(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
}
