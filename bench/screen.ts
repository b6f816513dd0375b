/** A terminal as a person sees it: bytes of a WebSocket on the screen of a headless xterm.js. */
import { createRequire } from 'node:module';
import { WebSocket } from 'ws';
import { decodeServer, encodeAck, TERMINAL_SUBPROTOCOL } from '../shared/terminal-frames';

// CommonJS whose names Node does not see in an import.
const { Terminal } = createRequire(import.meta.url)('@xterm/headless') as typeof import('@xterm/headless');

export const COLS = 100;
export const ROWS = 30;
const SHOWN_MS = 90_000;

export class Screen {
  readonly #terminal = new Terminal({ cols: COLS, rows: ROWS, allowProposedApi: true });
  readonly #socket: WebSocket;
  #changed: () => void = () => undefined;
  #closed = false;

  /** `ours`: speaks our protocol; else every message is output as it is. */
  constructor(address: string, { ours, headers }: { ours: boolean; headers?: Record<string, string> }) {
    this.#socket = new WebSocket(address, ours ? TERMINAL_SUBPROTOCOL : [], {
      headers,
      perMessageDeflate: false,
    });
    // 'close' follows.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#changed();
    });
    this.#socket.on('message', (data) => {
      const bytes = new Uint8Array(data as Buffer); // binaryType nodebuffer
      if (!ours) return this.#terminal.write(bytes, () => this.#changed());
      const message = decodeServer(bytes);
      if (message?.op !== 'output' && message?.op !== 'history') return;
      this.#terminal.write(message.data, () => {
        if (message.op === 'output' && !this.#closed) this.#socket.send(encodeAck(message.data.length));
        this.#changed();
      });
    });
  }

  text(): string {
    const { active } = this.#terminal.buffer;
    const rows = Array.from({ length: ROWS }, (_, row) => active.getLine(active.viewportY + row));
    return rows.map((line) => line?.translateToString(true) ?? '').join('\n');
  }

  /** False when the socket closed before the pattern came; throws, with the screen, when it never comes. */
  async shows(pattern: RegExp): Promise<boolean> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#changed();
    }, SHOWN_MS);
    try {
      while (!pattern.test(this.text())) {
        if (this.#closed) return false;
        if (late) throw new Error(`${pattern} did not come; the screen:\n${this.text()}`);
        await new Promise<void>((resolve) => {
          this.#changed = resolve;
        });
      }
      return true;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.terminate();
    this.#terminal.dispose();
  }
}
