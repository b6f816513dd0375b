/**
 * A terminal that is no browser: speaks the wire protocol as docs/protocol.md has it, keeps its screen in a headless
 * xterm.js, and comes back by itself when its connection breaks.
 */
import { randomUUID } from 'node:crypto';
import { Terminal } from '@xterm/headless';
import WebSocket from 'ws';
import {
  ClientOp,
  decodeServer,
  encodeAck,
  frame,
  TERMINAL_SUBPROTOCOL,
  type TerminalStatus,
} from '../shared/terminal-frames';
import type { ProductFacts } from './product';
import { until } from './until';

const COLS = 100;
const ROWS = 30;
const RECONNECT_MS = 100;
const SHOWN_MS = 60_000;

export interface DeviceOptions {
  cookie: string;
  sandboxId: string;
  sessionId: string;
}

export class TerminalDevice {
  readonly #address: string;
  readonly #headers: Record<string, string>;
  readonly #client = randomUUID();
  readonly #terminal = new Terminal({ cols: COLS, rows: ROWS, scrollback: 10_000, allowProposedApi: true });
  #socket: WebSocket | null = null;
  /** Input the server has not confirmed; its first byte is number `#confirmed` of all ever typed. */
  #pending = Buffer.alloc(0);
  #confirmed = 0;
  #attached = false;
  #closing = false;
  attaches = 0;
  closeCode: number | null = null;
  status: TerminalStatus | null = null;

  constructor(product: ProductFacts, { cookie, sandboxId, sessionId }: DeviceOptions) {
    this.#address = `${product.url.replace('http', 'ws')}/ws/sandboxes/${sandboxId}/terminal?session=${sessionId}`;
    this.#headers = { cookie, origin: product.url };
    this.#connect();
  }

  #connect(): void {
    const query = `&cols=${COLS}&rows=${ROWS}&client=${this.#client}&offset=${this.#confirmed}`;
    const socket = new WebSocket(this.#address + query, TERMINAL_SUBPROTOCOL, { headers: this.#headers });
    this.#socket = socket;
    socket.on('message', (data) => this.#message(new Uint8Array(data as Buffer))); // binaryType nodebuffer
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      this.#attached = false;
      this.closeCode = code;
      if (!this.#closing && (code < 4000 || code === 4500)) setTimeout(() => this.#connect(), RECONNECT_MS);
    });
  }

  #message(bytes: Uint8Array): void {
    const message = decodeServer(bytes);
    if (message?.op === 'output' || message?.op === 'history') {
      const { length } = message.data;
      const isOutput = message.op === 'output';
      this.#terminal.write(message.data, () => {
        if (isOutput) this.#send(encodeAck(length));
      });
    } else if (message?.op === 'status') {
      const status = JSON.parse(Buffer.from(message.json).toString()) as TerminalStatus; // our own server
      this.status = status;
      if (status.type === 'attached') this.#resume(status.inputBytes);
      else if (status.type === 'input') this.#confirm(status.bytes);
    }
  }

  /** What the server has is confirmed; at a socket's first attach the rest goes again, later the server keeps it. */
  #resume(inputBytes: number): void {
    this.#confirm(inputBytes);
    this.attaches += 1;
    if (this.#attached) return;
    this.#attached = true;
    if (this.#pending.length > 0) this.#send(frame(ClientOp.input, this.#pending));
  }

  #confirm(bytes: number): void {
    if (bytes <= this.#confirmed) return;
    this.#pending = this.#pending.subarray(bytes - this.#confirmed);
    this.#confirmed = bytes;
  }

  #send(bytes: Uint8Array): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  type(text: string): void {
    const bytes = Buffer.from(text);
    this.#pending = Buffer.concat([this.#pending, bytes]);
    if (this.#attached) this.#send(frame(ClientOp.input, bytes));
  }

  /** Scrollback and screen as text, wrapped lines joined. */
  text(): string {
    const buffer = this.#terminal.buffer.active;
    let text = '';
    for (let row = 0; row < buffer.length; row += 1) {
      const line = buffer.getLine(row);
      if (row > 0 && !line?.isWrapped) text += '\n';
      text += line?.translateToString(true) ?? '';
    }
    return text;
  }

  /** What stands on the screen now. */
  screen(): string {
    const { buffer, rows } = this.#terminal;
    const lines = Array.from({ length: rows }, (_, row) =>
      buffer.active.getLine(buffer.active.baseY + row)?.translateToString(true),
    );
    return lines.join('\n');
  }

  async shows(pattern: string | RegExp, ms = SHOWN_MS): Promise<void> {
    try {
      await until(`the terminal shows ${pattern}`, ms, () =>
        typeof pattern === 'string' ? this.text().includes(pattern) : pattern.test(this.text()),
      );
    } catch (cause) {
      throw new Error(`terminal, closed with ${this.closeCode}, shows:\n${this.text().trimEnd()}`, { cause });
    }
  }

  close(): void {
    this.#closing = true;
    this.#socket?.close();
    this.#terminal.dispose();
  }
}
