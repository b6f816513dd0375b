/**
 * Ports of a sandbox through the gateway: bytes both ways at the speed of the slower side, for whom port-visits.ts lets
 * in. Only that sandbox's loopback is ever dialled. Rights are asked for each request; what is open ends with them.
 */
import { randomUUID } from 'node:crypto';
import {
  type ClientRequest,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { AppError, toAppError } from '../../shared/errors';
import { peerOf } from '../auth/client-address';
import { requireScope } from '../auth/scopes';
import type { Connections, OpenSockets } from '../contracts';
import { answerError, answerPage, errorBody } from '../http/answer';
import { setSecurityHeaders } from '../http/headers';
import type { PortAddress } from './port-address';
import { answerHeaders, onwardHeaders, preflightHeaders } from './port-headers';
import {
  createPortVisits,
  type FindPlace,
  isNavigation,
  type PortVisitOptions,
  type Visit,
} from './port-visits';

export interface PortProxy {
  /** Whether this request is for a port of a sandbox, and so for nobody else here. */
  takes(request: IncomingMessage): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** The same for what came to a mapped port of this machine. `find` gives null when it leads nowhere any more. */
  mapped: {
    handle(request: IncomingMessage, response: ServerResponse, find: FindPlace): void;
    upgrade(request: IncomingMessage, given: { socket: Duplex; head: Buffer; find: FindPlace }): void;
  };
  close(): void;
}

export interface PortProxyOptions extends PortVisitOptions {
  log: Logger;
  sockets: OpenSockets;
  connections: Pick<Connections, 'get'>;
  onActivity(sandboxId: string): void;
  dev: boolean;
}

export function createPortProxy(options: PortProxyOptions): PortProxy {
  const { log, sockets, connections } = options;
  const open = new Set<{ destroy(): void }>();
  const { addressOf, mappedAddress, admit } = createPortVisits(options);

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

  function answer(
    request: IncomingMessage,
    response: ServerResponse,
    address: () => PortAddress | null | Promise<PortAddress | null>,
  ): void {
    Promise.resolve()
      .then(async () => admit(request, await address()))
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
  }

  function answerSocket(
    request: IncomingMessage,
    { socket, head }: { socket: Duplex; head: Buffer },
    address: () => PortAddress | null | Promise<PortAddress | null>,
  ): void {
    socket.on('error', () => socket.destroy());
    Promise.resolve()
      .then(async () => admit(request, await address()))
      .then((visit) => connect(request, { socket, head }, visit))
      .catch((thrown: unknown) => {
        const error = toAppError(thrown);
        if (error.code === 'internal') log.error({ err: error.cause }, 'a WebSocket of a port failed');
        refuseSocket(socket, error);
      });
  }

  return {
    takes: (request) => addressOf(request) !== null,
    handle: (request, response) => answer(request, response, () => addressOf(request)),
    upgrade: (request, socket, head) => answerSocket(request, { socket, head }, () => addressOf(request)),
    mapped: {
      handle: (request, response, find) => answer(request, response, () => mappedAddress(request, find)),
      upgrade: (request, { find, ...given }) =>
        answerSocket(request, given, () => mappedAddress(request, find)),
    },
    close() {
      for (const it of [...open]) it.destroy();
    },
  };

  async function connect(
    request: IncomingMessage,
    { socket, head }: { socket: Duplex; head: Buffer },
    visit: Awaited<ReturnType<typeof admit>>,
  ): Promise<void> {
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
