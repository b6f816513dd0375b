/** A session in the words of the seeds' clients beside ours. */
import { z } from '@hono/zod-openapi';
import { AppError } from '../../shared/errors';
import { sessionStatusSchema } from '../../shared/frames';
import { type SessionView, sandboxIdSchema, sessionIdSchema, sessionViewSchema } from '../../shared/views';

export const sessionParam = z.object({ id: sessionIdSchema });
export const sinceQuery = z.object({ since: z.coerce.number().int().nonnegative().default(0) });

export const session = sessionViewSchema
  .extend({
    sandbox_id: sandboxIdSchema,
    state: sessionStatusSchema.describe('What it does now'),
    lifecycle: sessionViewSchema.shape.state.describe('Whether it is there'),
    title: z.string(),
    auth_mode: z.enum(['subscription', 'api_key']).nullable(),
    created_at: z.string(),
    started_at: z.string(),
    stopped_at: z.string().nullable(),
    exit_code: z.number().nullable(),
    usage: z.object({
      input: z.number(),
      output: z.number(),
      cache_read: z.number(),
      cache_write: z.number(),
    }),
  })
  .openapi('Session');
/** With what only its sandbox can tell; null while that does not run. */
export const sessionDetail = session
  .extend({ last_seq: z.number(), claude_session_id: z.string().nullable() })
  .openapi('SessionDetail');

function stateOf(view: SessionView): z.output<typeof sessionStatusSchema> {
  if (view.state === 'ended') return (view.exitCode ?? 0) === 0 ? 'stopped' : 'failed';
  if (view.state === 'suspended') return 'stopped';
  if (view.state === 'starting') return 'starting';
  return view.live?.status ?? (view.kind === 'shell' ? 'idle' : 'starting');
}

export function shownSession(view: SessionView): z.output<typeof session> {
  const tokens = view.live?.tokens;
  return {
    ...view,
    sandbox_id: view.sandboxId,
    state: stateOf(view),
    lifecycle: view.state,
    title: view.live?.title ?? view.name,
    auth_mode: view.provider ? (view.provider.kind === 'subscription' ? 'subscription' : 'api_key') : null,
    created_at: view.createdAt,
    started_at: view.createdAt,
    stopped_at: view.endedAt,
    exit_code: view.exitCode,
    usage: {
      input: tokens?.input ?? 0,
      output: tokens?.output ?? 0,
      cache_read: tokens?.cacheRead ?? 0,
      cache_write: tokens?.cacheWrite ?? 0,
    },
  };
}

/** `Last-Event-ID` of a reconnecting EventSource wins over `?from=`. */
export function startOf(header: string | undefined, query: string | undefined): number {
  const given = header || query;
  if (given === undefined || given === '') return 0;
  const seq = Number(given);
  if (!Number.isSafeInteger(seq) || seq < 0)
    throw new AppError('invalid_input', 'A frame is asked for by its seq.', { field: 'from' });
  return seq;
}
