/**
 * Pass-through from a sandbox to the Claude API: what comes over a sandbox's own stream with the token of that sandbox
 * or of one of its sessions goes to the API with the real credential; everything else of it stays byte for byte, but
 * for the model's name where a provider maps it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { PROXY_BODY_MAX_BYTES } from '../../shared/limits';
import type { Metered, Metering } from '../usage/metering';
import { mapModel } from './body-model';
import { createProviderTokens, PROXY_PREFIX, placeOf, providerEnv, sessionEnv } from './provider';
import { type Credential, requestHeaders, responseHeaders } from './proxy-headers';
import { createDialer, type NoUpstream, type Upstream } from './upstreams';

export const ANTHROPIC_DEFAULT_BASE_URL = 'https://api.anthropic.com';
/** Longer than any client keeps an idle connection, so that it is never we who close under a request. */
const KEEP_ALIVE_MS = 10 * 60_000;
/** Claude Code sends a Console log-in's key, an apiKeyHelper's or its user's beside the token that it was given. */
const MIXED =
  'This request carries a credential of its own beside that of its session; a session has one only. ' +
  'Log out of the Claude Console (/logout) and take API keys out of your settings, or choose the Claude log-in as ' +
  'the provider of this session.';

export interface AnthropicProxyOptions {
  masterKey: Uint8Array;
  /** At most one is used; the key goes first. Without either, sandboxes get no provider and Claude asks for a log-in. */
  apiKey?: string | undefined;
  authToken?: string | undefined;
  /** A path in it is kept; a trailing `/v1` is understood. Default https://api.anthropic.com. */
  baseUrl?: string | undefined;
  log: Logger;
  /** A request passed: the sandbox is in use. */
  onActivity?: (sandboxId: string) => void;
  /** Who answers a session of this sandbox; never somebody else in its place. */
  sessionUpstream?: (place: { sandboxId: string; sessionId: string }) => Promise<Upstream | NoUpstream>;
  /** Counts what costs, and says when a budget is used up. */
  metering?: Metering;
}

export interface AnthropicProxy {
  /** Whether sandboxes get the gateway's credential. */
  readonly configured: boolean;
  /** provider.env for this sandbox. */
  env(sandboxId: string): string;
  /** A session's own provider.env, which stands in the place of the sandbox's. */
  sessionEnv(sandboxId: string, sessionId: string): string;
  /** The gateway's own, when it has a credential. */
  readonly upstream: Upstream | null;
  /** Serves HTTP on a stream that came out of this sandbox. */
  serve(sandboxId: string, stream: Duplex): void;
  close(): Promise<void>;
}

/**
 * What is passed on: Claude's answers and what belongs to asking for them. Under the same key there is more at the API
 * (files, batches and their results, the organization), which other people of this gateway may have put there.
 */
const SERVED: readonly [method: RegExp, path: RegExp][] = [
  [/^POST$/, /^\/v1\/messages(\/count_tokens)?$/],
  [/^GET$/, /^\/v1\/models(\/[\w:@-][\w.:@-]*)?$/],
  [/^(GET|HEAD)$/, /^\/api\/(hello|web\/domain_info)$/],
];
/** Printable ASCII and Latin-1 without spaces: what Node's client sends; its parser lets more in. */
const QUERY = /^[\x21-\xff]*$/;

/** Anthropic's own error types, so that its clients know what to do. */
type AnthropicErrorType =
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'timeout_error';

export function createAnthropicProxy(options: AnthropicProxyOptions): AnthropicProxy {
  const { log } = options;
  const tokens = createProviderTokens(options.masterKey);
  const credential = credentialOf(options);
  const base = new URL(options.baseUrl ?? ANTHROPIC_DEFAULT_BASE_URL);
  const own: Upstream | null = credential && {
    ...{ provider: 'gateway', base, credential, models: null, reach: null },
  };
  const dialer = createDialer();
  const owners = new WeakMap<object, string>();
  const streams = new Set<Duplex>();

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: false }, handle);
  // Model answers may take minutes before the first byte; the client's own time-out rules.
  server.timeout = 0;
  server.requestTimeout = 0;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    const sandboxId = owners.get(request.socket);
    const place = placeOf(request.url ?? '');
    const given = givenTokens(request);
    const right = given.filter((it) => sandboxId !== undefined && known(sandboxId, place, it));
    if (sandboxId === undefined || right.length === 0) {
      const whose = place?.sessionId ? 'session' : 'sandbox';
      refuse(request, response, 401, 'authentication_error', `This token is not valid for this ${whose}.`);
    } else if (right.length < given.length) {
      refuse(request, response, 403, 'permission_error', MIXED);
    } else if (place === null) {
      refuse(request, response, 404, 'not_found_error', `Only ${PROXY_PREFIX}/ is served here.`);
    } else if (!isServed(request.method ?? '', place.rest)) {
      const message = 'Only requests for messages and models are passed on.';
      refuse(request, response, 404, 'not_found_error', message);
    } else if (Number(request.headers['content-length'] ?? 0) > PROXY_BODY_MAX_BYTES) {
      refuse(request, response, 413, 'request_too_large', 'The request body is too large.');
    } else {
      options.onActivity?.(sandboxId);
      void pass(request, response, { sandboxId, ...place });
    }
  }

  function known(sandboxId: string, place: ReturnType<typeof placeOf>, token: string): boolean {
    const sessionId = place?.sessionId ?? null;
    return sessionId === null
      ? tokens.matches(sandboxId, token)
      : tokens.matchesSession({ sandboxId, sessionId }, token);
  }

  async function pass(request: IncomingMessage, response: ServerResponse, place: Place): Promise<void> {
    // Listened to from here on: a client that goes meanwhile is no crash.
    request.on('error', () => undefined);
    let metered: Metered | null = null;
    try {
      const upstream = await upstreamOf(place);
      if ('refused' in upstream)
        return refuse(request, response, 401, 'authentication_error', upstream.refused);
      const admitted = costs(request, place.rest)
        ? await options.metering?.({
            ...{ sandboxId: place.sandboxId, sessionId: place.sessionId, provider: upstream.provider },
            bytes: Number(request.headers['content-length'] ?? 0),
          })
        : undefined;
      if (admitted && 'refused' in admitted) return refuseToPay(request, response, admitted);
      metered = admitted?.metered ?? null;
      const body = upstream.models && hasModel(request) ? await bodyOf(request) : null;
      if (body === 'too large') {
        metered?.end('unanswered');
        return refuse(request, response, 413, 'request_too_large', 'The request body is too large.');
      }
      const mapped = body && upstream.models ? (mapModel(body, upstream.models) ?? body) : null;
      if (!request.destroyed || request.complete)
        forward(request, response, { rest: place.rest, upstream, body: mapped, metered });
      else metered?.end('unanswered');
    } catch (error) {
      metered?.end('unanswered');
      log.warn({ ...place, err: error }, 'a request was not passed on');
      if (!response.headersSent && !response.destroyed)
        refuse(request, response, 502, 'api_error', 'The gateway could not pass this request on.');
    }
  }

  async function upstreamOf({ sandboxId, sessionId }: Place): Promise<Upstream | NoUpstream> {
    if (sessionId === null)
      return own ?? { refused: 'The gateway has no Anthropic key; log in with /login.' };
    const upstream = await options.sessionUpstream?.({ sandboxId, sessionId });
    if (upstream === undefined) throw new Error('no sessions here');
    return upstream;
  }

  /** `body`: what is sent instead of what comes. */
  function forward(
    request: IncomingMessage,
    response: ServerResponse,
    given: { rest: string; upstream: Upstream; body: Buffer | null; metered: Metered | null },
  ): void {
    const { metered } = given;
    const started = performance.now();
    const { base, credential } = given.upstream;
    const upstream = dialer.request(given.upstream, {
      method: request.method ?? 'GET',
      path: given.rest,
      headers: requestHeaders(request.rawHeaders, {
        ...{ host: base.host, credential },
        length: given.body?.length,
      }),
    });
    let tooLarge = false;
    let size = 0;

    upstream.on('response', (answer) => {
      const status = answer.statusCode ?? 502;
      if (given.upstream.reach !== null && status >= 300 && status < 400 && status !== 304) {
        // The client would follow, with the conversation, to an address that nobody has judged.
        answer.destroy();
        const message = `The provider's host leads on to another address (HTTP ${status}). Give that one.`;
        return refuse(request, response, 502, 'api_error', message);
      }
      const headers = responseHeaders(answer.rawHeaders);
      response.writeHead(status, answer.statusMessage ?? '', headers);
      // An event stream says its headers long before its first event.
      response.flushHeaders();
      metered?.answered(answer.statusCode ?? 502, answer.headers);
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
      log.debug(
        { status: answer.statusCode, ms: Math.round(performance.now() - started) },
        'Claude API answered',
      );
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      // Gone before it was answered, a client's request may have been read all the same.
      metered?.end(response.destroyed || response.headersSent ? 'cut' : 'unanswered');
      if (response.headersSent) {
        response.destroy();
      } else if (tooLarge) {
        refuse(request, response, 413, 'request_too_large', 'The request body is too large.');
      } else if (!response.destroyed) {
        // Only the code: the message of a TLS or DNS error is for the log, and neither holds the credential.
        log.warn({ code: error.code, message: error.message }, 'the Claude API cannot be reached');
        refuse(
          request,
          response,
          502,
          'api_error',
          `The Claude API cannot be reached (${error.code ?? 'error'}).`,
        );
      }
    });
    response.on('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
    if (given.body) {
      upstream.end(given.body);
      return;
    }
    if (request.method !== 'POST') {
      // Node sends a body of a GET without saying where it ends.
      request.resume();
      upstream.end();
      return;
    }
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > PROXY_BODY_MAX_BYTES) {
        tooLarge = true;
        upstream.destroy(new Error('body too large'));
      } else if (!upstream.write(chunk)) request.pause();
    });
    upstream.on('drain', () => request.resume());
    request.on('end', () => upstream.end());
    request.on('error', () => upstream.destroy());
  }

  return {
    configured: own !== null,
    upstream: own,
    env: (sandboxId) => providerEnv(own === null ? null : tokens.tokenFor(sandboxId)),
    sessionEnv: (sandboxId, sessionId) => sessionEnv(sessionId, tokens.forSession(sandboxId, sessionId)),
    serve(sandboxId, stream) {
      owners.set(stream, sandboxId);
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      stream.on('error', () => stream.destroy());
      server.emit('connection', stream);
    },
    async close() {
      for (const stream of streams) stream.destroy();
      dialer.close();
      // Never listened: this only stops its connection-checking timer.
      server.close();
    },
  };
}

/** Whose request it is, and what is asked of the API. */
interface Place {
  sandboxId: string;
  sessionId: string | null;
  rest: string;
}

/** Whatever is sent may cost, but the counting of tokens; what is only read does not. */
function costs(request: IncomingMessage, rest: string): boolean {
  const path = rest.split('?')[0] ?? '';
  return request.method === 'POST' && !path.endsWith('/count_tokens');
}

function refuseToPay(
  request: IncomingMessage,
  response: ServerResponse,
  { refused, retryAfterSeconds }: { refused: string; retryAfterSeconds: number },
): void {
  response.setHeader('retry-after', String(retryAfterSeconds));
  // Anthropic's clients heed it: hours are nothing to wait for in a loop.
  response.setHeader('x-should-retry', 'false');
  refuse(request, response, 429, 'rate_limit_error', refused);
}

function credentialOf(options: AnthropicProxyOptions): Credential | null {
  if (options.apiKey) return { name: 'x-api-key', value: options.apiKey };
  if (options.authToken) return { name: 'authorization', value: `Bearer ${options.authToken}` };
  return null;
}

/** Messages and their counting; a compressed body is left as it is. */
function hasModel(request: IncomingMessage): boolean {
  return (
    request.method === 'POST' &&
    request.headers['content-encoding'] === undefined &&
    /^application\/json\b/.test(request.headers['content-type'] ?? '')
  );
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | 'too large'> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const data = Buffer.from(chunk);
    size += data.length;
    if (size > PROXY_BODY_MAX_BYTES) return 'too large';
    chunks.push(data);
  }
  return Buffer.concat(chunks);
}

/** All that the client shows; one and the same in both headers is one. */
function givenTokens(request: IncomingMessage): string[] {
  const { authorization, 'x-api-key': key } = request.headers;
  const bearer = authorization?.replace(/^Bearer +/i, '');
  return [...new Set([bearer, ...(Array.isArray(key) ? key : [key])])].filter((it) => it !== undefined);
}

function isServed(method: string, rest: string): boolean {
  const [path = ''] = rest.split('?', 1);
  return (
    QUERY.test(rest.slice(path.length)) && SERVED.some(([how, what]) => how.test(method) && what.test(path))
  );
}

/** Answers in Anthropic's shape and drops what is left of the request. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  ...[status, type, message]: [number, AnthropicErrorType, string]
): void {
  const body = JSON.stringify({ type: 'error', error: { type, message } });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    // The body may still be coming; reading it to its end would be work for nothing.
    connection: request.complete ? 'keep-alive' : 'close',
    // Understood by Anthropic's clients: asking again does not help.
    ...(status < 500 ? { 'x-should-retry': 'false' } : {}),
  });
  response.end(body);
  request.resume();
}
