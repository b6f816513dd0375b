/** Tells callers their own address, so that proofs of ways out need no third party: over HTTP and over DNS. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../shared/errors';
import { RATE_KEYS, Rate } from './rate';

export const ECHO_PATH = '/echo/ip';
/** All sandboxes behind one exit share its address: a hundred of them prove at the same time after a restart. */
export const ECHO_PER_MINUTE = 600;

export type EchoHttp = (
  request: IncomingMessage,
  response: ServerResponse,
  peer: { address: string },
) => void;

/** Answers with the caller's address as text, or as JSON where that is asked for. Throws `too_many_requests`. */
export function createEchoHttp(options: { perMinute?: number } = {}): EchoHttp {
  const rate = new Rate({
    perWindow: options.perMinute ?? ECHO_PER_MINUTE,
    windowMs: 60_000,
    keys: RATE_KEYS,
  });
  return (request, response, { address }) => {
    if (!rate.allows(address)) throw new AppError('too_many_requests', undefined, { retryAfterSeconds: 60 });
    const json = wantsJson(request.headers.accept);
    const text = json ? `${JSON.stringify({ ip: address })}\n` : `${address}\n`;
    response.setHeader('content-type', json ? 'application/json' : 'text/plain; charset=utf-8');
    response.setHeader('content-length', Buffer.byteLength(text));
    response.setHeader('cache-control', 'no-store');
    response.setHeader('vary', 'accept');
    response.end(request.method === 'HEAD' ? undefined : text);
  };
}

/** JSON when it is named and text is not named before it; a browser's or curl's Accept gives text. */
function wantsJson(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((it) => it.split(';')[0]?.trim().toLowerCase());
  const json = types.indexOf('application/json');
  const text = types.findIndex((it) => it?.startsWith('text/'));
  return json >= 0 && (text < 0 || json < text);
}
