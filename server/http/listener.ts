/** The one request listener: address, host, origin, identity, access; then tRPC, next-auth, REST or Next. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import type { Logger } from 'pino';
import { AppError, toAppError } from '../../shared/errors';
import { type Peer, peerOf } from '../auth/client-address';
import { bearerOf, type Identify, requireOwnPassword } from '../auth/identity';
import { isNextAuthPath, type NextAuthCall } from '../auth/next-auth';
import { requireScope, requireUnlimited } from '../auth/scopes';
import type { Identity } from '../contracts';
import { ECHO_PATH, type EchoHttp } from '../echo/http';
import type { Upload } from '../gateway/uploads';
import { accessOf, isPage, pathOf, refuseTokenInAddress } from './access';
import { answerError, answerJson, answerPage } from './answer';
import { checkLength, readForm } from './body';
import { bodyMaxOf } from './body-limits';
import { setSecurityHeaders } from './headers';
import type { Metrics } from './metrics';
import { changesState, checkHost, checkOrigin } from './origin';

/** What is known of a request once it has passed the table. */
export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  pathname: string;
  search: string;
  method: string;
  peer: Peer;
  identity: Identity | null;
  requestId: string;
}

export interface ListenerOptions {
  identify: Identify;
  nextAuth: { handle(call: NextAuthCall): Promise<void> };
  trpc(call: Call): void;
  rest(
    request: IncomingMessage,
    response: ServerResponse,
    caller: { identity: Identity | null; requestId: string },
  ): Promise<void>;
  upload: Upload;
  health(identity: Identity | null): Promise<{ status: number; body: unknown }>;
  metrics: Metrics;
  echo: EchoHttp;
  /** Next; null where only the APIs are served (tests). */
  pages: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | null;
  /** There are none, and nobody is led to any. */
  headless: boolean;
  trusted: BlockList;
  scheme: 'http' | 'https';
  baseDomain: string | null;
  dev: boolean;
  log: Logger;
}

/** app/(app)/forbidden; everybody may see it. */
const FORBIDDEN_PAGE = '/forbidden';
const uploadPath = /^\/api\/sandboxes\/([^/]+)\/uploads$/;

export function createListener(options: ListenerOptions) {
  async function admit(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<Call | null> {
    const method = request.method ?? 'GET';
    const peer = peerOf(request, options.trusted, options.scheme);
    setSecurityHeaders(request, response, { peer, dev: options.dev });
    const { pathname, search } = pathOf(request.url ?? '');
    checkHost(peer, options.baseDomain, pathname);
    if (options.headless && isPage(pathname))
      throw new AppError('not_found', 'This server has no pages (CLOUD_CLAUDE_MODE=headless), only APIs.');
    refuseTokenInAddress(pathname, search);
    // A bearer token is no ambient right: another site cannot make the browser send it.
    if (changesState(method) && bearerOf(request) === undefined) checkOrigin(request, peer);
    const access = accessOf(pathname, method, options.dev);
    const anonymous = access === 'public' && (pathname.startsWith('/_next/') || pathname === ECHO_PATH);
    const identity = anonymous ? null : await identityFor(request, peer, pathname);
    const call: Call = { request, response, pathname, search, method, peer, identity, requestId };
    if (access === 'public') return call;
    if (!identity) {
      if (isPage(pathname) && !changesState(method)) {
        const next = pathname === '/' ? '' : `?next=${encodeURIComponent(pathname + search)}`;
        response.writeHead(302, { location: `/sign-in${next}`, 'cache-control': 'no-store' }).end();
        return null;
      }
      throw new AppError('unauthenticated');
    }
    if (access === 'admin' && identity.role !== 'admin') {
      const error = new AppError('forbidden', 'Only administrators may open this page.');
      if (changesState(method)) throw error;
      if (options.pages === null || request.headers.rsc !== undefined) answerPage(response, error);
      else {
        // Under the asked address, in the app's own look. Next keeps a status that is set before it renders.
        response.statusCode = error.entry.http;
        request.url = FORBIDDEN_PAGE;
        await options.pages(request, response);
      }
      return null;
    }
    return call;
  }

  /** `/healthz` must answer just when the database is gone, and identity with it. */
  async function identityFor(
    request: IncomingMessage,
    peer: Peer,
    pathname: string,
  ): Promise<Identity | null> {
    try {
      return await options.identify(request, peer.address);
    } catch (error) {
      if (pathname === '/healthz') return null;
      throw error;
    }
  }

  async function route(call: Call): Promise<void> {
    const { request, response, pathname, method, identity, requestId, peer } = call;
    if (pathname.startsWith('/api/trpc/')) return options.trpc(call);
    if (isNextAuthPath(pathname, method)) {
      const body = method === 'POST' ? await readForm(request) : {};
      return await options.nextAuth.handle({ request, response, peer, identity, body });
    }
    const upload = method === 'POST' ? uploadPath.exec(pathname)?.[1] : undefined;
    if (upload !== undefined && identity) {
      requireScope(identity, 'files:write');
      return await receive(call, upload, identity);
    }
    if (/^\/(api|sse)(\/|$)/.test(pathname)) {
      response.setHeader('cache-control', 'no-store');
      checkLength(request, bodyMaxOf(method, pathname));
      return await options.rest(request, response, { identity, requestId });
    }
    if (pathname === '/healthz') {
      const { status, body } = await options.health(identity);
      return answerJson(response, status, body);
    }
    if (pathname === '/metrics') {
      const { type, text } = await options.metrics.render(request.headers.authorization);
      response.setHeader('content-type', type);
      response.end(text);
      return;
    }
    if (pathname === ECHO_PATH) return options.echo(request, response, peer);
    if (!options.pages || !isPage(pathname)) throw new AppError('not_found');
    if (identity) requireUnlimited(identity, 'A page');
    await options.pages(request, response);
  }

  async function receive(
    { request, response, search }: Call,
    sandboxId: string,
    identity: Identity,
  ): Promise<void> {
    requireOwnPassword(identity);
    const length = request.headers['content-length'];
    const aborted = new AbortController();
    response.on('close', () => aborted.abort());
    const done = await options.upload({
      identity,
      sandboxId,
      name: new URLSearchParams(search).get('name') ?? '',
      contentLength: length === undefined ? null : Number(length),
      body: request,
      signal: aborted.signal,
    });
    answerJson(response, 201, done);
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    const requestId = randomUUID();
    const started = performance.now();
    response.setHeader('x-request-id', requestId);
    const { method = 'GET', url = '' } = request;
    const path = url.split('?', 1)[0] ?? '';
    response.on('close', () => {
      const seconds = (performance.now() - started) / 1000;
      const area = /^\/(api\/(trpc|auth|events)|api|_next|healthz|metrics)(?=\/|$)/.exec(path)?.[1] ?? 'page';
      options.metrics.observe({ method, area, status: response.statusCode, seconds });
      options.log.debug({ requestId, method, path, status: response.statusCode, seconds }, 'request');
    });
    admit(request, response, requestId)
      .then((call) => (call ? route(call) : undefined))
      .catch((thrown: unknown) => {
        const error = toAppError(thrown);
        if (error.code === 'internal') options.log.error({ requestId, err: error.cause }, 'a request failed');
        answerError(response, error, requestId);
      });
  };
}
