/** One SSH connection into a sandbox over a byte stream: log-in, pinned host key, channels, and its end. */
import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ClientChannel, type ExecOptions } from 'ssh2';
import { AppError } from '../../shared/errors';
import { ChannelStream, PTY_WINDOW_BYTES, PtyStream } from './channel-stream';
import { withWindow } from './ssh-internals';

/** A dead path is found after (count + 1) intervals without an answer: 9 s, below the 10 s that we promise. */
const KEEPALIVE_INTERVAL_MS = 3_000;
const KEEPALIVE_COUNT_MAX = 2;
/** From the first byte to the end of log-in. 140 ms is usual; a machine that starts 20 sandboxes is slower. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

export interface LinkOptions {
  stream: Duplex;
  username: string;
  privateKey: string;
  /** `ssh-ed25519 AAAA...` */
  hostKey: string;
}

/** sshd takes no more channels on this connection (MaxSessions): another connection does. */
export class ChannelRefused extends Error {}

export class SshLink {
  readonly client: Client;
  readonly closed: Promise<Error | null>;
  #isClosed = false;
  readonly #waiting = new Set<(cause: Error | null) => void>();
  readonly #listeners = new Map<string, (stream: Duplex) => void>();

  private constructor(client: Client) {
    this.client = client;
    let reason: Error | null = null;
    client.on('error', (error) => {
      reason ??= error;
    });
    this.closed = new Promise((resolve) => {
      client.on('close', () => {
        this.#isClosed = true;
        for (const lost of this.#waiting) lost(reason);
        this.#waiting.clear();
        resolve(reason);
      });
    });
    client.on('unix connection', (info, accept, reject) => {
      const listener = this.#listeners.get(info.socketPath);
      // The same class in ssh2; only its types tell the two apart.
      if (listener) listener(new ChannelStream(accept() as ClientChannel));
      else reject();
    });
  }

  /** Throws AppError `unavailable` when the log-in fails; the stream is closed then. */
  static async open(options: LinkOptions): Promise<SshLink> {
    const client = new ssh2.Client();
    const link = new SshLink(client);
    const ready = new Promise<void>((resolve) => client.once('ready', resolve));
    const pinned = Buffer.from(options.hostKey.split(' ')[1] ?? '', 'base64');
    client.connect({
      sock: options.stream as never, // ssh2's types say Readable; it needs and uses a Duplex.
      username: options.username,
      privateKey: options.privateKey,
      authHandler: ['publickey'],
      // Public keys are no secrets: a plain comparison will do.
      hostVerifier: (key: Buffer) => pinned.length > 0 && key.equals(pinned),
      readyTimeout: HANDSHAKE_TIMEOUT_MS,
      keepaliveInterval: KEEPALIVE_INTERVAL_MS,
      keepaliveCountMax: KEEPALIVE_COUNT_MAX,
      algorithms: {
        // aes128-gcm first: node:crypto does it in hardware, ssh2's native binding is not needed for it.
        cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr'],
        serverHostKey: ['ssh-ed25519'],
        compress: ['none'],
      },
    });
    const lost = await Promise.race([ready.then(() => false as const), link.closed]);
    if (lost === false) return link;
    options.stream.destroy();
    throw new AppError('unavailable', 'The sandbox does not let the gateway in.', { cause: lost });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  exec(command: string, env: Record<string, string>): Promise<ChannelStream> {
    return this.#open<ClientChannel, ChannelStream>(
      (done) => this.client.exec(command, { env: processEnv(env) }, done),
      (channel) => new ChannelStream(channel),
    );
  }

  shell(
    command: string,
    env: Record<string, string>,
    pty: { cols: number; rows: number; term: string },
  ): Promise<PtyStream> {
    const options: ExecOptions = { env: processEnv(env), pty: { ...pty, width: 0, height: 0 } };
    return this.#open<ClientChannel, PtyStream>(
      (done) => withWindow(this.client, PTY_WINDOW_BYTES, () => this.client.exec(command, options, done)),
      (channel) => new PtyStream(this.client, channel),
    );
  }

  tcp(port: number): Promise<ChannelStream> {
    return this.#open<ClientChannel, ChannelStream>(
      (done) => this.client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, done),
      (channel) => new ChannelStream(channel),
    );
  }

  unix(path: string): Promise<ChannelStream> {
    return this.#open<ClientChannel, ChannelStream>(
      (done) => this.client.openssh_forwardOutStreamLocal(path, done),
      (channel) => new ChannelStream(channel),
    );
  }

  async listenUnix(path: string, onConnection: (stream: Duplex) => void): Promise<void> {
    // Before the request: a connection may come in the same packet as the answer.
    this.#listeners.set(path, onConnection);
    try {
      await this.#open<undefined, void>(
        (done) =>
          this.client.openssh_forwardInStreamLocal(path, (error) => done(error ?? undefined, undefined)),
        () => undefined,
      );
    } catch (error) {
      this.#listeners.delete(path);
      throw error;
    }
  }

  async unlistenUnix(path: string): Promise<void> {
    if (!this.#listeners.delete(path) || this.#isClosed) return;
    await this.#open<undefined, void>(
      (done) => this.client.openssh_unforwardInStreamLocal(path, () => done(undefined, undefined)),
      () => undefined,
    );
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.client.end();
    // `end` says good-bye and half-closes; a peer that is already gone would leave us waiting.
    this.client.destroy();
    await this.closed;
  }

  /**
   * One ssh2 call with a callback, as a promise that also ends when the connection does. `wrap` runs inside the
   * callback: the exit status and the close of a quick command come in the same turn, before any promise could.
   */
  #open<T, R>(
    call: (done: (error: Error | undefined, value: T) => void) => void,
    wrap: (value: T) => R,
  ): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.#isClosed) {
        reject(gone(null));
        return;
      }
      const lost = (cause: Error | null) => reject(gone(cause));
      this.#waiting.add(lost);
      try {
        call((error, value) => {
          this.#waiting.delete(lost);
          if (!error) resolve(wrap(value));
          else reject(isRefusal(error) ? new ChannelRefused(error.message, { cause: error }) : error);
        });
      } catch (cause) {
        this.#waiting.delete(lost);
        reject(gone(cause));
      }
    });
  }
}

function gone(cause: unknown): AppError {
  return new AppError('unavailable', 'The connection to the sandbox was lost.', { cause });
}

/** ssh2's types want the environment of a Node process, where other packages declare names as always set. */
function processEnv(env: Record<string, string>): NodeJS.ProcessEnv {
  return env as NodeJS.ProcessEnv;
}

/** RFC 4254 section 5.1: 2 = connect failed (what OpenSSH says past MaxSessions), 4 = resource shortage. */
function isRefusal(error: Error): boolean {
  return 'reason' in error && (error.reason === 2 || error.reason === 4);
}
