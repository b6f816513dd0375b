/**
 * ssh2 channels as proper Node streams: `destroy` really ends them, `close` always comes, back-pressure both ways.
 * (An ssh2 Channel never becomes `destroyed` and its `close` waits for data that nobody reads.)
 */
import { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import type { Pty } from '../contracts';
import { grantWindow, ownWindow, roundTrip } from './ssh-internals';

/**
 * What sshd may send on a terminal's channel before we grant more: all that can be under way between the sandbox and
 * the gateway. Large enough for 1 ms of round trip at 250 MB/s, small enough to drain at once after Ctrl-C.
 */
export const PTY_WINDOW_BYTES = 256 * 1024;
/** Granted in steps, so that a flood does not cost one packet back per packet; at most half the window. */
const PTY_GRANT_BYTES = PTY_WINDOW_BYTES / 4;
const OWN_BUFFER_BYTES = 64 * 1024;

export class ChannelStream extends Duplex {
  readonly channel: ClientChannel;
  /** Set when the program ended by itself; null for a signal or a broken connection. */
  exitCode: number | null = null;
  #closed = false;

  constructor(channel: ClientChannel) {
    super({
      allowHalfOpen: true,
      // Both directions may be at their end while the exit status is still to come: CHANNEL_CLOSE is the end.
      autoDestroy: false,
      readableHighWaterMark: OWN_BUFFER_BYTES,
      writableHighWaterMark: OWN_BUFFER_BYTES,
    });
    this.channel = channel;
    channel.on('data', (data: Buffer) => {
      if (!this.push(data)) this.overfull();
    });
    channel.on('exit', (code: number | null) => {
      this.exitCode = code;
    });
    channel.on('end', () => this.push(null));
    channel.on('error', (error: Error) => this.destroy(error));
    channel.on('close', () => {
      this.#closed = true;
      this.channelClosed();
    });
    // Whoever wants stderr listens in this turn or the next few; unread, it would hold the channel's `close` back.
    setImmediate(() => channel.stderr.resume());
  }

  protected overfull(): void {
    this.channel.pause();
  }

  /** Nothing more comes or goes; what was read into our buffer is still delivered. */
  protected channelClosed(): void {
    if (this.readableEnded || this.destroyed) this.destroy();
    else this.once('end', () => this.destroy());
    if (!this.writableEnded) this.end();
  }

  override _read(): void {
    this.channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#closed) {
      done();
      return;
    }
    // ssh2 never calls back for a channel that closes under a waiting write.
    let over = false;
    const finish = (error?: Error | null) => {
      if (over) return;
      over = true;
      this.channel.off('close', closed);
      done(error ?? null);
    };
    const closed = () => finish();
    this.channel.once('close', closed);
    this.channel.write(chunk, finish);
  }

  override _final(done: () => void): void {
    if (!this.#closed) this.channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#closed) {
      this.channel.resume();
      this.channel.close();
    }
    done(error);
  }
}

/** A terminal's channel with a receive window of its own: what its reader has not taken is not sent to us at all. */
export class PtyStream extends ChannelStream implements Pty {
  readonly #client: Client;
  #received = 0;
  #granted = 0;

  constructor(client: Client, channel: ClientChannel) {
    super(channel);
    this.#client = client;
    ownWindow(channel);
    channel.on('data', (data: Buffer) => {
      this.#received += data.length;
      this.#grant();
    });
  }

  /** The window bounds what can come; pausing ssh2's own buffer would only add a second one. */
  protected override overfull(): void {}

  override _read(): void {
    this.#grant();
  }

  #grant(): void {
    const due = this.#received - this.readableLength - this.#granted;
    if (due < PTY_GRANT_BYTES) return;
    this.#granted += due;
    grantWindow(this.#client, this.channel, due);
  }

  resize(cols: number, rows: number): void {
    this.channel.setWindow(rows, cols, 0, 0);
  }

  /** Calls back when sshd took all input written so far; never when the connection dies first. */
  confirm(done: () => void): void {
    roundTrip(this.#client, done);
  }
}
