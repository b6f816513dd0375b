import { createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../shared/errors';
import { createSessionSchema, sandboxIdSchema } from '../../shared/views';
import type { Db, Identity } from '../contracts';
import type { Frames } from '../services/frames/service';
import type { Prefs, PrefsService } from '../services/prefs/service';
import { body, failures, identityOf, json, needs, type RestApp, type RestServices } from './base';
import { session, sessionDetail, sessionParam, shownSession } from './session-words';

const tags = ['sessions'];
/** Of the seeds' clients: here a credential is kept once, as a provider, and a session names it. */
const elsewhere = z
  .string()
  .refine(() => false, 'Keep credentials as providers and name one by provider_id.')
  .optional();
const create = createSessionSchema
  .omit({ sandboxId: true, kind: true, permissionMode: true, providerId: true, resumeFrom: true })
  .extend({
    kind: createSessionSchema.shape.kind.default('claude'),
    sandbox_id: sandboxIdSchema.optional().openapi({
      description: 'Not needed where the caller sees one running sandbox only',
    }),
    permission_mode: createSessionSchema.shape.permissionMode,
    bypass_permissions: z.boolean().optional().openapi({ description: 'false: permission_mode manual' }),
    auth_mode: z.enum(['subscription', 'api_key']).optional(),
    provider_id: createSessionSchema.shape.providerId,
    resume_from: createSessionSchema.shape.resumeFrom,
    api_key: elsewhere,
    oauth_token: elsewhere,
  });

export interface SandboxChoice {
  db: Db;
  services: RestServices['services'];
}

/** The one that was named, or that a token is bound to, or the only running one that the caller may use. */
export async function chosenSandbox(
  { services }: Pick<SandboxChoice, 'services'>,
  identity: Identity,
  named: string | undefined,
): Promise<string> {
  if (named !== undefined) return named;
  if (identity.sandboxId !== null) return identity.sandboxId;
  const all = await services.sandboxes.list(identity, {});
  const running = all.filter((it) => it.can.use && (it.state === 'running' || it.state === 'unavailable'));
  const [only] = running;
  if (only && running.length === 1) return only.id;
  const many = `You have ${running.length} running sandboxes: name one by sandbox_id.`;
  throw only
    ? new AppError('invalid_input', many, { field: 'sandbox_id' })
    : new AppError('sandbox_not_running', 'None of your sandboxes is running.');
}

export function addSessionRoutes(
  app: RestApp,
  { services, frames, prefs }: RestServices & { frames: Frames; prefs: PrefsService },
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions',
      ...needs('sessions:read'),
      tags,
      summary: 'Sessions of one sandbox, or of all that the caller may use, oldest first',
      request: { query: z.object({ sandbox_id: sandboxIdSchema.optional() }) },
      responses: { 200: json(z.object({ sessions: z.array(session) }), 'Sessions'), ...failures },
    }),
    async (c) => {
      const found = await services.sessions.list(identityOf(c.env), {
        sandboxId: c.req.valid('query').sandbox_id,
      });
      return c.json({ sessions: found.map(shownSession) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/sessions',
      ...needs('sessions:write'),
      tags,
      summary: 'Open a Claude Code session (or a shell, which needs shells:write) in a running sandbox',
      request: { body: body(create) },
      responses: { 201: json(session, 'The session'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const {
        sandbox_id,
        permission_mode,
        bypass_permissions,
        auth_mode,
        provider_id,
        resume_from,
        ...rest
      } = c.req.valid('json');
      const defaults: Prefs = rest.kind === 'claude' ? await prefs.get(identity) : {};
      const mode = auth_mode ?? defaults.default_auth_mode;
      const byMode = mode === undefined ? undefined : mode === 'subscription' ? 'subscription' : 'gateway';
      const preferred = auth_mode === undefined ? defaults.default_provider_id : undefined;
      const given = {
        kind: rest.kind,
        ...(rest.name === undefined ? {} : { name: rest.name }),
        ...(rest.workdir === undefined ? {} : { workdir: rest.workdir }),
        ...(rest.hooks === undefined ? {} : { hooks: rest.hooks }),
        sandboxId: await chosenSandbox({ services }, identity, sandbox_id),
        permissionMode: permission_mode ?? (bypass_permissions === false ? ('manual' as const) : undefined),
        model: rest.model ?? defaults.default_model,
        effort: rest.effort ?? defaults.default_effort,
        providerId: provider_id ?? preferred ?? byMode,
        resumeFrom: resume_from,
      };
      return c.json(shownSession(await services.sessions.create(identity, given)), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}',
      ...needs('sessions:read'),
      tags,
      summary: 'One session; while its sandbox runs with the newest seq of its journal',
      request: { params: sessionParam },
      responses: { 200: json(sessionDetail, 'The session'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { id } = c.req.valid('param');
      const view = await services.sessions.get(identity, id);
      // A sandbox that cannot be asked does not make the session unknown.
      const known = view.kind === 'claude' ? await frames.summary(identity, id).catch(() => null) : null;
      const detail = { last_seq: known?.lastSeq ?? 0, claude_session_id: known?.claudeSessionId ?? null };
      return c.json({ ...shownSession(view), ...(known ? { state: known.status } : {}), ...detail }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/sessions/{id}/usage',
      ...needs('sessions:read'),
      tags,
      summary: 'Tokens that a session has used; what they cost: /api/usage',
      request: { params: sessionParam },
      responses: { 200: json(session.shape.usage.extend({ id: z.string() }), 'Tokens'), ...failures },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const view = await services.sessions.get(identityOf(c.env), id);
      return c.json({ id, ...shownSession(view).usage }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/api/sessions/{id}',
      ...needs('sessions:write'),
      tags,
      summary: 'End a session and what runs in it',
      request: {
        params: sessionParam,
        query: z.object({
          signal: z.enum(['term', 'kill']).optional().openapi({ description: 'Both end it for good' }),
        }),
      },
      responses: { 200: json(session, 'The ended session'), ...failures },
    }),
    async (c) =>
      c.json(shownSession(await services.sessions.end(identityOf(c.env), c.req.valid('param').id)), 200),
  );
}
