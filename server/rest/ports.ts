/** Ports of a sandbox: which ones somebody listens on. They are opened under `/sandboxes/{id}/ports/{port}/`. */
import { createRoute, z } from '@hono/zod-openapi';
import { portViewSchema } from '../../shared/ports';
import { sandboxIdSchema } from '../../shared/views';
import { failures, identityOf, json, needs, type RestApp, type RestServices } from './base';

export function addPortRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes/{id}/ports',
      ...needs('ports:read'),
      tags: ['ports'],
      summary: 'TCP ports that programs in the sandbox listen on, with their address at the gateway',
      request: { params: z.object({ id: sandboxIdSchema }) },
      responses: { 200: json(z.object({ ports: z.array(portViewSchema) }), 'Ports'), ...failures },
    }),
    async (c) =>
      c.json({ ports: await services.ports.list(identityOf(c.env), c.req.valid('param').id) }, 200),
  );
}
