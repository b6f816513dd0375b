/** The agent's one door: HTTP/1.1 on a Unix socket, exactly what shared/agent-api.ts allows and nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type AgentEvent, type AgentOp, agentOps } from '../../shared/agent-api';
import { AppError, errorTable, toAppError } from '../../shared/errors';
import { readJson } from './body';
import { listenOnSocket, type SocketPlace } from './listen';
import { type Handlers, isOp, perform } from './ops';
import { refuseUpgrade, type SshUpgrade } from './ssh-upgrade';

/** A watcher that does not read is dropped before its unread lines fill our memory. */
const UNREAD_MAX_BYTES = 1024 * 1024;
/** Ops that stream may last for minutes; only the arrival of a request is timed. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface AgentServerOptions {
  place: SocketPlace;
  handlers: Handlers;
  ssh: SshUpgrade;
  /** Requests are taken from the start and wait for this: the sweep must not meet new work. */
  swept: Promise<void>;
  log: Logger;
}

export async function startAgentServer(options: AgentServerOptions): Promise<{ close(): Promise<void> }> {
  const { handlers, ssh, log } = options;
  const closing = new AbortController();
  const sockets = new Set<Duplex>();
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    handle(request, response).catch((error) => {
      log.error({ err: error }, 'request handler failed');
      response.destroy();
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    // Before anything else: an unheard 'error' on the raw socket would end the process.
    socket.on('error', () => socket.destroy());
    try {
      refuseBrowsers(request);
      ssh(request, { socket, head, signal: closing.signal });
    } catch (error) {
      refuseUpgrade(socket, toAppError(error));
    }
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let op: AgentOp;
    let input: unknown;
    try {
      refuseBrowsers(request);
      op = routeOf(request);
      input = await readJson(request);
    } catch (error) {
      return sendError(response, toAppError(error));
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort(new AppError('canceled', 'The caller went away.')));
    const signal = AbortSignal.any([gone.signal, closing.signal]);
    await options.swept;
    if (agentOps[op].stream) return stream(op, { input, signal, response });
    try {
      const value = await perform(handlers, op, { input, context: { signal, emit: () => {} } });
      sendJson(response, 200, value);
    } catch (error) {
      sendError(response, logged(op, error));
    }
  }

  async function stream(
    op: AgentOp,
    call: { input: unknown; signal: AbortSignal; response: ServerResponse },
  ): Promise<void> {
    const { response } = call;
    const emit = (event: AgentEvent) => {
      if (response.headersSent === false) {
        response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      }
      if (response.destroyed || response.writableEnded) return;
      response.write(`${JSON.stringify(event)}\n`);
      if (response.writableLength > UNREAD_MAX_BYTES) response.destroy();
    };
    try {
      const running = perform(handlers, op, { input: call.input, context: { signal: call.signal, emit } });
      // A watcher wants to know that it is heard before the first notice.
      if (op === 'watch') {
        response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
        response.flushHeaders();
      }
      emit({ type: 'result', value: await running });
    } catch (thrown) {
      const error = logged(op, thrown);
      // Nothing was sent yet: the status can still tell it.
      if (!response.headersSent) return sendError(response, error);
      emit({ type: 'error', code: error.code, error: error.message });
    }
    response.end();
  }

  function logged(op: AgentOp, thrown: unknown): AppError {
    const error = thrown instanceof AppError ? thrown : asAgentError(thrown);
    if (error.code === 'internal' || error.code === 'agent_failed') {
      log.error({ op, err: error }, `${op} failed; it may be asked for again`);
    } else if (error.code !== 'canceled') log.info({ op, code: error.code }, error.message);
    return error;
  }

  await listenOnSocket(server, options.place);
  return {
    async close() {
      closing.abort(new AppError('unavailable', 'The agent is closing.'));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Streams got their last line by the abort; whatever still holds on is cut.
      setImmediate(() => {
        server.closeIdleConnections();
        setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, CLOSE_GRACE_MS).unref();
      });
      await closed;
    },
  };
}
/** For answers under way when the agent closes. */
const CLOSE_GRACE_MS = 300;

/** A browser always sends one of these from a page; our gateway never does. */
function refuseBrowsers(request: IncomingMessage): void {
  if (request.headers.origin !== undefined || request.headers.referer !== undefined) {
    throw new AppError('origin_refused', 'No browser may speak to the agent.');
  }
}

function routeOf(request: IncomingMessage): AgentOp {
  const op = /^\/v1\/([a-zA-Z.]{1,40})$/.exec(request.url ?? '')?.[1];
  if (op === undefined || !isOp(op)) throw new AppError('not_found', 'The agent has no such operation.');
  if (request.method !== 'POST') throw new AppError('method_not_allowed', 'Operations are called by POST.');
  return op;
}

/** A failure of a command or of Docker's client: its text is for administrators and holds no secret. */
function asAgentError(thrown: unknown): AppError {
  if (!(thrown instanceof Error)) return new AppError('internal', undefined, { cause: thrown });
  if (thrown.name === 'AbortError') return new AppError('canceled', undefined, { cause: thrown });
  return new AppError('agent_failed', thrown.message.slice(0, 500), { cause: thrown });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

function sendError(response: ServerResponse, error: AppError): void {
  // The rest of a refused body is not read.
  response.shouldKeepAlive = false;
  sendJson(response, errorTable[error.code].http, {
    error: error.message,
    code: error.code,
    ...(error.field === undefined ? {} : { field: error.field }),
  });
}
