/** Server-sent events: an answer that lasts until the client leaves, its log-in ends or it may not look any more. */
import type { Context } from 'hono';
import { type SSEMessage, type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { type AppError, toAppError } from '../../shared/errors';
import type { Identity, OpenSockets } from '../contracts';
import type { RestEnv } from './base';

/** Below the 30-60 s after which common reverse proxies drop a silent connection. */
const HEARTBEAT_MS = 20_000;

/** Logs what the client must not see. */
export type Report = (error: AppError, requestId: string) => void;

export interface EventStreamOptions {
  sockets: OpenSockets;
  identity: Identity;
  /** Null: it hangs on no sandbox. */
  sandboxId: string | null;
  /** What a client is told when `send` fails: the status was sent long before. Left out: the stream just ends. */
  failed?: (error: AppError) => SSEMessage;
  /** Given where the work has begun before there was an answer. */
  ended?: AbortController;
  report: Report;
}

/** `send` writes until it is done or its signal ends; the stream ends with it. */
export function answerEvents(
  c: Context<RestEnv>,
  { sockets, identity, sandboxId, failed, report, ended = new AbortController() }: EventStreamOptions,
  send: (stream: SSEStreamingApi, signal: AbortSignal) => Promise<void>,
): Response {
  c.header('x-accel-buffering', 'no');
  c.header('cache-control', 'no-store');
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => ended.abort());
    const unregister = sockets.register({ identity, sandboxId, close: () => ended.abort() });
    const heartbeat = setInterval(() => void stream.write(': keep-alive\n\n'), HEARTBEAT_MS);
    try {
      await stream.write(': connected\n\n');
      await send(stream, ended.signal);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === 'internal') report(error, c.env.requestId);
      if (failed) await stream.writeSSE(failed(error));
    } finally {
      ended.abort();
      clearInterval(heartbeat);
      unregister();
    }
  });
}

/** As an event of its own; an EventSource comes again by itself, with the last id it saw. */
export const asErrorEvent = ({ code, message }: AppError): SSEMessage => ({
  event: 'error',
  data: JSON.stringify({ code, error: message }),
});
