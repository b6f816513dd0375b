/** Ports of a sandbox: which ones somebody listens on, and ports of this machine that lead to them. */
import { createRoute, z } from '@hono/zod-openapi';
import { MAPPED_HOST, type PortMapping, portNumberSchema, portViewSchema } from '../../shared/ports';
import { sandboxIdSchema } from '../../shared/views';
import { body, failures, identityOf, json, needs, type RestApp, type RestServices } from './base';
import { sandboxMeant } from './sandbox-selector';

const tags = ['ports'];
const mapping = z
  .object({
    host_port: portNumberSchema.describe('Of this machine; takes tokens only'),
    sandbox_id: z.string(),
    internal_port: portNumberSchema,
    internal_host: z.literal(MAPPED_HOST),
    created_at: z.string(),
    problem: z.string().nullable().openapi({ description: 'Why it does not listen; null: it does' }),
  })
  .openapi('PortMapping');
const expose = z.object({
  internal_port: portNumberSchema,
  internal_host: z
    .enum([MAPPED_HOST, 'localhost'], "Only the sandbox's own loopback can be mapped: 127.0.0.1.")
    .default(MAPPED_HOST),
  sandbox_id: sandboxIdSchema.optional().openapi({
    description: 'Not needed where the token is bound to a sandbox, or the caller can use only one',
  }),
});

const shown = (it: PortMapping): z.output<typeof mapping> => ({
  host_port: it.hostPort,
  sandbox_id: it.sandboxId,
  internal_port: it.internalPort,
  internal_host: MAPPED_HOST,
  created_at: it.createdAt,
  problem: it.problem,
});

export function addPortRoutes(app: RestApp, { services }: RestServices): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sandboxes/{id}/ports',
      ...needs('ports:read'),
      tags,
      summary: 'TCP ports that programs in the sandbox listen on, with their address at the gateway',
      request: { params: z.object({ id: sandboxIdSchema }) },
      responses: { 200: json(z.object({ ports: z.array(portViewSchema) }), 'Ports'), ...failures },
    }),
    async (c) =>
      c.json({ ports: await services.ports.list(identityOf(c.env), c.req.valid('param').id) }, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/ports',
      ...needs('ports:read'),
      tags,
      summary: 'Mapped ports of one sandbox, or of all that the caller may use',
      request: { query: z.object({ sandbox_id: sandboxIdSchema.optional() }) },
      responses: {
        200: json(
          z.object({
            range: z
              .tuple([z.number(), z.number()])
              .openapi({ description: 'First and last port of this machine; [0, 0]: none' }),
            mappings: z.array(mapping),
          }),
          'Mappings by their port',
        ),
        ...failures,
      },
    }),
    async (c) => {
      const filter = { sandboxId: c.req.valid('query').sandbox_id };
      const { range, mappings } = await services.ports.mappings(identityOf(c.env), filter);
      const shownRange: [number, number] = range === null ? [0, 0] : [range.first, range.last];
      return c.json({ range: shownRange, mappings: mappings.map(shown) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/ports/expose',
      ...needs('ports:write'),
      tags,
      summary:
        "Let a free port of this machine lead to one of a sandbox's loopback, for programs with a token",
      request: { body: body(expose) },
      responses: {
        200: json(mapping, 'It was mapped already'),
        201: json(mapping, 'The mapping'),
        ...failures,
      },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { sandbox_id, internal_port } = c.req.valid('json');
      const sandboxId = await sandboxMeant(services, identity, sandbox_id);
      const made = await services.ports.expose(identity, { sandboxId, internalPort: internal_port });
      return c.json(shown(made.mapping), made.created ? 201 : 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/ports/{host_port}',
      ...needs('ports:write'),
      tags,
      summary: 'Take a mapping away; what goes through it is cut',
      request: { params: z.object({ host_port: z.coerce.number().pipe(portNumberSchema) }) },
      responses: { 204: { description: 'It is gone' }, ...failures },
    }),
    async (c) => {
      await services.ports.unexpose(identityOf(c.env), c.req.valid('param').host_port);
      return c.body(null, 204);
    },
  );
}
