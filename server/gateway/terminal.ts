/** The WebSocket endpoint of terminals: handshake, checks, life of the socket. Identity and Origin came before. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { AppError, errorTable, toAppError } from '../../shared/errors';
import { TERMINAL_MESSAGE_MAX_BYTES } from '../../shared/limits';
import { holds, sessionScope } from '../../shared/scopes';
import { ClientOp, ServerOp, TERMINAL_SUBPROTOCOL, type TerminalStatus } from '../../shared/terminal-frames';
import { requireSessionScope } from '../auth/scopes';
import type { Audit, Db, Identity, Live, OpenSockets, SandboxAccess } from '../contracts';
import { createSessionStates } from '../services/sessions/states';
import type { Activity } from './activity';
import { TERM } from './attach';
import type { GatewayConnections } from './connections';
import { InputLedger } from './input-ledger';
import { ReadyChannels } from './ready-channels';
import { fromShellClient, SHELL_SUBPROTOCOL, shellWire } from './shell-wire';
import { parseShellUrl, parseTerminalUrl, type TerminalQuery } from './terminal-query';
import { closeSocket, TerminalSocket, type TerminalWire } from './terminal-socket';

/** Answered by the browser itself, also in a background tab whose timers are throttled to one a minute. */
const HEARTBEAT_MS = 15_000;
/** A path into a sandbox that does not answer in this time is not waited for when the gateway stops. */
const LAST_CONFIRM_MS = 1_000;
/** Messages that come while the rights are checked; a browser sends two or three. */
const EARLY_MESSAGES_MAX = 64;

/** Until such a client tells another: what the seeds' shells begin with. */
const FIRST_SIZE = { cols: 120, rows: 32 };

interface Accepted {
  socket: WebSocket;
  wire: TerminalWire;
  /** Names the sandbox that the socket hangs on, when that is known. */
  registered(sandboxId: string | null): void;
}

export interface TerminalEndpointOptions {
  db: Db;
  live: Live;
  audit: Audit;
  log: Logger;
  connections: GatewayConnections;
  access: SandboxAccess;
  openSockets: OpenSockets;
  activity: Activity;
}

/** Takes over an upgrade whose identity and Origin are already checked. */
export interface TerminalEndpoint {
  (request: IncomingMessage, socket: Duplex, head: Buffer, identity: Identity): void;
  /** Open terminals on this gateway. */
  count(): number;
  /** Says 1012 (service restart) to all: browsers come back by themselves. */
  close(): Promise<void>;
}

export function createTerminalEndpoint(options: TerminalEndpointOptions): TerminalEndpoint {
  const { db, log, connections, access, openSockets, activity } = options;
  const states = createSessionStates(options);
  const ledger = new InputLedger();
  const ready = new ReadyChannels(connections.commands, TERM);
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: TERMINAL_MESSAGE_MAX_BYTES + 1,
    // Compressing every key costs more than it saves on a LAN (measured: CPU x3, echo +0.4 ms).
    perMessageDeflate: false,
    handleProtocols: (offered) =>
      [TERMINAL_SUBPROTOCOL, SHELL_SUBPROTOCOL].find((it) => offered.has(it)) ?? false,
  });
  const open = new Map<WebSocket, TerminalSocket>();
  const finishing = new Set<Promise<void>>();
  const answering = new WeakSet<WebSocket>();
  const heartbeat = setInterval(() => {
    for (const socket of server.clients) {
      if (!answering.has(socket)) {
        socket.terminate();
        continue;
      }
      answering.delete(socket);
      socket.ping();
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();

  function accepted(socket: WebSocket, request: IncomingMessage, identity: Identity): void {
    answering.add(socket);
    socket.on('pong', () => answering.add(socket));
    // 'close' follows and does the work.
    socket.on('error', (error) => log.debug({ err: error }, 'terminal socket'));
    const early: [RawData, boolean][] = [];
    let terminal: TerminalSocket | null = null;
    const shellId = parseShellUrl(request.url ?? '');
    const wire = shellId === null ? socket : shellWire(socket, (ack) => terminal?.message(ack, true));
    const take = (to: TerminalSocket, data: RawData, isBinary: boolean) => {
      if (shellId === null) return to.message(data, isBinary);
      const message = fromShellClient(data, isBinary);
      if (message === null) closeSocket(socket, 'invalid_input', 'Not a message of this protocol.');
      // Its protocol has no words for a refusal: the close code has.
      else if (message[0] === ClientOp.input && !to.mayType)
        closeSocket(socket, 'forbidden', 'This token lacks the scope shells:input.');
      else to.message(message, true);
    };
    // Before the first await: what the browser sends with its handshake must not be lost.
    socket.on('message', (data, isBinary) => {
      if (terminal) take(terminal, data, isBinary);
      else if (early.push([data, isBinary]) >= EARLY_MESSAGES_MAX) socket.pause();
    });
    let unregister: () => void = () => undefined;
    const registered = (sandboxId: string | null) => {
      unregister();
      unregister = openSockets.register({
        ...{ identity, sandboxId },
        close: (code) => {
          closeSocket(socket, code, errorTable[code].title);
          void terminal?.release();
        },
      });
    };
    registered(parseTerminalUrl(request.url ?? '')?.sandboxId ?? null);
    socket.on('close', () => {
      unregister();
      open.delete(socket);
      if (!terminal) return;
      const done = terminal
        .release()
        .catch((error: unknown) => log.error({ err: error }, 'closing a terminal'));
      finishing.add(done);
      void done.then(() => finishing.delete(done));
    });
    void admit({ socket, wire, registered }, request, identity)
      .then((made) => {
        if (socket.readyState !== socket.OPEN) return;
        terminal = made;
        open.set(socket, made);
        const running = made.run();
        for (const [data, isBinary] of early.splice(0)) take(made, data, isBinary);
        socket.resume();
        return running;
      })
      .catch((error: unknown) => {
        const app = toAppError(error);
        if (app.code === 'internal') log.error({ err: error }, 'terminal failed');
        closeSocket(socket, app.code, app.message);
      });
  }

  async function admit(
    { socket, wire, registered }: Accepted,
    request: IncomingMessage,
    identity: Identity,
  ): Promise<TerminalSocket> {
    const shellId = parseShellUrl(request.url ?? '');
    const protocol = shellId === null ? TERMINAL_SUBPROTOCOL : SHELL_SUBPROTOCOL;
    if (socket.protocol !== protocol && !(shellId !== null && socket.protocol === '')) {
      throw new AppError('invalid_input', `The subprotocol is ${protocol}.`);
    }
    const query = shellId === null ? parseTerminalUrl(request.url ?? '') : await shellQuery(shellId);
    if (!query) throw new AppError('not_found');
    if (shellId !== null) registered(query.sandboxId);
    await access(identity, query.sandboxId, 'use');
    const row = await db.session.findUnique({
      where: { id: query.sessionId },
      include: { sandbox: { select: { state: true } } },
    });
    if (row?.sandboxId !== query.sandboxId) throw new AppError('not_found');
    requireSessionScope(identity, row.kind, 'read');
    const mayType = holds(identity, sessionScope(row.kind, 'input'));
    if (row.state === 'ended') {
      const reason = row.endReason ?? errorTable.gone.title;
      const status: TerminalStatus = { type: 'ended', exitCode: row.exitCode, reason };
      wire.send(Buffer.concat([Buffer.of(ServerOp.status), Buffer.from(JSON.stringify(status))]));
      throw new AppError('gone', reason);
    }
    const target = {
      id: row.id,
      kind: row.kind,
      workdir: row.workdir,
      permissionMode: row.permissionMode,
    };
    return new TerminalSocket(
      wire,
      { ...query, identity, target, mayType },
      { connections, states, ledger, ready, activity, log },
    );
  }

  /** Null: there is no such shell; a Claude session is none. */
  async function shellQuery(id: string): Promise<TerminalQuery | null> {
    const row = await db.session.findUnique({ where: { id }, select: { sandboxId: true, kind: true } });
    if (row?.kind !== 'shell') return null;
    return { sandboxId: row.sandboxId, sessionId: id, ...FIRST_SIZE, client: null };
  }

  const endpoint = (request: IncomingMessage, socket: Duplex, head: Buffer, identity: Identity): void => {
    server.handleUpgrade(request, socket, head, (opened) => accepted(opened, request, identity));
  };
  return Object.assign(endpoint, {
    count: () => server.clients.size,
    async close() {
      clearInterval(heartbeat);
      // First the browsers hear how much of their input has arrived: the next gateway knows only what they know.
      const settled = Promise.all([...open.values()].map((it) => it.release()));
      const late = new Promise((resolve) => setTimeout(resolve, LAST_CONFIRM_MS).unref());
      await Promise.race([settled, late]).catch((error: unknown) =>
        log.error({ err: error }, 'closing a terminal'),
      );
      for (const socket of server.clients) {
        socket.close(1012, 'The gateway restarts.');
        socket.terminate();
      }
      await Promise.all(finishing);
      server.close();
    },
  });
}
