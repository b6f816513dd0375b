/** For tests and benches: what the browser does, on @xterm/headless: history, screen, acks, input that is kept. */
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import unicode11 from '@xterm/addon-unicode11';
import headless from '@xterm/headless';
import { WebSocket } from 'ws';
import { TERMINAL_ACK_BYTES } from '../../../shared/limits';
import {
  ClientOp,
  decodeServer,
  encodeAck,
  encodeResize,
  frame,
  TERMINAL_SUBPROTOCOL,
  type TerminalStatus,
} from '../../../shared/terminal-frames';
import { until } from './until';

export interface ClientOptions {
  port: number;
  sandboxId: string;
  sessionId: string;
  cols?: number;
  rows?: number;
  /** Acknowledges what the terminal has parsed; false = a browser that hangs. */
  acks?: boolean;
  /** Keeps a count of its input and sends again what was not confirmed. */
  ledger?: boolean;
  headers?: Record<string, string>;
}

export class TerminalClient extends EventEmitter {
  readonly terminal: headless.Terminal;
  readonly statuses: TerminalStatus[] = [];
  /** The kind of each message, in order. */
  readonly order: string[] = [];
  readonly options: ClientOptions;
  readonly #client = randomUUID();
  socket: WebSocket | null = null;
  closeCode: number | null = null;
  outputBytes = 0;
  #unacked = 0;
  /** All input ever, from position #base on. */
  #kept = Buffer.alloc(0);
  #base = 0;
  #live = false;

  constructor(options: ClientOptions) {
    super();
    this.options = options;
    this.terminal = new headless.Terminal({
      cols: options.cols ?? 80,
      rows: options.rows ?? 24,
      scrollback: 60_000,
      allowProposedApi: true,
    });
    // tmux counts an emoji as two columns; so does the browser's terminal, with the same addon.
    this.terminal.loadAddon(new unicode11.Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
    this.terminal.onData((text) => this.type(text));
  }

  url(): string {
    const { port, sandboxId, sessionId, cols = 80, rows = 24, ledger } = this.options;
    const resume = ledger ? `&client=${this.#client}&offset=${this.#base}` : '';
    return `ws://127.0.0.1:${port}/ws/sandboxes/${sandboxId}/terminal?session=${sessionId}&cols=${cols}&rows=${rows}${resume}`;
  }

  /** Opens (again). Resolves when the socket is open; `attached` is waited for apart. */
  async connect(): Promise<void> {
    const socket = new WebSocket(this.url(), TERMINAL_SUBPROTOCOL, {
      perMessageDeflate: false,
      headers: this.options.headers ?? {},
    });
    this.socket = socket;
    this.closeCode = null;
    this.#live = false;
    this.#unacked = 0;
    socket.on('message', (data: Buffer) => {
      if (socket === this.socket) this.#message(data);
    });
    socket.on('close', (code) => {
      if (socket !== this.socket) return;
      this.closeCode = code;
      this.#live = false;
      this.emit('closed', code);
    });
    socket.on('error', () => undefined);
    await once(socket, 'open');
  }

  async attach(): Promise<this> {
    const before = this.#attachedCount();
    await this.connect();
    await until('attached', 20_000, () => this.#attachedCount() > before);
    return this;
  }

  #attachedCount(): number {
    return this.statuses.filter((status) => status.type === 'attached').length;
  }

  type(text: string | Buffer): void {
    const bytes = Buffer.from(text);
    if (!this.options.ledger) {
      this.#send(ClientOp.input, bytes);
      return;
    }
    this.#kept = Buffer.concat([this.#kept, bytes]);
    if (this.#live) this.#send(ClientOp.input, bytes);
  }

  get unconfirmedBytes(): number {
    return this.#kept.length;
  }

  resize(cols: number, rows: number): void {
    this.terminal.resize(cols, rows);
    this.socket?.send(encodeResize(cols, rows));
  }

  ping(data: Uint8Array): void {
    this.#send(ClientOp.ping, data);
  }

  /** Drops the connection without a word, as a network does. */
  cut(): void {
    this.#live = false;
    this.socket?.terminate();
  }

  async close(): Promise<void> {
    const { socket } = this;
    if (!socket || socket.readyState === socket.CLOSED) return;
    const closed = once(socket, 'close');
    socket.close();
    await closed;
    this.terminal.dispose();
  }

  #send(op: number, data: Uint8Array): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(frame(op, data));
  }

  #message(data: Buffer): void {
    const message = decodeServer(data);
    if (!message) throw new Error('unknown message');
    this.order.push(message.op);
    if (message.op === 'history') this.terminal.write(message.data);
    else if (message.op === 'output') {
      const { length } = message.data;
      this.outputBytes += length;
      this.terminal.write(message.data, () => this.#parsed(length));
      this.emit('output', message.data);
    } else if (message.op === 'status') this.#status(JSON.parse(Buffer.from(message.json).toString()));
    else this.emit('pong', message.data);
  }

  #parsed(bytes: number): void {
    this.#unacked += bytes;
    if (this.options.acks === false || this.#unacked < TERMINAL_ACK_BYTES) return;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(encodeAck(this.#unacked));
    this.#unacked = 0;
  }

  #status(status: TerminalStatus): void {
    this.statuses.push(status);
    this.emit('status', status);
    if (!this.options.ledger) return;
    if (status.type === 'attached') {
      this.#confirm(status.inputBytes);
      if (this.#live) return;
      this.#live = true;
      if (this.#kept.length > 0) this.#send(ClientOp.input, this.#kept);
    } else if (status.type === 'input') this.#confirm(status.bytes);
  }

  #confirm(position: number): void {
    if (position <= this.#base) return;
    this.#kept = this.#kept.subarray(position - this.#base);
    this.#base = position;
  }

  /** Rows of the screen (not the scrollback), without trailing blanks. */
  screen(): string[] {
    const { buffer, rows } = this.terminal;
    return Array.from({ length: rows }, (_, row) => this.#line(buffer.active.baseY + row));
  }

  /** Scrollback and screen. */
  everything(): string[] {
    const { buffer } = this.terminal;
    return Array.from({ length: buffer.active.length }, (_, row) => this.#line(row));
  }

  #line(row: number): string {
    return this.terminal.buffer.active.getLine(row)?.translateToString(true) ?? '';
  }

  async waitFor(what: string | RegExp, deadlineMs = 20_000): Promise<void> {
    await until(`${what} on the screen; there is\n${this.screen().join('\n')}`, deadlineMs, () =>
      this.screen().some((line) => (typeof what === 'string' ? line.includes(what) : what.test(line))),
    );
  }
}
