/** Proofs and tests as server-sent events, told while they run. */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { ProofEvent } from '../../shared/egress-views';
import { toAppError } from '../../shared/errors';
import type { Identity, OpenSockets } from '../contracts';
import type { RestEnv } from './base';

/** Below the 30-60 s after which common reverse proxies drop a silent connection. */
const HEARTBEAT_MS = 15_000;

/**
 * The answer begins with the first event: what is refused before that is an answer with its own status. The work
 * ends when the client leaves or its identity is revoked.
 */
export async function answerProof(
  c: Context<RestEnv>,
  options: {
    sockets: OpenSockets;
    identity: Identity;
    sandboxId: string | null;
    start: (signal: AbortSignal) => AsyncIterable<ProofEvent>;
    report: (error: ReturnType<typeof toAppError>, requestId: string) => void;
  },
): Promise<Response> {
  const ended = new AbortController();
  const events = options.start(ended.signal)[Symbol.asyncIterator]();
  const first = await events.next();
  c.header('x-accel-buffering', 'no');
  c.header('cache-control', 'no-store');
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => ended.abort());
    const { identity, sandboxId } = options;
    const unregister = options.sockets.register({ identity, sandboxId, close: () => ended.abort() });
    const heartbeat = setInterval(() => void stream.write(': keep-alive\n\n'), HEARTBEAT_MS);
    const tell = (event: ProofEvent) => stream.writeSSE({ data: JSON.stringify(event) });
    try {
      for (let next = first; !next.done && !ended.signal.aborted; next = await events.next())
        await tell(next.value);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === 'internal') options.report(error, c.env.requestId);
      await tell({ type: 'error', code: error.code, error: error.message });
    } finally {
      await events.return?.();
      clearInterval(heartbeat);
      unregister();
    }
  });
}
