/** Proofs and tests as server-sent events, told while they run. */
import type { Context } from 'hono';
import type { ProofEvent } from '../../shared/egress-views';
import type { RestEnv } from './base';
import { answerEvents, type EventStreamOptions } from './event-stream';

/**
 * The answer begins with the first event: what is refused before that is an answer with its own status. The work
 * ends when the client leaves or its identity is revoked.
 */
export async function answerProof(
  c: Context<RestEnv>,
  options: Omit<EventStreamOptions, 'failed' | 'ended'> & {
    start: (signal: AbortSignal) => AsyncIterable<ProofEvent>;
  },
): Promise<Response> {
  const ended = new AbortController();
  const events = options.start(ended.signal)[Symbol.asyncIterator]();
  const first = await events.next();
  const message = (event: ProofEvent) => ({ data: JSON.stringify(event) });
  const opened: EventStreamOptions = {
    ...options,
    ended,
    failed: ({ code, message: error }) => message({ type: 'error', code, error }),
  };
  return answerEvents(c, opened, async (stream, signal) => {
    try {
      for (let next = first; !next.done && !signal.aborted; next = await events.next())
        await stream.writeSSE(message(next.value));
    } finally {
      await events.return?.();
    }
  });
}
