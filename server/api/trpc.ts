/** tRPC's base: every procedure needs an identity; domain errors are mapped here and nowhere else. */
import { initTRPC, TRPCError } from '@trpc/server';
import { type AppError, type ErrorCode, errorTable, toAppError } from '../../shared/errors';
import { requireOwnPassword } from '../auth/identity';
import { requireUnlimited } from '../auth/scopes';
import type { Identity, Services } from '../contracts';

export interface ApiContext {
  identity: Identity | null;
  services: Services;
  requestId: string;
  /** Logs what the client must not see. */
  report(error: AppError): void;
}

/** What the client gets beside tRPC's own fields. */
export interface ErrorData {
  appCode: ErrorCode;
  next: string;
  field: string | null;
  requestId: string | null;
}

const statusToTrpc: Record<number, TRPCError['code']> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_SUPPORTED',
  409: 'CONFLICT',
  410: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  429: 'TOO_MANY_REQUESTS',
  500: 'INTERNAL_SERVER_ERROR',
  502: 'BAD_GATEWAY',
  503: 'SERVICE_UNAVAILABLE',
  504: 'GATEWAY_TIMEOUT',
};

const t = initTRPC.context<ApiContext>().create({
  errorFormatter({ shape, error, ctx }) {
    const invalid = error.code === 'BAD_REQUEST' && !(error.cause && 'code' in error.cause);
    const app = invalid ? null : toAppError(error.cause ?? error);
    const code: ErrorCode = app?.code ?? 'invalid_input';
    const data: ErrorData = {
      appCode: code,
      next: errorTable[code].next,
      field: app?.field ?? null,
      requestId: ctx?.requestId ?? null,
    };
    const { stack: _stack, ...rest } = shape.data;
    return {
      ...shape,
      message: invalid ? shape.message : (app?.message ?? shape.message),
      data: { ...rest, ...data },
    };
  },
});

const guarded = t.middleware(async ({ ctx, next }) => {
  const result = await next();
  if (result.ok) return result;
  const cause = result.error.cause;
  if (result.error.code !== 'INTERNAL_SERVER_ERROR' && cause === undefined) return result;
  if (result.error.code === 'BAD_REQUEST') return result;
  const app = toAppError(cause ?? result.error);
  if (app.code === 'internal') ctx.report(app);
  throw new TRPCError({
    code: statusToTrpc[app.entry.http] ?? 'INTERNAL_SERVER_ERROR',
    message: app.message,
    cause: app,
  });
});

export const router = t.router;

/** Signed in, also with a password that somebody else made: only for reading and changing one's own log-in. */
export const openProcedure = t.procedure.use(guarded).use(({ ctx, next }) => {
  if (!ctx.identity) throw new TRPCError({ code: 'UNAUTHORIZED', message: errorTable.unauthenticated.title });
  // Procedures declare no scopes: whoever has only some goes by REST.
  requireUnlimited(ctx.identity, 'tRPC');
  return next({ ctx: { ...ctx, identity: ctx.identity } });
});

/** What everything else is made of: signed in with a password of one's own, or refused. */
export const procedure = openProcedure.use(({ ctx, next }) => {
  requireOwnPassword(ctx.identity);
  return next();
});
