import { createRoute, z } from '@hono/zod-openapi';
import { presetPreviewSchema } from '../../shared/egress-views';
import { presetVersionSchema, presetViewSchema, savePresetSchema } from '../../shared/policy-presets';
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

const tags = ['policies'];
const preset = named(presetViewSchema, 'GrantPreset');
const saved = z.object({ preset, tasks: z.array(named(taskViewSchema, 'Task')) });
const fields = savePresetSchema.omit({ id: true });

/** Named grants that policies take in. */
export function addPresetRoutes(app: RestApp, { services }: RestServices): void {
  const { policies } = services;
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/presets',
      ...needs('admin'),
      tags,
      summary: 'Presets that administrators defined, with whose policies take them in',
      responses: { 200: json(z.array(preset), 'Presets'), ...failures },
    }),
    async (c) => c.json(await policies.presets(identityOf(c.env)), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/presets',
      ...needs('admin'),
      tags,
      summary: 'Make a preset',
      request: { body: body(fields) },
      responses: { 201: json(saved, 'The preset'), ...failures },
    }),
    async (c) => c.json(await policies.savePreset(identityOf(c.env), c.req.valid('json')), 201),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/presets/preview',
      ...needs('admin'),
      tags,
      summary: 'What saving it would change, and what speaks against it; nothing is saved',
      request: { body: body(savePresetSchema) },
      responses: { 200: json(presetPreviewSchema, 'The difference'), ...failures },
    }),
    async (c) => c.json(await policies.previewPreset(identityOf(c.env), c.req.valid('json')), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/presets/{id}',
      ...needs('admin'),
      tags,
      summary: 'Save the next version; policies that take it in become a new version, sandboxes follow',
      request: { params: idParam, body: body(fields) },
      responses: { 200: json(saved, 'The preset, and the tasks that bring it to sandboxes'), ...failures },
    }),
    async (c) => {
      const input = { ...c.req.valid('json'), id: c.req.valid('param').id };
      return c.json(await policies.savePreset(identityOf(c.env), input), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/presets/{id}',
      ...needs('admin'),
      tags,
      summary: 'Remove a preset that no policy takes in',
      request: { params: idParam },
      responses: { 204: { description: 'Done' }, ...failures },
    }),
    async (c) => {
      await policies.removePreset(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/presets/{id}/versions',
      ...needs('admin'),
      tags,
      summary: 'All versions of a preset, newest first',
      request: { params: idParam },
      responses: { 200: json(z.array(presetVersionSchema), 'Versions'), ...failures },
    }),
    async (c) => c.json(await policies.presetVersions(identityOf(c.env), c.req.valid('param').id), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/presets/{id}/roll-back',
      ...needs('admin'),
      tags,
      summary: 'Make an old version the newest one',
      request: { params: idParam, body: body(z.object({ version: z.int().min(1) })) },
      responses: { 200: json(saved, 'The preset, and the tasks that bring it to sandboxes'), ...failures },
    }),
    async (c) => {
      const input = { id: c.req.valid('param').id, version: c.req.valid('json').version };
      return c.json(await policies.rollBackPreset(identityOf(c.env), input), 200);
    },
  );
}
