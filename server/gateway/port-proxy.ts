/**
 * Ports of a sandbox through the gateway: who asks, whether he may, then bytes both ways at the speed of the slower
 * side. Only that sandbox's loopback is ever dialled. Rights are asked for each request; what is open ends with them.
 */
import { randomUUID } from 'node:crypto';
import {
  type ClientRequest,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http';
import type { BlockList } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { AppError, toAppError } from '../../shared/errors';
import { portLabel } from '../../shared/ports';
import { type Peer, peerOf } from '../auth/client-address';
import { parseCookies } from '../auth/cookies';
import { type Identify, requireOwnPassword, userAgentOf } from '../auth/identity';
import { requireScope } from '../auth/scopes';
import {
  type Audit,
  actorOf,
  type Connections,
  type Db,
  type Identity,
  type OpenSockets,
  type SandboxAccess,
} from '../contracts';
import { answerError, answerPage, errorBody } from '../http/answer';
import { setSecurityHeaders } from '../http/headers';
import { changesState, checkHost, checkOrigin } from '../http/origin';
import { checkAddress, ENTER_PATH, type PortAddress, portAddressOf, portDomain } from './port-address';
import { answerHeaders, onwardHeaders, prefixOf, preflightHeaders } from './port-headers';
import { type PortPasses, VISIT_SECONDS } from './port-passes';

export interface PortProxy {
  /** Whether this request is for a port of a sandbox, and so for nobody else here. */
  takes(request: IncomingMessage): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

export interface PortProxyOptions {
  db: Db;
  audit: Audit;
  log: Logger;
  identify: Identify;
  access: SandboxAccess;
  sockets: OpenSockets;
  connections: Pick<Connections, 'get'>;
  passes: PortPasses;
  onActivity(sandboxId: string): void;
  trusted: BlockList;
  scheme: 'http' | 'https';
  baseDomain: string | null;
  dev: boolean;
}

interface Visit {
  address: PortAddress;
  peer: Peer;
  identity: Identity;
  byToken: boolean;
}

export function createPortProxy(options: PortProxyOptions): PortProxy {
  const { log, identify, access, sockets, connections, passes, baseDomain } = options;
  const open = new Set<{ destroy(): void }>();

  const addressOf = (request: IncomingMessage): PortAddress | null => {
    const { host } = peerOf(request, options.trusted, options.scheme);
    return portAddressOf({ target: request.url ?? '', host }, baseDomain);
  };
  const visitCookie = (peer: Peer) => (peer.scheme === 'https' ? '__Host-cc-port' : 'cc-port');

  /** `redirect`: a browser that has to be led on first. Throws AppError. */
  async function admit(request: IncomingMessage): Promise<Visit | { redirect: string; cookie?: string }> {
    const peer = peerOf(request, options.trusted, options.scheme);
    const address = addressOf(request);
    if (!address) throw new AppError('not_found');
    if (address.mode === 'path') checkHost(peer, baseDomain, '/');
    checkAddress(address);
    // A worker of this address would belong to our origin.
    if (address.mode === 'path' && request.headers['service-worker'] !== undefined)
      throw new AppError('forbidden');
    const visit =
      address.mode === 'host'
        ? await byCookie(request, { address, peer })
        : await byPath(request, { address, peer });
    if ('redirect' in visit) return visit;
    requireOwnPassword(visit.identity);
    requireScope(visit.identity, changesState(request.method ?? 'GET') ? 'ports:write' : 'ports:read');
    await access(visit.identity, address.sandboxId, 'use');
    return visit;
  }

  async function byCookie(
    request: IncomingMessage,
    { address, peer }: Pick<Visit, 'address' | 'peer'>,
  ): Promise<Visit | { redirect: string; cookie?: string }> {
    const userAgent = userAgentOf(request);
    if (address.target.startsWith(`${ENTER_PATH}?`)) {
      const query = new URLSearchParams(address.target.slice(ENTER_PATH.length));
      const identity = await passes.redeem('ticket', query.get('ticket') ?? '', {
        place: address,
        peer,
        userAgent,
      });
      const to = query.get('to') ?? '/';
      const inside = to.startsWith('/') && !/^\/[/\\]/.test(to) && !/[\r\n]/.test(to) ? to : '/';
      // An old ticket leads to a new one, if the log-in is still there.
      if (!identity) return { redirect: mainAddress(address, peer, inside) };
      const secure = peer.scheme === 'https' ? '; Secure' : '';
      const visit = passes.issue('visit', identity, address);
      return {
        redirect: inside,
        cookie: `${visitCookie(peer)}=${visit}; Path=/; Max-Age=${VISIT_SECONDS}; HttpOnly; SameSite=Lax${secure}`,
      };
    }
    checkNeighbour(request, { address, peer });
    const pass = parseCookies(request.headers.cookie)[visitCookie(peer)];
    const identity = pass ? await passes.redeem('visit', pass, { place: address, peer, userAgent }) : null;
    if (identity) return { address, peer, identity, byToken: false };
    if (!isNavigation(request)) throw new AppError('unauthenticated');
    return { redirect: mainAddress(address, peer, address.target) };
  }

  /** Other sites, and ports of other sandboxes, may lead here but not act here: they are the same site to the browser. */
  function checkNeighbour(
    request: IncomingMessage,
    { address, peer }: Pick<Visit, 'address' | 'peer'>,
  ): void {
    const { origin, 'sec-fetch-site': site } = request.headers;
    if (origin !== undefined) {
      const there = URL.canParse(origin)
        ? portAddressOf({ target: '/', host: new URL(origin).host }, baseDomain)
        : null;
      const related = there?.mode === 'host' && there.sandboxId === address.sandboxId;
      if (!related || new URL(origin).protocol !== `${peer.scheme}:`) throw new AppError('origin_refused');
    } else if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation(request)) {
      throw new AppError('origin_refused');
    }
  }

  function mainAddress(address: PortAddress, peer: Peer, target: string): string {
    const port = /:\d+$/.exec(peer.host)?.[0] ?? '';
    const host = baseDomain ?? 'localhost';
    return `${peer.scheme}://${host}${port}/sandboxes/${address.sandboxId}/ports/${address.port}${target}`;
  }

  async function byPath(
    request: IncomingMessage,
    { address, peer }: Pick<Visit, 'address' | 'peer'>,
  ): Promise<Visit | { redirect: string }> {
    if (address.pass !== null) {
      const given = { place: address, peer, userAgent: userAgentOf(request) };
      const identity = await passes.redeem('visit', address.pass, given);
      if (identity) return { address, peer, identity, byToken: false };
      if (!isNavigation(request)) throw new AppError('unauthenticated');
      // Of an ended log-in or another day: from the front, where the log-in is asked for.
      return { redirect: prefixOf(address, false) + address.target };
    }
    const identity = await identify(request, peer.address);
    if (!identity) {
      const { target } = address;
      if (!isNavigation(request)) throw new AppError('unauthenticated');
      return { redirect: `/sign-in?next=${encodeURIComponent(prefixOf(address, false) + target)}` };
    }
    if (identity.via === 'token') return { address, peer, identity, byToken: true };
    // A link on another site may lead here, as a port's own host does; nothing else of theirs may.
    if (!isNavigation(request)) checkOrigin(request, peer);
    if (changesState(request.method ?? 'GET') || request.headers.upgrade !== undefined)
      throw new AppError('origin_refused');
    requireOwnPassword(identity);
    await access(identity, address.sandboxId, 'use');
    await options.audit.record(options.db, {
      type: 'port.open',
      actor: actorOf(identity),
      target: { type: 'sandbox', id: address.sandboxId, name: String(address.port) },
      message: `opened port ${address.port}`,
    });
    const domain = portDomain(baseDomain, peer.host);
    if (domain === null) {
      const pass = passes.issue('visit', identity, address);
      return { redirect: prefixOf({ ...address, pass }) + address.target };
    }
    const ticket = passes.issue('ticket', identity, address);
    const port = /:\d+$/.exec(peer.host)?.[0] ?? '';
    const query = new URLSearchParams({ ticket, to: address.target });
    const label = portLabel(address.sandboxId, address.port);
    return { redirect: `${peer.scheme}://${label}.${domain}${port}${ENTER_PATH}?${query}` };
  }

  async function dial({ address }: Visit): Promise<Duplex> {
    const connection = await connections.get(address.sandboxId);
    return connection.tcp(address.port).catch((cause: unknown) => {
      throw new AppError('unavailable', `Nothing answers on port ${address.port} of this sandbox.`, {
        cause,
      });
    });
  }

  /** Ends with the caller's rights, with the gateway, and when either side has gone. */
  function hold(visit: Visit, destroy: () => void): () => void {
    const entry = { destroy };
    open.add(entry);
    const unregister = sockets.register({
      identity: visit.identity,
      sandboxId: visit.address.sandboxId,
      close: () => destroy(),
    });
    options.onActivity(visit.address.sandboxId);
    return () => {
      open.delete(entry);
      unregister();
    };
  }

  function onward(request: IncomingMessage, visit: Visit, stream: Duplex, upgrade: boolean): ClientRequest {
    return requestHttp({
      createConnection: () => stream,
      method: request.method ?? 'GET',
      path: visit.address.target,
      // A flat list, as it came: order and doubles are the program's business.
      headers: onwardHeaders(request.rawHeaders, { ...visit, upgrade }),
    });
  }

  async function forward(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void> {
    const stream = await dial(visit);
    stream.on('error', () => undefined);
    if (response.destroyed) return void stream.destroy();
    const upstream = onward(request, visit, stream, false);
    const release = hold(visit, () => {
      upstream.destroy();
      response.destroy();
    });
    response.once('close', () => {
      release();
      upstream.destroy();
      stream.destroy();
    });
    upstream.on('response', (answer) => {
      try {
        for (const name of response.getHeaderNames()) response.removeHeader(name);
        const headers = answerHeaders(answer.rawHeaders, { address: visit.address, upgrade: false });
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers);
      } catch (error) {
        log.debug({ err: error }, 'a program in a sandbox answered what cannot be passed on');
        response.destroy();
        return;
      }
      // An event stream says its headers long before its first event.
      response.flushHeaders();
      answer.on('error', () => response.destroy());
      // Cut off in the middle: the browser must not take it for a whole answer.
      answer.on('close', () => {
        if (!answer.complete) response.destroy();
      });
      answer.pipe(response);
    });
    upstream.on('error', (cause) => {
      if (response.headersSent) response.destroy();
      else
        refuse(
          request,
          response,
          new AppError('unavailable', 'The program in the sandbox gave no answer.', { cause }),
        );
    });
    request.on('error', () => upstream.destroy());
    request.pipe(upstream);
  }

  function refuse(request: IncomingMessage, response: ServerResponse, error: AppError): void {
    if (error.code === 'internal') log.error({ err: error.cause }, 'a request for a port failed');
    if (response.headersSent) return void response.destroy();
    const { dev, trusted, scheme } = options;
    setSecurityHeaders(request, response, { peer: peerOf(request, trusted, scheme), dev });
    if (isNavigation(request)) answerPage(response, error);
    else answerError(response, error, randomUUID());
  }

  function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
    const { 'access-control-request-method': method, 'access-control-request-headers': headers } =
      request.headers;
    response.writeHead(204, preflightHeaders({ method, headers })).end();
  }

  return {
    takes: (request) => addressOf(request) !== null,
    handle(request, response) {
      admit(request)
        .then(async (visit) => {
          if ('redirect' in visit) {
            response.writeHead(303, {
              ...{ location: visit.redirect, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
              ...(visit.cookie ? { 'set-cookie': visit.cookie } : {}),
            });
            response.end();
            return;
          }
          const preflight = request.headers['access-control-request-method'] !== undefined;
          if (request.method === 'OPTIONS' && preflight && visit.address.pass !== null)
            answerPreflight(request, response);
          else await forward(request, response, visit);
        })
        .catch((thrown: unknown) => refuse(request, response, toAppError(thrown)));
    },
    upgrade(request, socket, head) {
      const onError = () => socket.destroy();
      socket.on('error', onError);
      connect(request, socket, head).catch((thrown: unknown) => {
        const error = toAppError(thrown);
        if (error.code === 'internal') log.error({ err: error.cause }, 'a WebSocket of a port failed');
        refuseSocket(socket, error);
      });
    },
    close() {
      for (const it of [...open]) it.destroy();
    },
  };

  async function connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const visit = await admit(request);
    if ('redirect' in visit) throw new AppError('unauthenticated');
    // Typing into a program is more than looking at it, and a socket carries both.
    requireScope(visit.identity, 'ports:write');
    const { mode } = visit.address;
    const { origin } = request.headers;
    if (mode === 'path' && !visit.byToken && origin !== undefined && origin !== 'null')
      throw new AppError('origin_refused');
    const stream = await dial(visit);
    stream.on('error', () => undefined);
    if (socket.destroyed) return void stream.destroy();
    const upstream = onward(request, visit, stream, true);
    const end = () => {
      stream.destroy();
      socket.destroy();
    };
    const release = hold(visit, end);
    socket.once('close', () => {
      release();
      stream.destroy();
    });
    stream.once('close', () => socket.destroy());
    upstream.on('upgrade', (answer, through, first) => {
      const headers = answerHeaders(answer.rawHeaders, { address: visit.address, upgrade: true });
      socket.write(headOf(101, 'Switching Protocols', headers));
      if (first.length > 0) socket.write(first);
      if (head.length > 0) through.write(head);
      through.on('error', end);
      // `pipe` waits for the slower side.
      through.pipe(socket);
      socket.pipe(through);
    });
    upstream.on('response', (answer) => {
      const headers = answerHeaders(answer.rawHeaders, { address: visit.address, upgrade: false });
      const length = answer.headers['content-length'];
      socket.write(
        headOf(answer.statusCode ?? 502, answer.statusMessage ?? '', [...headers, 'Connection', 'close']),
      );
      // Its body ends with the connection where no length is told.
      if (length === '0') socket.end();
      else answer.pipe(socket);
    });
    upstream.on('error', (cause) => {
      refuseSocket(
        socket,
        new AppError('unavailable', 'The program in the sandbox gave no answer.', { cause }),
      );
    });
    upstream.end();
  }
}

/** Only what Node's parser has let through comes here: no line ends in names or values. */
function headOf(status: number, reason: string, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${reason.replace(/[^\x20-\x7e]/g, '')}`];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function refuseSocket(socket: Duplex, error: AppError): void {
  if (socket.destroyed) return;
  const body = `${JSON.stringify(errorBody(error, randomUUID()))}\n`;
  const headers = [
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ];
  socket.end(
    headOf(error.entry.http, 'Refused', [...headers, 'Cache-Control', 'no-store', 'Connection', 'close']) +
      body,
  );
}

/** A person opens a page: he is led on, where a script's call is refused. */
function isNavigation(request: IncomingMessage): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': dest, accept = '' } = request.headers;
  if (mode !== undefined) return mode === 'navigate' && dest === 'document';
  return request.headers.upgrade === undefined && /\btext\/html\b/.test(accept);
}
