/** Claude's own log-in at the paths of the seeds' clients, which knew one sandbox; the same service as login.ts. */
import { createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../shared/errors';
import { type LoginView, loginCodeSchema } from '../../shared/providers';
import { sandboxIdSchema } from '../../shared/views';
import type { Identity } from '../contracts';
import { body, failures, identityOf, json, needs, type RestApp, type RestServices } from './base';
import { sandboxMeant } from './sandbox-selector';

const tags = ['providers'];
/** Claude Code says its address within seconds; `start` waits for it, and `code` for what it says to the code. */
const STAGE_MAX_MS = 30_000;
const flow = z
  .object({
    id: z.string().openapi({ description: 'The sandbox: it has one log-in at a time' }),
    state: z.enum(['starting', 'awaiting_code', 'verifying', 'done', 'failed', 'cancelled']),
    auth_url: z.string().optional(),
    started_at: z.string().nullable(),
    error: z.string().optional(),
  })
  .openapi('LoginFlow');
const states = {
  ...{ none: 'failed', starting: 'starting', url: 'awaiting_code', checking: 'verifying' },
  ...{ done: 'done', failed: 'failed', canceled: 'cancelled' },
} as const satisfies Record<LoginView['stage'], z.output<typeof flow>['state']>;
const shown = (id: string, view: LoginView): z.output<typeof flow> => ({
  id,
  state: states[view.stage],
  ...(view.url === null ? {} : { auth_url: view.url }),
  started_at: view.startedAt,
  ...(view.message === null ? {} : { error: view.message }),
});
const selector = z.object({ sandbox_id: sandboxIdSchema.optional() });
const status = z.object({
  loggedIn: z.boolean(),
  authMethod: z.string().nullable(),
  email: z.string().nullable(),
  subscriptionType: z.string().nullable(),
});

export function addClaudeLoginRoutes(app: RestApp, { services }: RestServices): void {
  const { login } = services;
  const meant = (identity: Identity, query: z.output<typeof selector>, flowId?: string) =>
    sandboxMeant(services, identity, flowId ?? query.sandbox_id);

  /** The stage after `passing`, or that one still when it takes too long. */
  async function after(
    identity: Identity,
    sandboxId: string,
    passing: LoginView['stage'],
  ): Promise<LoginView> {
    const signal = AbortSignal.timeout(STAGE_MAX_MS);
    let view: LoginView | undefined;
    for await (view of login.follow(identity, sandboxId, signal)) if (view.stage !== passing) break;
    if (!view) throw new AppError('wrong_state', 'No log-in is under way. Start one first.');
    return view;
  }

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/auth/claude/status',
      ...needs('providers:read'),
      tags,
      summary: 'Who is logged in to Claude in a sandbox',
      request: { query: selector },
      responses: { 200: json(status, 'As Claude Code tells it'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { account } = await login.status(identity, await meant(identity, c.req.valid('query')));
      return c.json(
        {
          loggedIn: account !== null,
          authMethod: account?.method ?? null,
          email: account?.email ?? null,
          subscriptionType: account?.subscription ?? null,
        },
        200,
      );
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/auth/claude/start',
      ...needs('providers:write'),
      tags,
      summary:
        "Start Claude's log-in in a sandbox; answers with the address to open, for a claude.ai account",
      request: { query: selector },
      responses: { 201: json(flow, 'The log-in'), ...failures },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const sandboxId = await meant(identity, c.req.valid('query'));
      await login.start(identity, sandboxId);
      return c.json(shown(sandboxId, await after(identity, sandboxId, 'starting')), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/auth/claude/code',
      ...needs('providers:write'),
      tags,
      summary: 'The code that the log-in page showed; answers when Claude Code has tried it',
      request: {
        query: selector,
        body: body(z.object({ code: loginCodeSchema, flow_id: sandboxIdSchema.optional() })),
      },
      responses: {
        200: json(flow, 'Logged in'),
        400: json(
          z.object({ error: z.string(), code: z.string(), retryable: z.boolean(), snapshot: flow }),
          'The code was not taken; retryable: another one is awaited',
        ),
        ...failures,
      },
    }),
    async (c) => {
      const identity = identityOf(c.env);
      const { code, flow_id } = c.req.valid('json');
      const sandboxId = await meant(identity, c.req.valid('query'), flow_id);
      await login.code(identity, { sandboxId, code });
      const snapshot = shown(sandboxId, await after(identity, sandboxId, 'checking'));
      if (snapshot.state === 'done' || snapshot.state === 'verifying') return c.json(snapshot, 200);
      const error = snapshot.error ?? 'The code was not taken.';
      const retryable = snapshot.state === 'awaiting_code';
      return c.json({ error, code: 'invalid_input', retryable, snapshot }, 400);
    },
  );
  for (const step of ['cancel', 'logout'] as const)
    app.openapi(
      createRoute({
        method: 'post',
        path: `/api/auth/claude/${step}`,
        ...needs('providers:write'),
        tags,
        summary: step === 'cancel' ? 'Cancel the log-in that is under way' : 'Log out of Claude in a sandbox',
        request: { query: selector },
        responses: { 204: { description: 'Done' }, ...failures },
      }),
      async (c) => {
        const identity = identityOf(c.env);
        await login[step](identity, await meant(identity, c.req.valid('query')));
        return c.body(null, 204);
      },
    );
}
