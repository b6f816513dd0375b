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
import { forward } from './proxy-forward';
import type { Credential } from './proxy-headers';
import { type ApiRequestPath, apiPath, isFree, refusedWith } from './proxy-paths';
import { refuse, refuseToPay, TOO_LARGE } from './proxy-refusals';
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
    const asked = place && apiPath(request.method ?? '', place.rest);
    if (sandboxId === undefined || right.length === 0) {
      const whose = place?.sessionId ? 'session' : 'sandbox';
      refuse(request, response, 401, 'authentication_error', `This token is not valid for this ${whose}.`);
    } else if (right.length < given.length) {
      refuse(request, response, 403, 'permission_error', MIXED);
    } else if (place === null) {
      refuse(request, response, 404, 'not_found_error', `Only ${PROXY_PREFIX}/ is served here.`);
    } else if (asked === null) {
      const message = 'Only plain paths under /v1/ are passed on.';
      refuse(request, response, 404, 'not_found_error', message);
    } else if (Number(request.headers['content-length'] ?? 0) > PROXY_BODY_MAX_BYTES) {
      refuse(request, response, ...TOO_LARGE);
    } else {
      options.onActivity?.(sandboxId);
      void pass(request, response, { sandboxId, ...place, asked });
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
      const kept = refusedWith(upstream, place.asked);
      if (kept !== null) return refuse(request, response, 403, 'permission_error', kept);
      const admitted = isFree(place.asked)
        ? undefined
        : await options.metering?.({
            ...{ sandboxId: place.sandboxId, sessionId: place.sessionId, provider: upstream.provider },
            bytes: Number(request.headers['content-length'] ?? 0),
            message: place.asked.path === '/v1/messages',
          });
      if (admitted && 'unknown' in admitted)
        return refuse(request, response, 401, 'authentication_error', admitted.unknown);
      if (admitted && 'refused' in admitted) return refuseToPay(request, response, admitted);
      metered = admitted?.metered ?? null;
      const body = upstream.models && hasModel(request) ? await bodyOf(request) : null;
      if (body === 'too large') {
        metered?.end('unanswered');
        return refuse(request, response, ...TOO_LARGE);
      }
      const mapped = body && upstream.models ? (mapModel(body, upstream.models) ?? body) : null;
      if (!request.destroyed || request.complete)
        forward(request, response, { dialer, log, rest: place.rest, upstream, body: mapped, metered });
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
  asked: ApiRequestPath;
}

function credentialOf(options: AnthropicProxyOptions): Credential | null {
  if (options.apiKey) return { name: 'x-api-key', value: options.apiKey };
  if (options.authToken) return { name: 'authorization', value: `Bearer ${options.authToken}` };
  return null;
}

/** Whatever is asked for in JSON; a compressed body is left as it is. */
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
