import { createRoute, z } from '@hono/zod-openapi';
import { json, needs, type RestApp } from './base';

const health = z.object({
  status: z.literal('ok'),
  mode: z.enum(['default', 'headless']),
  version: z.string(),
});

/** For devices, which only want to know that they have found it. What supervisors want to know is at /healthz. */
export function addHealthRoute(
  app: RestApp,
  { version, headless }: { version: string; headless: boolean },
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/health',
      ...needs('public'),
      tags: ['health'],
      summary: 'Is this a Cloud Claude?',
      responses: { 200: json(health, 'It is') },
    }),
    (c) => {
      const mode = headless ? ('headless' as const) : ('default' as const);
      return c.json({ status: 'ok' as const, mode, version }, 200);
    },
  );
}
