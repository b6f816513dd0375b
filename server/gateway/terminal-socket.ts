/** One browser terminal: a WebSocket on one side, attaches to its session on the other, one after another. */
import type { Logger } from 'pino';
import type { RawData, WebSocket } from 'ws';
import { AppError, type ErrorCode, errorTable, toAppError } from '../../shared/errors';
import { TERMINAL_MESSAGE_MAX_BYTES } from '../../shared/limits';
import { decodeClient, ServerOp, type TerminalStatus } from '../../shared/terminal-frames';
import type { Identity } from '../contracts';
import { endSentence, type SessionStates } from '../services/sessions/states';
import type { Activity } from './activity';
import { type Attached, attach, SessionEnded } from './attach';
import type { PtyStream } from './channel-stream';
import type { GatewayConnections } from './connections';
import type { InputLedger, InputRecord } from './input-ledger';
import { OutputFlow } from './output-flow';
import type { ReadyChannels } from './ready-channels';
import type { SessionTarget } from './sandbox-command';
import { clampSize } from './terminal-query';

/** Input that is not yet taken by sshd; above it the WebSocket is not read. A paste of 1 MiB fits. */
const INPUT_HIGH_BYTES = 2 * TERMINAL_MESSAGE_MAX_BYTES;
const INPUT_LOW_BYTES = TERMINAL_MESSAGE_MAX_BYTES / 2;
/**
 * Before input is confirmed: the round trip would be in the way of the key's own echo (measured: 0.59 ms with it, 0.54
 * without). Also what a broken connection may have to write again.
 */
const CONFIRM_DELAY_MS = 4;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5_000;
/**
 * When the browser goes, its pty stays this long: sshd hangs the pty up at once when the channel closes, and Linux
 * then throws away input that tmux has not read yet.
 */
const LINGER_MS = 100;
/** Longer than the keepalive needs to find a dead path: before that, no answer does not mean not delivered. */
const SETTLE_MAX_MS = 15_000;

/** The part of a WebSocket that a terminal writes to; another protocol may stand in between (`shell-wire.ts`). */
export interface TerminalWire
  extends Pick<WebSocket, 'readyState' | 'OPEN' | 'bufferedAmount' | 'terminate' | 'pause' | 'resume'> {
  send(message: Buffer, sent?: () => void): void;
  close(code: number, reason: string): void;
}

export interface TerminalDeps {
  connections: GatewayConnections;
  states: SessionStates;
  ledger: InputLedger;
  ready: ReadyChannels;
  activity: Activity;
  log: Logger;
}
export interface TerminalRequest {
  identity: Identity;
  sandboxId: string;
  target: SessionTarget;
  cols: number;
  rows: number;
  /** False: what is typed is refused, and the session keeps its size. */
  mayType: boolean;
  /** Null: this client keeps no count; nothing is ever sent twice. */
  client: { id: string; offset: number } | null;
}

export class TerminalSocket {
  readonly #socket: TerminalWire;
  readonly #request: TerminalRequest;
  readonly #deps: TerminalDeps;
  readonly #flow: OutputFlow;
  readonly #record: InputRecord;
  readonly #stop = new AbortController();
  #pty: PtyStream | null = null;
  /** Input that came while there was no pty, in order. */
  #queued: Buffer[] = [];
  #queuedBytes = 0;
  #attachedOnce = false;
  #confirming = false;
  #confirmTimer: NodeJS.Timeout | null = null;
  #inputPaused = false;
  #cols: number;
  #rows: number;
  #removeViewer: () => void = () => undefined;
  #released: Promise<void> | null = null;

  constructor(socket: TerminalWire, request: TerminalRequest, deps: TerminalDeps) {
    this.#socket = socket;
    this.#request = request;
    this.#deps = deps;
    this.#flow = new OutputFlow(socket);
    this.#cols = request.cols;
    this.#rows = request.rows;
    const key = [request.identity.userId, request.target.id, request.client?.id ?? crypto.randomUUID()].join(
      '/',
    );
    this.#record = deps.ledger.take(key, request.client?.offset ?? 0, this);
  }

  get mayType(): boolean {
    return this.#request.mayType;
  }

  /** Runs until the socket is closed. Messages must be given to `message` from the first one on. */
  async run(): Promise<void> {
    this.#removeViewer = this.#deps.connections.addViewer(this.#request.target.id, (viewers) =>
      this.#status({ type: 'viewers', viewers }),
    );
    this.#tellViewers();
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#attachOnce();
        failures = 0;
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        if (error instanceof SessionEnded) return this.#ended(error.exitCode);
        const app = toAppError(error);
        if (!worthRetrying(app)) return this.#closeWith(app.code, app.message);
        failures += 1;
        if (app.code === 'internal') this.#deps.log.error({ err: error }, 'attach failed');
        this.#status({ type: 'reconnecting', reason: app.message });
        await this.#wait(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 8)));
      }
    }
  }

  message(data: RawData, isBinary: boolean): void {
    // nodebuffer is the server's binaryType: always one Buffer.
    const message = isBinary && Buffer.isBuffer(data) ? decodeClient(data) : null;
    if (!message) {
      this.#closeWith('invalid_input', 'Not a message of this protocol.');
      return;
    }
    switch (message.op) {
      case 'input':
        this.#input(message.data as Buffer); // subarray of a Buffer is a Buffer
        break;
      case 'resize': {
        const { cols, rows } = clampSize(message.cols, message.rows);
        this.#cols = cols;
        this.#rows = rows;
        // A look-on's pty has a size, too: tmux ignores it for the others (`session view`).
        this.#pty?.resize(cols, rows);
        break;
      }
      case 'ack':
        this.#flow.ack(message.bytes);
        break;
      case 'ping':
        this.#socket.send(Buffer.concat([Buffer.of(ServerOp.pong), message.data]));
    }
  }

  /** Gives the session back without losing what was typed last. Says and reads no more; safe to repeat. */
  release(): Promise<void> {
    if (this.#released) return this.#released;
    this.#stop.abort();
    if (this.#confirmTimer) clearTimeout(this.#confirmTimer);
    this.#removeViewer();
    this.#tellViewers();
    const pty = this.#pty;
    this.#pty = null;
    this.#flow.stop();
    if (pty) this.#record.settled = this.#settle(pty);
    // Its channel died. One that never attached wrote nothing: what is unconfirmed then belongs to an earlier
    // socket that is still settling.
    else if (this.#attachedOnce) this.#record.rewind();
    this.#deps.ledger.release(this.#record, this);
    this.#released = this.#record.settled;
    return this.#released;
  }

  /** The same browser terminal came back on a new socket before this one was seen to be dead. */
  supersede(): void {
    this.#closeWith('conflict', 'This terminal was opened again.');
    void this.release();
  }

  async #settle(pty: PtyStream): Promise<void> {
    pty.resume();
    const position = this.#record.written;
    const confirmed = new Promise<boolean>((resolve) => {
      const late = setTimeout(() => resolve(false), SETTLE_MAX_MS);
      const done = (ok: boolean) => {
        clearTimeout(late);
        resolve(ok);
      };
      pty.once('close', () => done(false));
      // An empty write calls back after all that was written before.
      pty.write(Buffer.alloc(0), () => pty.confirm(() => done(true)));
    });
    if (await confirmed) {
      this.#record.confirm(position);
      // The socket is open yet when the gateway stops.
      this.#status({ type: 'input', bytes: position });
      await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
    } else {
      this.#record.rewind();
    }
    pty.destroy();
  }

  async #attachOnce(): Promise<void> {
    const { connections, states } = this.#deps;
    await this.#record.settled;
    const attached = await attach(connections, this.#request.sandboxId, this.#request.target, {
      cols: this.#cols,
      rows: this.#rows,
      signal: this.#stop.signal,
      ready: this.#deps.ready,
      view: !this.#request.mayType,
    });
    const { pty } = attached;
    if (this.#stop.signal.aborted) {
      pty.destroy();
      return;
    }
    const ended = new Promise<void>((resolve) => pty.once('close', resolve));
    this.#begin(attached);
    void states.running(this.#request.target.id).catch((err: unknown) => {
      this.#deps.log.warn({ err }, 'a session was not marked as running');
    });
    await ended;
    if (this.#pty === pty) this.#pty = null;
    this.#flow.flush();
    if (this.#stop.signal.aborted) return;
    await this.#judge(pty.exitCode);
  }

  #begin({ pty, history, first, answers }: Attached): void {
    this.#socket.send(history);
    if (answers.length > 0) pty.write(answers);
    this.#pty = pty;
    // What died with an earlier channel, then what was typed since.
    for (const chunk of this.#record.unconfirmed()) pty.write(chunk);
    const queued = this.#queued;
    this.#queued = [];
    this.#queuedBytes = 0;
    for (const chunk of queued) this.#write(pty, chunk);
    this.#attachedOnce = true;
    this.#status({
      type: 'attached',
      sessionId: this.#request.target.id,
      viewers: this.#deps.connections.viewers(this.#request.target.id),
      inputBytes: this.#record.written,
    });
    if (!this.#request.mayType) this.#refuseInput();
    this.#confirmSoon(pty);
    this.#flow.push(first);
    this.#flow.read(pty);
    pty.resize(this.#cols, this.#rows);
    pty.resume();
  }

  /** Only how many look on is at stake: a failure is worth a line, not the terminal. */
  #tellViewers(): void {
    this.#deps.states.viewed(this.#request.target.id).catch((err: unknown) => {
      this.#deps.log.warn({ err }, 'a change of viewers was not told');
    });
  }

  /** The pty closed by itself: did the session end, or only our way to it? Throws what `run` should do. */
  async #judge(exitCode: number | null): Promise<never> {
    const { connections } = this.#deps;
    const { target, sandboxId } = this.#request;
    if (exitCode !== null) {
      const connection = await connections.get(sandboxId);
      const { stdout } = await connection.exec(connections.commands.status(target.id), {
        signal: this.#stop.signal,
      });
      const ended = /^ended(?: (-?\d+))?/.exec(stdout.toString());
      if (ended) throw new SessionEnded(ended[1] === undefined ? null : Number(ended[1]));
    }
    throw new AppError('unavailable', 'The connection to the sandbox was lost.');
  }

  #input(data: Buffer): void {
    if (this.#record.owner !== this || data.length === 0) return;
    if (!this.#request.mayType) {
      this.#refuseInput();
      return;
    }
    this.#deps.activity.touch(this.#request.sandboxId, this.#request.target.id);
    if (this.#pty) {
      this.#write(this.#pty, data);
    } else if (this.#attachedOnce || !this.#request.client) {
      this.#queued.push(data);
      this.#queuedBytes += data.length;
    }
    this.#boundInput();
  }

  #refuseInput(): void {
    const reason = 'You may look at this session, not type in it.';
    this.#status({ type: 'read-only', reason });
  }

  #write(pty: PtyStream, data: Buffer): void {
    this.#record.wrote(data);
    pty.write(data, () => {
      this.#confirmTimer ??= setTimeout(() => {
        this.#confirmTimer = null;
        if (this.#pty) this.#confirmSoon(this.#pty);
      }, CONFIRM_DELAY_MS);
    });
  }

  /** At most one round trip under way: its answer confirms all that was written before it was sent. */
  #confirmSoon(pty: PtyStream): void {
    if (this.#confirming || pty !== this.#pty || pty.writableLength > 0 || pty.destroyed) return;
    const position = this.#record.written;
    if (position === this.#record.confirmed) return;
    this.#confirming = true;
    const closed = () => {
      this.#confirming = false;
    };
    pty.once('close', closed);
    pty.confirm(() => {
      pty.off('close', closed);
      this.#confirming = false;
      if (this.#record.owner !== this || pty !== this.#pty) return;
      this.#record.confirm(position);
      this.#status({ type: 'input', bytes: position });
      this.#boundInput();
      this.#confirmSoon(pty);
    });
  }

  #boundInput(): void {
    const waiting = this.#queuedBytes + this.#record.unconfirmedBytes;
    if (!this.#inputPaused && waiting > INPUT_HIGH_BYTES) {
      this.#inputPaused = true;
      this.#socket.pause();
    } else if (this.#inputPaused && waiting <= INPUT_LOW_BYTES) {
      this.#inputPaused = false;
      this.#socket.resume();
    }
  }

  async #ended(exitCode: number | null): Promise<void> {
    const { target } = this.#request;
    const reason = endSentence(target.kind, exitCode);
    this.#flow.flush();
    await this.#deps.states.ended(target.id, { exitCode, reason });
    this.#status({ type: 'ended', exitCode, reason });
    this.#closeWith('gone', reason);
  }

  #status(status: TerminalStatus): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(Buffer.concat([Buffer.of(ServerOp.status), Buffer.from(JSON.stringify(status))]));
  }

  #closeWith(code: ErrorCode, message: string): void {
    closeSocket(this.#socket, code, message);
    this.#stop.abort();
  }

  #wait(ms: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      signal.addEventListener('abort', over, { once: true });
    });
  }
}

/** RFC 6455 section 5.5: a control frame holds 125 bytes, two of them the code. */
const CLOSE_REASON_MAX_BYTES = 123;

const CLOSE_GRACE_MS = 800;

export function closeSocket(
  socket: Pick<TerminalWire, 'close' | 'terminate'>,
  code: ErrorCode,
  message: string,
): void {
  let reason = message;
  while (Buffer.byteLength(reason) > CLOSE_REASON_MAX_BYTES) reason = reason.slice(0, -1);
  socket.close(errorTable[code].close, reason);
  // A peer that does not answer the close frame would keep its socket; revocation means now.
  setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
}

/** What time may mend. The others are answers. */
function worthRetrying(error: AppError): boolean {
  return !['not_found', 'forbidden', 'sandbox_not_running', 'conflict', 'limit_reached', 'gone'].includes(
    error.code,
  );
}
