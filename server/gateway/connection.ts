/** The pooled way into one sandbox: a main SSH connection, and further ones when sshd refuses a channel on it. */

import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../shared/errors';
import type { PtyOptions, SandboxConnection } from '../contracts';
import type { ChannelStream, PtyStream } from './channel-stream';
import { quoteCommand } from './sandbox-command';
import { ChannelRefused, type SshLink } from './ssh-link';

/** Connections to one sandbox: at MaxSessions 200 that is more than any sandbox's sessions and viewers need. */
const LINKS_MAX = 8;
const EXEC_OUTPUT_MAX_BYTES = 1024 * 1024;

/** sshd drops the environment of the exec it was started by, so each channel brings its own. */
export interface ChannelEnv {
  LANG: string;
  COLORTERM: string;
}

export type ExecOptions = Parameters<SandboxConnection['exec']>[1];

export class PooledConnection implements SandboxConnection {
  readonly closed: Promise<void>;
  readonly #main: SshLink;
  readonly #openLink: () => Promise<SshLink>;
  readonly #env: Record<string, string>;
  #extra: SshLink[] = [];
  #opening: Promise<SshLink> | null = null;
  readonly #lent = new Set<SshLink>();

  constructor(main: SshLink, env: ChannelEnv, openLink: () => Promise<SshLink>) {
    this.#main = main;
    this.#env = { ...env };
    this.#openLink = openLink;
    this.closed = main.closed.then(async () => {
      await this.#closeExtra();
    });
  }

  get isClosed(): boolean {
    return this.#main.isClosed;
  }

  shell(command: string[], pty: PtyOptions): Promise<PtyStream> {
    const line = quoteCommand(command);
    return this.#onAnyLink((link) => link.shell(line, { ...this.#env, TERM: pty.term }, pty));
  }

  async exec(
    command: string[],
    options: NonNullable<ExecOptions> = {},
  ): Promise<{ code: number; stdout: Buffer; stderr: Buffer }> {
    options.signal?.throwIfAborted();
    const line = quoteCommand(command);
    const stream = await this.#onAnyLink((link) => link.exec(line, { ...this.#env, ...options.env }));
    return runToEnd(stream, options);
  }

  /** Plain pipes to a command that runs on: reads are its stdout, writes its stdin; destroying it hangs up. */
  pipes(command: string[], env: Record<string, string> = {}): Promise<ChannelStream> {
    const line = quoteCommand(command);
    return this.#onAnyLink((link) => link.exec(line, { ...this.#env, ...env }));
  }

  // sshd's limit is for sessions only: what it refuses here has nobody at the other end, by whatever connection.
  tcp(port: number): Promise<Duplex> {
    return this.#main.tcp(port);
  }

  unix(path: string): Promise<Duplex> {
    return this.#main.unix(path);
  }

  async listenUnix(
    path: string,
    onConnection: (stream: Duplex) => void,
  ): Promise<{ close(): Promise<void> }> {
    await this.#main.listenUnix(path, onConnection);
    return { close: () => this.#main.unlistenUnix(path) };
  }

  /**
   * A connection that the caller owns and closes, for what must not hold up the terminals of this one. It ends with this
   * one at the latest.
   */
  async lend(): Promise<SshLink> {
    const link = await this.#openLink();
    if (this.#main.isClosed) {
      await link.close();
      throw new AppError('unavailable', 'The connection to the sandbox was lost.');
    }
    this.#lent.add(link);
    void link.closed.then(() => this.#lent.delete(link));
    return link;
  }

  async close(): Promise<void> {
    await this.#main.close();
    await this.closed;
  }

  async #onAnyLink<T>(use: (link: SshLink) => Promise<T>): Promise<T> {
    for (const link of [this.#main, ...this.#extra]) {
      if (link.isClosed && link !== this.#main) continue;
      try {
        return await use(link);
      } catch (error) {
        if (!(error instanceof ChannelRefused)) throw error;
      }
    }
    return await use(await this.#another());
  }

  /** Callers that are refused at the same time share the new connection. */
  #another(): Promise<SshLink> {
    if (1 + this.#extra.length >= LINKS_MAX) {
      return Promise.reject(new AppError('limit_reached', 'This sandbox has too many open terminals.'));
    }
    this.#opening ??= this.#openLink()
      .then(async (link) => {
        if (this.#main.isClosed) {
          await link.close();
          throw new AppError('unavailable', 'The connection to the sandbox was lost.');
        }
        this.#extra.push(link);
        void link.closed.then(() => {
          this.#extra = this.#extra.filter((it) => it !== link);
        });
        return link;
      })
      .finally(() => {
        this.#opening = null;
      });
    return this.#opening;
  }

  async #closeExtra(): Promise<void> {
    await Promise.all([...this.#extra, ...this.#lent].map((link) => link.close()));
  }
}

async function runToEnd(
  stream: ChannelStream,
  options: NonNullable<ExecOptions>,
): Promise<{ code: number; stdout: Buffer; stderr: Buffer }> {
  const maxBytes = options.maxBytes ?? EXEC_OUTPUT_MAX_BYTES;
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let size = 0;
  let inputError: unknown;
  const abort = () => stream.destroy();
  const ended = new Promise<void>((resolve) => stream.once('close', resolve));
  options.signal?.addEventListener('abort', abort, { once: true });
  // While the channel was being opened.
  if (options.signal?.aborted) abort();
  const collect = (into: Buffer[]) => (data: Buffer) => {
    size += data.length;
    if (size <= maxBytes) into.push(data);
    else stream.destroy();
  };
  stream.on('data', collect(stdout));
  stream.channel.stderr.on('data', collect(stderr));
  // A command that ends before it has read its input is judged by its exit code; an input that fails is an error.
  stream.on('error', () => undefined);
  const { input } = options;
  if (input === undefined || input instanceof Uint8Array) stream.end(input);
  else {
    void pipeline(input, stream, { end: true }).catch((error: unknown) => {
      inputError = error;
      stream.destroy();
    });
  }
  try {
    await ended;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
  options.signal?.throwIfAborted();
  if (size > maxBytes) throw new AppError('too_large', 'The command in the sandbox said too much.');
  if (stream.exitCode === null) {
    throw new AppError('unavailable', 'The command in the sandbox did not end by itself.', {
      cause: inputError,
    });
  }
  return { code: stream.exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}
