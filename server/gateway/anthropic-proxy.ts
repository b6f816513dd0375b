/**
 * Pass-through from a sandbox to the Claude API: what comes over a sandbox's own stream with that sandbox's token
 * goes to the configured API with the real credential; everything else of it stays byte for byte.
 */
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { PROXY_BODY_MAX_BYTES } from '../../shared/limits';
import { createProviderTokens, PROXY_PREFIX, providerEnv } from './provider';
import { type Credential, requestHeaders, responseHeaders } from './proxy-headers';

export const ANTHROPIC_DEFAULT_BASE_URL = 'https://api.anthropic.com';
/** Longer than any client keeps an idle connection, so that it is never we who close under a request. */
const KEEP_ALIVE_MS = 10 * 60_000;
/** Upstream sockets kept for the next request: a new TLS handshake costs ~100 ms before the first token. */
const UPSTREAM_IDLE_SOCKETS = 32;

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
}

export interface AnthropicProxy {
  /** Whether sandboxes get the gateway's credential. */
  readonly configured: boolean;
  /** provider.env for this sandbox. */
  env(sandboxId: string): string;
  /** Serves HTTP on a stream that came out of this sandbox. */
  serve(sandboxId: string, stream: Duplex): void;
  close(): Promise<void>;
}

/** Anthropic's own error types, so that its clients know what to do. */
type AnthropicErrorType =
  | 'authentication_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'api_error'
  | 'timeout_error';

export function createAnthropicProxy(options: AnthropicProxyOptions): AnthropicProxy {
  const { log } = options;
  const tokens = createProviderTokens(options.masterKey);
  const credential = credentialOf(options);
  const base = new URL(options.baseUrl ?? ANTHROPIC_DEFAULT_BASE_URL);
  // People write the base with and without the version; clients always send `/v1/...`.
  const basePath = base.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  const secure = base.protocol === 'https:';
  const agentOptions = { keepAlive: true, maxFreeSockets: UPSTREAM_IDLE_SOCKETS };
  const agent = secure ? new SecureAgent(agentOptions) : new Agent(agentOptions);
  const send = secure ? requestHttps : requestHttp;
  const owners = new WeakMap<object, string>();
  const streams = new Set<Duplex>();

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: false }, handle);
  // Model answers may take minutes before the first byte; the client's own time-out rules.
  server.timeout = 0;
  server.requestTimeout = 0;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    const sandboxId = owners.get(request.socket);
    const path = request.url ?? '';
    if (sandboxId === undefined || !tokens.matches(sandboxId, givenToken(request))) {
      refuse(request, response, 401, 'authentication_error', 'This token is not valid for this sandbox.');
    } else if (
      path !== PROXY_PREFIX &&
      !path.startsWith(`${PROXY_PREFIX}/`) &&
      !path.startsWith(`${PROXY_PREFIX}?`)
    ) {
      refuse(request, response, 404, 'not_found_error', `Only ${PROXY_PREFIX}/ is served here.`);
    } else if (credential === null) {
      refuse(
        request,
        response,
        401,
        'authentication_error',
        'The gateway has no Anthropic key; log in with /login.',
      );
    } else if (Number(request.headers['content-length'] ?? 0) > PROXY_BODY_MAX_BYTES) {
      refuse(request, response, 413, 'request_too_large', 'The request body is too large.');
    } else {
      options.onActivity?.(sandboxId);
      forward(request, response, path.slice(PROXY_PREFIX.length), credential);
    }
  }

  function forward(request: IncomingMessage, response: ServerResponse, rest: string, auth: Credential): void {
    const started = performance.now();
    const upstream = send({
      agent,
      protocol: base.protocol,
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port === '' ? undefined : base.port,
      method: request.method,
      path: `${basePath}${rest === '' || rest.startsWith('?') ? `/${rest}` : rest}`,
      headers: requestHeaders(request.rawHeaders, base.host, auth),
    });
    let tooLarge = false;
    let size = 0;

    upstream.on('response', (answer) => {
      const headers = responseHeaders(answer.rawHeaders);
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers);
      // An event stream says its headers long before its first event.
      response.flushHeaders();
      answer.on('data', (chunk: Buffer) => {
        if (!response.write(chunk)) answer.pause();
      });
      response.on('drain', () => answer.resume());
      answer.on('end', () => response.end());
      // Cut off in the middle: the client must not take it for a whole answer.
      answer.on('error', () => response.destroy());
      answer.on('close', () => {
        if (!answer.complete) response.destroy();
      });
      log.debug(
        { status: answer.statusCode, ms: Math.round(performance.now() - started) },
        'Claude API answered',
      );
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
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
    configured: credential !== null,
    env: (sandboxId) => providerEnv(credential === null ? null : tokens.tokenFor(sandboxId)),
    serve(sandboxId, stream) {
      owners.set(stream, sandboxId);
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      stream.on('error', () => stream.destroy());
      server.emit('connection', stream);
    },
    async close() {
      for (const stream of streams) stream.destroy();
      agent.destroy();
      // Never listened: this only stops its connection-checking timer.
      server.close();
    },
  };
}

function credentialOf(options: AnthropicProxyOptions): Credential | null {
  if (options.apiKey) return { name: 'x-api-key', value: options.apiKey };
  if (options.authToken) return { name: 'authorization', value: `Bearer ${options.authToken}` };
  return null;
}

function givenToken(request: IncomingMessage): string {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const key = request.headers['x-api-key'];
  return bearer ?? (typeof key === 'string' ? key : '');
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
  });
  response.end(body);
  request.resume();
}
