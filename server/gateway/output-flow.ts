/**
 * Bytes from a pty to one WebSocket: gathered per read from the connection, and held back by the browser's acks. The
 * pty's own receive window is the third bound: what is not read here is not sent by sshd, and tmux then skips frames.
 */
import type { Readable } from 'node:stream';
import { TERMINAL_HIGH_WATER_BYTES, TERMINAL_LOW_WATER_BYTES } from '../../shared/limits';
import { ServerOp } from '../../shared/terminal-frames';
import type { TerminalWire } from './terminal-socket';

export class OutputFlow {
  readonly #socket: Pick<TerminalWire, 'send' | 'bufferedAmount'>;
  #source: Readable | null = null;
  #chunks: Buffer[] = [];
  #size = 0;
  #unacked = 0;
  #paused = false;
  #scheduled = false;

  constructor(socket: Pick<TerminalWire, 'send' | 'bufferedAmount'>) {
    this.#socket = socket;
  }

  /** From now on reads this pty (and no other). */
  read(source: Readable): void {
    this.#source = source;
    source.on('data', (chunk: Buffer) => {
      if (this.#source === source) this.push(chunk);
    });
    if (this.#paused) source.pause();
  }

  stop(): void {
    this.#source = null;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    // At the end of what was read in one go, not of the event loop's turn: an echo is 0.1 ms earlier (of 0.8).
    process.nextTick(this.flush);
  }

  /** Bytes sent and not acknowledged. */
  get unacked(): number {
    return this.#unacked;
  }

  ack(bytes: number): void {
    this.#unacked = Math.max(0, this.#unacked - bytes);
    this.#resume();
  }

  flush = (): void => {
    this.#scheduled = false;
    const size = this.#size;
    if (size === 0) return;
    const message = Buffer.allocUnsafe(size + 1);
    message[0] = ServerOp.output;
    let at = 1;
    for (const chunk of this.#chunks) {
      chunk.copy(message, at);
      at += chunk.length;
    }
    this.#chunks = [];
    this.#size = 0;
    this.#unacked += size;
    this.#socket.send(message, this.#resume);
    // bufferedAmount catches a peer that acks bytes it was never able to receive.
    if (
      this.#unacked > TERMINAL_HIGH_WATER_BYTES ||
      this.#socket.bufferedAmount > TERMINAL_HIGH_WATER_BYTES
    ) {
      this.#paused = true;
      this.#source?.pause();
    }
  };

  #resume = (): void => {
    if (!this.#paused) return;
    if (this.#unacked > TERMINAL_LOW_WATER_BYTES || this.#socket.bufferedAmount > TERMINAL_LOW_WATER_BYTES)
      return;
    this.#paused = false;
    this.#source?.resume();
  };
}
