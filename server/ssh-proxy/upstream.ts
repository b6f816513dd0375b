/** The sandbox's side of one SSH connection: a log-in of its own over the agent's stream, and channels on it. */
import type { Client, PseudoTtyOptions, ClientChannel as SandboxChannel, TerminalModes } from 'ssh2';
import { AppError } from '../../shared/errors';
import { ChannelStream, PTY_WINDOW_BYTES, PtyStream } from '../gateway/channel-stream';
import { withWindow } from '../gateway/ssh-internals';
import type { SshLink } from '../gateway/ssh-link';
import type { Exit } from './client-channel';

export type Program =
  | { kind: 'shell' }
  | { kind: 'exec'; command: string }
  | { kind: 'subsystem'; name: string };

export interface Surroundings {
  env: Record<string, string>;
  pty: (PseudoTtyOptions & { cols: number; rows: number }) | null;
}

export interface Running {
  stream: ChannelStream;
  /** Null: it has not told. */
  exit(): Exit | null;
}

/**
 * RFC 8160: opcode 42, IUTF8, then the end. ssh2 cannot read what the client's terminal is like and cannot name this one;
 * the locale of every sandbox is UTF-8, and without it a backspace takes half a letter from what is typed to a program.
 */
const TERMINAL_MODES = Buffer.of(42, 0, 0, 0, 1, 0);

type Done<T> = (error: Error | undefined, value: T) => void;

export class Upstream {
  readonly link: SshLink;
  readonly #waiting = new Set<(cause: unknown) => void>();

  constructor(link: SshLink) {
    this.link = link;
    void link.closed.then((cause) => {
      for (const lost of this.#waiting) lost(gone(cause));
    });
  }

  /** Throws AppError `unavailable` when sshd refuses it or the connection is lost. */
  run(program: Program, { env, pty }: Surroundings): Promise<Running> {
    const { client } = this.link;
    // ssh2 takes its bytes, too, which its types do not know.
    const terminal = pty && { ...pty, modes: TERMINAL_MODES as unknown as TerminalModes };
    const options = { env: env as NodeJS.ProcessEnv }; // ssh2's types want what other packages declare as always set.
    const open = (done: Done<SandboxChannel>) => {
      if (program.kind === 'shell') client.shell(terminal ?? false, options, done);
      else if (program.kind === 'exec')
        client.exec(program.command, { ...options, ...(terminal ? { pty: terminal } : {}) }, done);
      else client.subsys(program.name, done);
    };
    return this.#opened(
      (done) => (pty ? withWindow(client, PTY_WINDOW_BYTES, () => open(done)) : open(done)),
      (channel: SandboxChannel) => {
        let exit: Exit | null = null;
        channel.on('exit', (code: number | null, signal = '', dumped: unknown = false, text = '') => {
          exit =
            code === null ? { signal, coreDumped: dumped === true, description: String(text) } : { code };
        });
        const stream = pty ? new PtyStream(client, channel) : new ChannelStream(channel);
        return { stream, exit: () => exit };
      },
    );
  }

  /** Dialled by the sandbox's sshd: its own loopback, or whatever its network lets it reach. */
  tcp(from: { host: string; port: number }, to: { host: string; port: number }): Promise<ChannelStream> {
    const { client } = this.link;
    return this.#opened(
      (done) => client.forwardOut(from.host, from.port, to.host, to.port, done),
      (channel: SandboxChannel) => new ChannelStream(channel),
    );
  }

  unix(path: string): Promise<ChannelStream> {
    const { client } = this.link;
    return this.#opened(
      (done) => client.openssh_forwardOutStreamLocal(path, done),
      (channel: SandboxChannel) => new ChannelStream(channel),
    );
  }

  /** The port that listens: the given one, or a free one for 0. */
  listen(host: string, port: number): Promise<number> {
    const { client } = this.link;
    return this.#opened(
      (done: Done<number>) => client.forwardIn(host, port, done),
      (it) => it,
    );
  }

  unlisten(host: string, port: number): Promise<void> {
    const { client } = this.link;
    return this.#opened(
      (done: Done<void>) => client.unforwardIn(host, port, (error) => done(error ?? undefined, undefined)),
      () => undefined,
    );
  }

  get client(): Client {
    return this.link.client;
  }

  /** `wrap` runs inside ssh2's callback: a quick program's exit comes in the same turn. */
  #opened<T, R>(call: (done: Done<T>) => void, wrap: (value: T) => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const lost = (cause: unknown) => reject(cause);
      this.#waiting.add(lost);
      try {
        if (this.link.isClosed) throw new Error('closed');
        call((error, value) => {
          this.#waiting.delete(lost);
          if (error) reject(new AppError('unavailable', 'The sandbox refused it.', { cause: error }));
          else resolve(wrap(value));
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
