/** `/api/auth/*`: what programs and the seeds' clients use; the browser signs in through next-auth's own routes. */
import { createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../shared/errors';
import type { Identity } from '../contracts';
import {
  body,
  callerOf,
  failures,
  json,
  needs,
  type RestApp,
  type RestBindings,
  type RestServices,
} from './base';

/** How the REST edge signs people in and out; made by server/auth. */
export interface RestAuth {
  /** Checks and throttles like the sign-in page. Returns the Set-Cookie value of a new browser session. */
  login(
    bindings: RestBindings,
    input: { username: string; password: string },
  ): Promise<{ setCookie: string }>;
  /** Revokes the session behind the caller's cookie and closes its sockets. Returns the cookie that clears it. */
  logout(bindings: RestBindings, identity: Identity): Promise<{ setCookie: string }>;
}

const tags = ['auth'];
const credentials = z.object({ username: z.string().max(256), password: z.string().max(1024) });
const ok = z.object({ status: z.literal('ok') });

export function addAuthRoutes(app: RestApp, { services, auth }: RestServices & { auth: RestAuth }): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/auth/login',
      ...needs('public'),
      tags,
      summary: 'Sign in; the answer sets the session cookie',
      request: { body: body(credentials) },
      responses: { 200: json(ok, 'Signed in'), ...failures },
    }),
    async (c) => {
      const { setCookie } = await auth.login(c.env, c.req.valid('json'));
      c.header('set-cookie', setCookie);
      return c.json({ status: 'ok' as const }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/auth/register',
      ...needs('public'),
      tags,
      summary: 'Closed: administrators create users',
      responses: { ...failures },
    }),
    () => {
      throw new AppError(
        'forbidden',
        'Users cannot register by themselves here; an administrator creates them.',
      );
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/auth/check',
      ...needs('identity'),
      tags,
      summary: 'Is the caller signed in?',
      responses: { 200: json(ok, 'Yes'), ...failures },
    }),
    (c) => {
      callerOf(c.env);
      return c.json({ status: 'ok' as const }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/auth/logout',
      ...needs('identity'),
      tags,
      summary: 'End this session for good, here and on the server',
      responses: { 200: json(ok, 'Signed out'), ...failures },
    }),
    async (c) => {
      const { setCookie } = await auth.logout(c.env, callerOf(c.env));
      c.header('set-cookie', setCookie);
      return c.json({ status: 'ok' as const }, 200);
    },
  );

  const me = z.object({
    id: z.string(),
    username: z.string(),
    email: z.string().nullable(),
    role: z.string(),
  });
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/auth/me',
      ...needs('identity'),
      tags,
      summary: 'The caller',
      responses: { 200: json(me, 'The caller'), ...failures },
    }),
    async (c) => {
      const { id, username, role } = await services.account.me(callerOf(c.env));
      return c.json({ id, username, email: null, role }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/auth/oidc/providers',
      ...needs('public'),
      tags,
      summary: 'Outside identity providers one may sign in with',
      responses: { 200: json(z.object({ providers: z.array(z.string()) }), 'Their names'), ...failures },
    }),
    (c) => c.json({ providers: [] }, 200),
  );
}
