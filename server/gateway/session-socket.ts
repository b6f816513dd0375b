/** `/ws/sessions/{id}?from=SEQ`: the frames of a session over a WebSocket, one JSON text a message. Identity came before. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { AppError, errorTable, toAppError } from '../../shared/errors';
import { sessionIdSchema } from '../../shared/names';
import type { Identity, OpenSockets } from '../contracts';
import { followSession } from '../services/frames/follow';
import type { Frames } from '../services/frames/service';
import { closeSocket } from './terminal-socket';

/** Of ours, and the one that the seeds' clients offer. */
const SUBPROTOCOLS = ['cloud-claude.frames.v1', 'json'];
/** Below what common reverse proxies take for dead. */
const PING_MS = 25_000;
/** A reader that takes nothing for so long, not even a ping, is told so and let go: it comes again with its last seq. */
const SILENT_MAX_MS = 4 * PING_MS;
/** What may wait in memory for one reader; the journal waits on the sandbox's disk. */
const BUFFER_MAX_BYTES = 1024 * 1024;
/** Clients of the seeds' time say things that nobody reads; more than this is no such client. */
const MESSAGE_MAX_BYTES = 64 * 1024;
const ENDED = 1000;
const COME_AGAIN = 1012;
/** RFC 6455 section 7.4.2, private use: the reader is too slow or gone. */
const TOO_SLOW = 4408;

/** Both of the seeds: the one that worked, and the one that was only promised. */
const sessionPath = /^\/(?:ws\/sessions\/(?=[^/]+$)|api\/sessions\/(?=[^/]+\/stream$))([^/]+)/;

export interface SessionSocket {
  (request: IncomingMessage, socket: Duplex, head: Buffer, identity: Identity): void;
  close(): void;
}

export function parseSessionUrl(url: string): { id: string; from: number } | null {
  if (!URL.canParse(url, 'http://gateway')) return null;
  const { pathname, searchParams } = new URL(url, 'http://gateway');
  const id = sessionIdSchema.safeParse(sessionPath.exec(pathname)?.[1]);
  const from = Number(searchParams.get('from') ?? 0);
  if (!id.success || !Number.isSafeInteger(from) || from < 0) return null;
  return { id: id.data, from };
}

export function createSessionSocket(options: {
  frames: Frames;
  openSockets: OpenSockets;
  log: Logger;
}): SessionSocket {
  const { frames, openSockets, log } = options;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: MESSAGE_MAX_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((it) => offered.has(it)) ?? false,
  });

  async function serve(socket: WebSocket, request: IncomingMessage, identity: Identity): Promise<void> {
    const ended = new AbortController();
    const { signal } = ended;
    socket.on('close', () => ended.abort());
    // 'close' follows and does the work.
    socket.on('error', (error) => log.debug({ err: error }, 'session socket'));
    const asked = parseSessionUrl(request.url ?? '');
    if (!asked) throw new AppError('invalid_input', 'from is a seq.');
    let last = asked.from;
    const sandboxId = await frames.sandboxOf(identity, asked.id);
    const unregister = openSockets.register({
      ...{ identity, sandboxId },
      close: (code) => {
        closeSocket(socket, code, errorTable[code].title);
        ended.abort();
      },
    });
    const stopPings = keepAlive(socket, () => {
      socket.close(TOO_SLOW, `Nothing was read for long: come again with from=${last}.`);
      setTimeout(() => socket.terminate(), PING_MS).unref();
      ended.abort();
    });
    try {
      const lines = followSession(frames, { identity, ...asked }, signal);
      for (;;) {
        const { value, done } = await lines.next();
        if (signal.aborted) return;
        if (done) {
          if (value) socket.close(ENDED, 'session ended');
          else socket.close(COME_AGAIN, `The way to the sandbox broke: come again with from=${last}.`);
          return;
        }
        if (value === null) continue;
        await send(socket, value.line);
        last = value.seq;
      }
    } finally {
      unregister();
      stopPings();
      ended.abort();
    }
  }

  const endpoint = (request: IncomingMessage, socket: Duplex, head: Buffer, identity: Identity): void => {
    server.handleUpgrade(request, socket, head, (opened) => {
      serve(opened, request, identity).catch((error: unknown) => {
        const app = toAppError(error);
        if (app.code === 'internal') log.error({ err: error }, 'a session socket failed');
        if (opened.readyState === opened.OPEN) closeSocket(opened, app.code, app.message);
      });
    });
  };
  return Object.assign(endpoint, {
    close() {
      for (const socket of server.clients) {
        socket.close(COME_AGAIN, 'The gateway restarts.');
        socket.terminate();
      }
      server.close();
    },
  });
}

/** A reader that is slow is waited for: what it has not taken stays in the journal. */
function send(socket: WebSocket, line: string): Promise<void> | undefined {
  if (socket.bufferedAmount <= BUFFER_MAX_BYTES) {
    socket.send(line);
    return undefined;
  }
  return new Promise((resolve) => socket.send(line, () => resolve()));
}

function keepAlive(socket: WebSocket, silent: () => void): () => void {
  let heard = Date.now();
  const alive = () => {
    heard = Date.now();
  };
  socket.on('pong', alive);
  socket.on('message', alive);
  const timer = setInterval(() => {
    if (Date.now() - heard > SILENT_MAX_MS) silent();
    else socket.ping();
  }, PING_MS);
  timer.unref();
  return () => clearInterval(timer);
}
