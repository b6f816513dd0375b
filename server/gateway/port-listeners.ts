/** Mapped ports of this machine: a listener for each row, all of them leading through port-proxy.ts. */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { AppError } from '../../shared/errors';
import type { Db } from '../contracts';
import type { PortPlace } from './port-address';
import type { PortProxy } from './port-proxy';

/** As at the main port: headers must be here by then. */
const HEADERS_TIMEOUT_MS = 20_000;
/** A port that was taken when we began, or whose sandbox was deleted, is looked at again. */
const CONVERGE_MS = 15_000;

export interface PortRange {
  first: number;
  last: number;
}

export interface PortListeners {
  readonly range: PortRange | null;
  /** Throws `conflict` when another program has the port. */
  open(port: number): Promise<void>;
  /** Cuts what goes through it. */
  shut(port: number): Promise<void>;
  /** What changes rows and listeners runs one after the other. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Null: it listens. */
  problemOf(port: number): string | null;
  start(): void;
  close(): Promise<void>;
}

interface Listener {
  server: Server;
  sockets: Set<Socket>;
}

export function createPortListeners(options: {
  db: Db;
  log: Logger;
  host: string;
  range: PortRange | null;
  proxy: PortProxy['mapped'];
}): PortListeners {
  const { db, log, host, range, proxy } = options;
  const listeners = new Map<number, Listener>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const made = last.then(work);
    last = made.catch(() => undefined);
    return made;
  }

  const within = (port: number) => range !== null && port >= range.first && port <= range.last;

  async function find(hostPort: number): Promise<PortPlace | null> {
    const row = await db.portMapping.findUnique({ where: { hostPort } });
    return row && { sandboxId: row.sandboxId, port: row.internalPort };
  }

  async function listen(port: number): Promise<void> {
    const sockets = new Set<Socket>();
    const at = () => find(port);
    const server = createServer(
      { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0 },
      (request, response) => proxy.handle(request, response, at),
    );
    server.on('upgrade', (request, socket, head) => proxy.upgrade(request, { socket, head, find: at }));
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    }).catch((cause: unknown) => {
      throw new AppError('conflict', `Port ${port} of this machine cannot be taken.`, { cause });
    });
    server.on('error', (err) => log.warn({ err, port }, 'a mapped port failed'));
    listeners.set(port, { server, sockets });
  }

  async function open(port: number): Promise<void> {
    if (closed) throw new AppError('unavailable');
    if (!listeners.has(port)) await listen(port);
  }

  async function shut(port: number): Promise<void> {
    const found = listeners.get(port);
    if (!found) return;
    listeners.delete(port);
    const ended = new Promise<void>((resolve) => found.server.close(() => resolve()));
    for (const it of found.sockets) it.destroy();
    await ended;
  }

  /** Rows are what is wanted. */
  async function converge(): Promise<void> {
    const rows = await db.portMapping.findMany({ select: { hostPort: true } });
    const wanted = new Set(rows.map((it) => it.hostPort).filter(within));
    for (const port of [...listeners.keys()]) if (!wanted.has(port)) await shut(port);
    for (const port of wanted) {
      if (closed) return;
      await open(port).catch((err) => log.debug({ err, port }, 'a mapped port is taken'));
    }
  }

  function work(): void {
    inTurn(converge).catch((err) => log.warn({ err }, 'mapped ports could not be looked at'));
  }

  return {
    range,
    open,
    shut,
    inTurn,
    problemOf(port) {
      if (range === null) return 'Port mapping is switched off: an administrator sets PORT_RANGE.';
      if (!within(port))
        return `Port ${port} is outside of PORT_RANGE (${range.first}-${range.last}). Map the port anew.`;
      if (listeners.has(port)) return null;
      return `Another program of this machine has port ${port}. Stop it, or map the port anew.`;
    },
    start() {
      if (range === null) return;
      work();
      timer = setInterval(work, CONVERGE_MS).unref();
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await last;
      await Promise.all([...listeners.keys()].map(shut));
    },
  };
}
