/** One request of a sandbox on its way to an API and back, byte for byte; what it costs is measured beside the way. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { PROXY_BODY_MAX_BYTES } from '../../shared/limits';
import type { Metered } from '../usage/metering';
import { type BodyFraming, requestHeaders, responseHeaders } from './proxy-headers';
import { refuse, TOO_LARGE } from './proxy-refusals';
import type { Dialer, Upstream } from './upstreams';

/** Node says of these where their body ends when nothing else does. */
const FRAMED_BY_NODE = new Set(['POST', 'PUT', 'PATCH']);

export interface Forwarded {
  dialer: Dialer;
  upstream: Upstream;
  /** At the API, from `/v1` on. */
  rest: string;
  /** Sent instead of what comes. */
  body: Buffer | null;
  metered: Metered | null;
  log: Logger;
}

export function forward(request: IncomingMessage, response: ServerResponse, given: Forwarded): void {
  const { metered, log } = given;
  const started = performance.now();
  const { base, credential } = given.upstream;
  const framing = given.body?.length ?? framingOf(request);
  const upstream = given.dialer.request(given.upstream, {
    method: request.method ?? 'GET',
    path: given.rest,
    headers: requestHeaders(request.rawHeaders, { host: base.host, credential, framing }),
  });
  let tooLarge = false;
  let answered = false;

  upstream.on('response', (answer) => {
    answered = true;
    const status = answer.statusCode ?? 502;
    if (given.upstream.reach !== null && status >= 300 && status < 400 && status !== 304) {
      // The client would follow, with the conversation, to an address that nobody has judged.
      answer.destroy();
      const message = `The provider's host leads on to another address (HTTP ${status}). Give that one.`;
      return refuse(request, response, 502, 'api_error', message);
    }
    response.writeHead(status, answer.statusMessage ?? '', responseHeaders(answer.rawHeaders));
    // An event stream says its headers long before its first event; what came with them goes with them.
    setImmediate(() => {
      if (!response.destroyed && !response.writableEnded) response.flushHeaders();
    });
    metered?.answered(status, answer.headers);
    answer.on('data', (chunk: Buffer) => {
      if (!response.write(chunk)) answer.pause();
      metered?.data(chunk);
    });
    response.on('drain', () => answer.resume());
    answer.on('end', () => response.end());
    // Cut off in the middle: the client must not take it for a whole answer.
    answer.on('error', () => response.destroy());
    answer.on('close', () => {
      if (!answer.complete) response.destroy();
      metered?.end(answer.complete ? 'whole' : 'cut');
    });
    log.debug({ status, ms: Math.round(performance.now() - started) }, 'Claude API answered');
  });
  upstream.on('error', (error: NodeJS.ErrnoException) => {
    // Gone before it was answered, a client's request may have been read all the same.
    metered?.end(response.destroyed || response.headersSent ? 'cut' : 'unanswered');
    if (response.headersSent) {
      response.destroy();
    } else if (tooLarge) {
      refuse(request, response, ...TOO_LARGE);
    } else if (!response.destroyed) {
      // Only the code: the message of a TLS or DNS error is for the log, and neither holds the credential.
      log.warn({ code: error.code, message: error.message }, 'the Claude API cannot be reached');
      const message = `The Claude API cannot be reached (${error.code ?? 'error'}).`;
      refuse(request, response, 502, 'api_error', message);
    }
  });
  // Without an error and without an answer: it wanted to speak another protocol (101).
  upstream.on('close', () => {
    if (answered) return;
    metered?.end('unanswered');
    if (!response.headersSent && !response.destroyed)
      refuse(request, response, 502, 'api_error', 'The Claude API gave no answer that can be passed on.');
  });
  response.on('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
  sendBody(request, upstream, {
    body: framing === 'none' ? 'none' : given.body,
    tooLarge() {
      tooLarge = true;
      upstream.destroy(new Error('body too large'));
    },
  });
}

function sendBody(
  request: IncomingMessage,
  upstream: ClientRequest,
  { body, tooLarge }: { body: Buffer | 'none' | null; tooLarge(): void },
): void {
  if (body !== null) {
    request.resume();
    if (body === 'none') upstream.end();
    else upstream.end(body);
    return;
  }
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > PROXY_BODY_MAX_BYTES) tooLarge();
    else if (!upstream.write(chunk)) request.pause();
  });
  upstream.on('drain', () => request.resume());
  request.on('end', () => upstream.end());
  request.on('error', () => upstream.destroy());
}

/**
 * Two requests share an upstream connection, one after the other, and they may be two people's: where a body ends must
 * never be a matter of opinion.
 */
function framingOf({ method = '', headers }: IncomingMessage): BodyFraming {
  // Means nothing there, and servers differ in whether they read it.
  if (method === 'GET' || method === 'HEAD') return 'none';
  if (FRAMED_BY_NODE.has(method)) return 'kept';
  if (headers['transfer-encoding'] !== undefined) return 'chunked';
  return Number(headers['content-length'] ?? 0) > 0 ? 'kept' : 'none';
}
