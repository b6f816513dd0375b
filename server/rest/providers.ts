/** Claude providers for programs, in the words that the seeds' clients know; the web app uses tRPC. */
import { createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../shared/errors';
import {
  createProviderSchema,
  ownProviderKinds,
  type ProviderProbe,
  type ProviderView,
  providerKindSchema,
  providerProbeSchema,
  updateProviderSchema,
} from '../../shared/providers';
import { modelSchema } from '../../shared/sandboxd-api';
import { body, failures, identityOf, idParam, json, needs, type RestApp, type RestServices } from './base';

const tags = ['providers'];
const authSchema = z.enum(['x-api-key', 'bearer']);
const provider = z
  .object({
    id: z.string(),
    kind: providerKindSchema,
    label: z.string(),
    api_host: z.string().nullable().openapi({ description: 'Of a compatible host; null: Anthropic’s own' }),
    api_key: z.string().nullable().openapi({ description: 'Its last four characters, never the key' }),
    auth: authSchema.nullable(),
    model: z.string().nullable().openapi({ description: 'What stands for all models that are not mapped' }),
    model_map: z.record(z.string(), z.string()),
    built_in: z.boolean(),
    is_default: z.boolean(),
    shared: z.boolean(),
    mine: z.boolean(),
    sessions: z.number().openapi({ description: 'Open sessions with it that you may see' }),
    created_at: z.string().nullable(),
    last_used_at: z.string().nullable(),
  })
  .openapi('Provider');
/** Every field is judged by the service's own schema, under the name it has there. */
const fields = {
  label: z.string(),
  api_host: z.string(),
  api_key: z.string(),
  auth: authSchema,
  model: z.string().openapi({ description: 'The same as model_map {"*": model}' }),
  model_map: z.record(z.string(), z.string()),
  shared: z.boolean(),
};
const given = z.object(fields).partial();
const create = given.required({ label: true, api_key: true }).extend({
  kind: z.enum(ownProviderKinds).optional().openapi({
    description: 'Without it: compatible with an api_host, else api_key',
  }),
});
const trial = create.partial({ label: true });
const probed = providerProbeSchema
  .extend({
    http: z.number().nullable().openapi({ description: 'The status it answered with; null: no answer' }),
    endpoint: z.string(),
    latency_ms: z.number(),
    detail: z.string(),
  })
  .omit({ durationMs: true, message: true })
  .openapi('ProviderProbe');

const names: Record<string, string> = { baseUrl: 'api_host', secret: 'api_key', modelMap: 'model_map' };
/** Throws `invalid_input` with the field's name of this API. */
function judged<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const first = String(issue?.path[0] ?? '');
  const field = names[first] ?? first;
  throw new AppError('invalid_input', `${field}: ${issue?.message}`, { field });
}
/** A refusal of the service, with the field's name of this API. */
async function inWords<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const field = error instanceof AppError && error.field !== undefined ? names[error.field] : undefined;
    if (!(error instanceof AppError) || field === undefined) throw error;
    throw new AppError(error.code, error.message, { field });
  }
}
function words({ api_host, api_key, model, model_map, ...rest }: z.output<typeof given>) {
  const map = { ...(model === undefined ? {} : { '*': model }), ...model_map };
  return {
    ...rest,
    ...(api_host === undefined ? {} : { baseUrl: api_host }),
    ...(api_key === undefined ? {} : { secret: api_key }),
    ...(model === undefined && model_map === undefined ? {} : { modelMap: map }),
  };
}
const kindOf = ({ kind, api_host }: { kind?: string | undefined; api_host?: string | undefined }) =>
  kind ?? (api_host === undefined ? 'api_key' : 'compatible');
const shown = (it: ProviderView): z.output<typeof provider> => ({
  id: it.id,
  kind: it.kind,
  label: it.label,
  api_host: it.baseUrl,
  api_key: it.hint,
  auth: it.auth,
  model: it.modelMap['*'] ?? null,
  model_map: it.modelMap,
  built_in: it.builtIn,
  is_default: it.isDefault,
  shared: it.shared,
  mine: it.mine,
  sessions: it.sessions,
  created_at: it.createdAt,
  last_used_at: it.lastUsedAt,
});
const shownProbe = ({ durationMs, message, ...it }: ProviderProbe): z.output<typeof probed> => ({
  ...it,
  http: it.answer?.status ?? null,
  endpoint: it.request.url,
  latency_ms: durationMs,
  detail: message,
});

export function addProviderRoutes(app: RestApp, { services }: RestServices): void {
  const { providers } = services;
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/providers',
      ...needs('providers:read'),
      tags,
      summary: 'Who may answer Claude for you: built-in ones, yours, shared ones; keys are never shown',
      responses: { 200: json(z.object({ providers: z.array(provider) }), 'Providers'), ...failures },
    }),
    async (c) => c.json({ providers: (await providers.list(identityOf(c.env))).map(shown) }, 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/providers',
      ...needs('providers:write'),
      tags,
      summary: 'Keep a key for Claude; it is encrypted at once and never shown again',
      request: { body: body(create) },
      responses: { 201: json(provider, 'The provider'), ...failures },
    }),
    async (c) => {
      const { kind, ...rest } = c.req.valid('json');
      const input = judged(createProviderSchema, { ...words(rest), kind: kindOf({ kind, ...rest }) });
      return c.json(shown(await inWords(providers.create(identityOf(c.env), input))), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/providers/probe',
      ...needs('providers:write'),
      tags,
      summary: 'Ask a provider for one token before it is kept; always 200, `ok` tells how it went',
      request: { body: body(trial.extend({ probe_model: modelSchema.optional() })) },
      responses: { 200: json(probed, 'The request, the key masked, and its answer'), ...failures },
    }),
    async (c) => {
      const { kind, probe_model: model, label = 'trial', ...rest } = c.req.valid('json');
      const asked = { ...words({ label, ...rest }), kind: kindOf({ kind, ...rest }) };
      const input = { provider: judged(createProviderSchema, asked), model };
      return c.json(shownProbe(await inWords(providers.probeNew(identityOf(c.env), input))), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/providers/{id}',
      ...needs('providers:write'),
      tags,
      summary: 'Change a provider; what is left out stays, and another host needs its key anew',
      request: { params: idParam, body: body(given) },
      responses: { 200: json(provider, 'The provider'), ...failures },
    }),
    async (c) => {
      const asked = { ...words(c.req.valid('json')), id: c.req.valid('param').id };
      const input = judged(updateProviderSchema, asked);
      return c.json(shown(await inWords(providers.update(identityOf(c.env), input))), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/providers/{id}',
      ...needs('providers:write'),
      tags,
      summary: 'Remove a provider; refused while open sessions use it',
      request: { params: idParam },
      responses: { 204: { description: 'It is gone' }, ...failures },
    }),
    async (c) => {
      await providers.remove(identityOf(c.env), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/providers/{id}/probe',
      ...needs('providers:write'),
      tags,
      summary: 'Ask a provider for one token; always 200, `ok` tells how it went',
      request: {
        params: idParam,
        body: { content: { 'application/json': { schema: z.object({ model: modelSchema.optional() }) } } },
      },
      responses: { 200: json(probed, 'The request, the key masked, and its answer'), ...failures },
    }),
    async (c) => {
      // No body at all is none; Hono hands that on as {}.
      const { model } = c.req.valid('json') ?? {};
      const input = { id: c.req.valid('param').id, model };
      return c.json(shownProbe(await providers.probe(identityOf(c.env), input)), 200);
    },
  );
}
