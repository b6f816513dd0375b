/**
 * A channel towards a person's SSH client, as plain streams. What ssh2 1.17 does otherwise on a server's channel, in one
 * place:
 * - `end()` closes the channel at once, so EOF is sent by `eof()`;
 * - an exit status cannot be sent after EOF, which is when sshd sends it;
 * - data and stderr share a window, and of two that wait for it one is sent twice and the other never: so there is one
 *   write at a time, and what a finished one leaves behind is forgotten;
 * - `close` waits for data that nobody reads;
 * - whatever the client's window allows is written to its socket, read or not: so a full socket is waited for here.
 */
import type { Socket } from 'node:net';
import { type Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';

const OWN_BUFFER_BYTES = 64 * 1024;
/** On the socket, of all channels: what a fast network takes in a few milliseconds. */
const SOCKET_BUFFER_BYTES = 512 * 1024;

export type Exit = { code: number } | { signal: string; coreDumped: boolean; description: string };

interface Inside {
  _client: {
    _sock: Socket;
    _protocol: {
      exitStatus(channel: number, code: number): void;
      exitSignal(channel: number, name: string, coreDumped: boolean, description: string): void;
    };
  };
  outgoing: { id: number; state: string };
  _chunk: unknown;
  _chunkcb: unknown;
  _chunkErr: unknown;
  _chunkcbErr: unknown;
}
// The shape above is that of ssh2 1.17.0 (pinned exactly), lib/Channel.js.
const inside = (channel: ServerChannel): Inside => channel as unknown as Inside;

interface Write {
  to: Writable;
  chunk: Buffer;
  done(): void;
}

export class ClientChannel {
  readonly out: Writable;
  readonly err: Writable;
  /** The client has closed it, or its connection has ended. */
  readonly closed: Promise<void>;
  readonly #channel: ServerChannel;
  #waiting: Write[] = [];
  #writing: Write | null = null;
  #isClosed = false;
  #draining = false;
  /** Of out and err; EOF follows the last. */
  #open = 2;
  #tellClosed: () => void = () => undefined;
  /** Takes away what writes into it, so that somebody else has the last word. */
  release: () => void = () => undefined;
  /** What waits on the sandbox's side of it. */
  beyond: () => number = () => 0;

  constructor(channel: ServerChannel) {
    this.#channel = channel;
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.out = this.#writable(channel);
    this.err = this.#writable(channel.stderr);
    channel.on('error', () => this.markClosed());
    channel.on('close', () => this.markClosed());
    // ssh2 ends this when the client closes the channel, whether the rest was read or not.
    channel.stderr.on('finish', () => this.markClosed());
    channel.stderr.on('error', () => this.markClosed());
  }

  /** Bytes of it that wait in this process, on their way in either direction. */
  get buffered(): number {
    const { readableLength } = this.#channel;
    return readableLength + this.out.writableLength + this.err.writableLength + this.beyond();
  }

  get input(): Readable {
    return this.#channel;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whoever knows earlier than the channel itself says so; what waits to be written is dropped. */
  markClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const left = [...(this.#writing ? [this.#writing] : []), ...this.#waiting];
    this.#writing = null;
    this.#waiting = [];
    inside(this.#channel)._client._sock.off('drain', this.#drained);
    for (const it of left) it.done();
    // Unread data would hold the channel back for ever.
    this.#channel.resume();
    this.#tellClosed();
  }

  /** Ends both streams, sends EOF, how the program ended (null: nobody knows) and closes. Never throws. */
  async finish(exit: Exit | null): Promise<void> {
    await Promise.all([this.out, this.err].map(ended));
    const { _client, outgoing } = inside(this.#channel);
    if (this.#isClosed || (outgoing.state !== 'open' && outgoing.state !== 'eof')) return;
    try {
      if (exit !== null && 'code' in exit) _client._protocol.exitStatus(outgoing.id, exit.code);
      else if (exit !== null)
        _client._protocol.exitSignal(outgoing.id, exit.signal, exit.coreDumped, exit.description);
    } catch {
      // A signal that RFC 4254 does not name: the client learns that there was no exit status.
    }
    this.#channel.close();
  }

  readonly #drained = () => {
    this.#draining = false;
    this.#next();
  };

  #writable(to: Writable): Writable {
    const made = new Writable({
      highWaterMark: OWN_BUFFER_BYTES,
      write: (chunk: Buffer, _encoding, done) => {
        this.#waiting.push({ to, chunk, done });
        this.#next();
      },
      final: (done) => {
        this.#open -= 1;
        if (this.#open === 0 && !this.#isClosed) this.#channel.eof();
        done();
      },
    });
    made.on('error', () => undefined);
    return made;
  }

  #next(): void {
    if (this.#writing || this.#waiting.length === 0 || this.#draining) return;
    const { _sock } = inside(this.#channel)._client;
    if (!this.#isClosed && _sock.writableNeedDrain && _sock.writableLength > SOCKET_BUFFER_BYTES) {
      this.#draining = true;
      _sock.once('drain', this.#drained);
      return;
    }
    const write = this.#waiting.shift();
    if (!write) return;
    if (this.#isClosed) {
      write.done();
      this.#next();
      return;
    }
    this.#writing = write;
    write.to.write(write.chunk, () => {
      if (this.#writing !== write) return;
      this.#writing = null;
      Object.assign(inside(this.#channel), {
        ...{ _chunk: undefined, _chunkcb: undefined, _chunkErr: undefined, _chunkcbErr: undefined },
      });
      write.done();
      this.#next();
    });
  }
}

function ended(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableFinished) resolve();
    else {
      stream.once('finish', resolve);
      if (!stream.writableEnded) stream.end();
    }
  });
}
