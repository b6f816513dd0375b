import { createRoute, z } from '@hono/zod-openapi';
import { type PrefsService, prefsChangeSchema, prefsSchema } from '../services/prefs/service';
import { body, failures, identityOf, json, needs, type RestApp } from './base';

const tags = ['prefs'];
const prefsView = prefsSchema.extend({ updated_at: z.string() }).openapi('Prefs');

export function addPrefsRoutes(app: RestApp, { prefs }: { prefs: PrefsService }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/prefs',
      ...needs('prefs:read'),
      tags,
      summary: 'What a session that a program opens takes when the program does not say',
      responses: { 200: json(prefsView, 'Defaults'), ...failures },
    }),
    async (c) => c.json(await prefs.get(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'patch',
      path: '/api/prefs',
      ...needs('prefs:write'),
      tags,
      summary: 'Change defaults; "-" clears one, what is absent stays',
      request: { body: body(prefsChangeSchema) },
      responses: { 200: json(prefsView, 'Defaults'), ...failures },
    }),
    async (c) => c.json(await prefs.change(identityOf(c.env), c.req.valid('json')), 200),
  );
}
