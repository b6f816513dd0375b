/** The public HTTP API (`/api/*`) beside tRPC, over the same services: Hono with its OpenAPI document. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { matchedRoutes } from 'hono/route';
import { METHOD_NAME_ALL } from 'hono/router';
import { AppError, errorCodes } from '../../shared/errors';
import type { RouteScope } from '../../shared/scopes';
import { requireOwnPassword } from '../auth/identity';
import { admit } from '../auth/scopes';
import type { Identity, Services } from '../contracts';

/** What the http layer has found out before a request comes here. */
export interface RestBindings {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  identity: Identity | null;
  requestId: string;
}
export type RestEnv = { Bindings: RestBindings };
export type RestApp = OpenAPIHono<RestEnv>;

const SCOPE = 'x-scope';

/** What a route asks for: spread into its `createRoute`. A route without it answers nobody. */
export function needs(scope: RouteScope) {
  return {
    [SCOPE]: scope,
    security: scope === 'public' ? [] : [{ token: scope === 'identity' ? [] : [scope] }],
  };
}

/** `METHOD /path` as Hono knows it, to the scope that was declared with it. */
export function declaredScopes(app: RestApp): Map<string, RouteScope> {
  const found = new Map<string, RouteScope>(undocumented);
  for (const it of app.openAPIRegistry.definitions) {
    if (it.type !== 'route' || it.route[SCOPE] === undefined) continue;
    const path = it.route.path.replaceAll(/\/\{(.+?)\}/g, '/:$1');
    found.set(`${it.route.method.toUpperCase()} ${path}`, it.route[SCOPE]);
  }
  return found;
}

/** Routes that the document does not list: the document itself and its reader. */
const undocumented: [string, RouteScope][] = [
  '/api/openapi.json',
  '/api/docs',
  '/api/docs/init.js',
  '/api/docs/:asset',
].map((path) => [`GET ${path}`, 'identity']);

/** Before every route: its scope, or nothing. `declared` is asked when a request comes, as routes come after this. */
function refuseByDefault(app: RestApp, declared: () => Map<string, RouteScope>): void {
  app.use('*', async (c, next) => {
    // The first that is a route and no middleware is the one that answers.
    const route = matchedRoutes(c).find((it) => it.method !== METHOD_NAME_ALL);
    if (route) {
      const scope = declared().get(`${route.method} ${route.path}`);
      if (scope === undefined) throw new AppError('forbidden', `${route.path} declares no scope.`);
      admit(c.env.identity, scope);
    }
    await next();
  });
}

export function createRestApp(): RestApp {
  const app = makeApp();
  let declared: Map<string, RouteScope> | undefined;
  refuseByDefault(app, () => {
    declared ??= declaredScopes(app);
    return declared;
  });
  return app;
}

function makeApp(): RestApp {
  return new OpenAPIHono<RestEnv>({
    defaultHook(result) {
      if (result.success) return;
      const issue = result.error.issues[0];
      const field = issue?.path.join('.') || undefined;
      throw new AppError('invalid_input', field ? `${field}: ${issue?.message}` : issue?.message, { field });
    },
  });
}

/** The caller, also one who has to change the password first. */
export function callerOf(bindings: RestBindings): Identity {
  if (!bindings.identity) throw new AppError('unauthenticated');
  return bindings.identity;
}

/** The caller. The access table has refused the others already; this is the second lock on the same door. */
export function identityOf(bindings: RestBindings): Identity {
  const identity = callerOf(bindings);
  requireOwnPassword(identity);
  return identity;
}

export const errorSchema = z
  .object({
    error: z.string(),
    code: z.enum(errorCodes as [string, ...string[]]),
    request_id: z.string(),
    next: z.string().optional(),
    field: z.string().optional(),
  })
  .openapi('Error');

/**
 * A shared schema under a name in the document. `.openapi` is put on zod when its package is loaded, and zod gives
 * methods to each schema as it is made: one that was made earlier, as `shared/` may be, has none. A copy does.
 */
export function named<S extends z.ZodRawShape>(schema: z.ZodObject<S>, name: string): z.ZodObject<S> {
  return z.object(schema.shape).openapi(name);
}

export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

export function body<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } };
}

/** Every route may answer with an error of this shape; the status stands in docs/errors.md. */
export const failures = { default: json(errorSchema, 'An error') };

export const idParam = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });
export const idempotencyHeader = z.object({
  'idempotency-key': z
    .string()
    .min(8)
    .max(128)
    .optional()
    .openapi({ description: 'The same key again gives the same result instead of a second one.' }),
});

export interface RestServices {
  services: Services;
}
