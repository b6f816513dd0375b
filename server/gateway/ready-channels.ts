/**
 * Channels of a sandbox that were opened ahead of their command: `session wait` runs there and waits for its words. An
 * attach over them starts nothing but tmux; opening them meanwhile costs a fork of sshd, the login shell and bash
 * (measured: two thirds of an attach). One of each kind for a connection that had a terminal; they end with it.
 */
import { PassThrough } from 'node:stream';
import type { PtyStream } from './channel-stream';
import type { ExecOptions, PooledConnection } from './connection';
import { encodeWords, type SessionCommands, USAGE_EXIT } from './sandbox-command';

/** After the last attach: what opens together (the panes of a page) is not to wait for the next one's sake. */
const PREPARE_DELAY_MS = 100;
/** After the first attach over a connection: in a new sandbox a Claude is starting then, which somebody waits for. */
const FIRST_DELAY_MS = 1_500;
/** What the script says when it waits. */
const READY = Buffer.from('ready\n');
/** As long as an attach itself may take. */
const READY_TIMEOUT_MS = 20_000;
/** What a user's own start files may say before it. */
const PREAMBLE_MAX_BYTES = 16 * 1024;

type ExecResult = Awaited<ReturnType<PooledConnection['exec']>>;
interface Size {
  cols: number;
  rows: number;
}
interface ReadyExec {
  input: PassThrough;
  result: Promise<ExecResult>;
  over: boolean;
}
interface Ready {
  first: boolean;
  timer: NodeJS.Timeout | null;
  pty: Promise<PtyStream | null> | null;
  exec: ReadyExec | null;
  /** An older image: its script knows no `wait`. */
  unknown: boolean;
}

export class ReadyChannels {
  readonly #commands: SessionCommands;
  readonly #term: string;
  readonly #ready = new WeakMap<PooledConnection, Ready>();

  constructor(commands: SessionCommands, term: string) {
    this.#commands = commands;
    this.#term = term;
  }

  /** Opens what is missing, soon. A channel that cannot be had is none: the next attach opens its own. */
  prepare(connection: PooledConnection, size: Size, maxBytes: number): void {
    const ready = this.#of(connection);
    if (ready.timer) clearTimeout(ready.timer);
    ready.timer = setTimeout(
      () => {
        ready.timer = null;
        if (ready.unknown || connection.isClosed) return;
        if (!ready.pty) this.#keepPty(connection, ready, size);
        if (!ready.exec || ready.exec.over) ready.exec = this.#waitingExec(connection, maxBytes);
      },
      ready.first ? FIRST_DELAY_MS : PREPARE_DELAY_MS,
    );
    ready.timer.unref();
    ready.first = false;
  }

  /** As `connection.shell`. */
  async shell(connection: PooledConnection, command: readonly string[], size: Size): Promise<PtyStream> {
    const ready = this.#of(connection);
    const waiting = ready.pty;
    ready.pty = null;
    const pty = await waiting;
    if (!pty || pty.destroyed) {
      return connection.shell([...command], { ...size, term: this.#term });
    }
    pty.resize(size.cols, size.rows);
    pty.write(encodeWords(command.slice(1)));
    return pty;
  }

  /** As `connection.exec`. */
  async exec(
    connection: PooledConnection,
    command: readonly string[],
    options: NonNullable<ExecOptions>,
  ): Promise<ExecResult> {
    const ready = this.#of(connection);
    const waiting = ready.exec;
    ready.exec = null;
    if (waiting && !waiting.over) {
      const abort = () => waiting.input.destroy();
      options.signal?.addEventListener('abort', abort, { once: true });
      waiting.input.end(encodeWords(command.slice(1)));
      try {
        const result = await waiting.result;
        if (result.code !== USAGE_EXIT) return result;
        ready.unknown = true;
      } catch {
        // It died while it waited.
        options.signal?.throwIfAborted();
      } finally {
        options.signal?.removeEventListener('abort', abort);
      }
    }
    return connection.exec([...command], options);
  }

  #of(connection: PooledConnection): Ready {
    const known = this.#ready.get(connection);
    if (known) return known;
    const made: Ready = { first: true, timer: null, pty: null, exec: null, unknown: false };
    this.#ready.set(connection, made);
    return made;
  }

  #keepPty(connection: PooledConnection, ready: Ready, size: Size): void {
    const opening = this.#waitingPty(connection, ready, size);
    ready.pty = opening;
    const forget = () => {
      if (ready.pty === opening) ready.pty = null;
    };
    void opening.then((pty) => {
      if (pty) pty.once('close', forget);
      else forget();
    });
  }

  #waitingExec(connection: PooledConnection, maxBytes: number): ReadyExec {
    const input = new PassThrough();
    input.on('error', () => undefined);
    const result = connection.exec(this.#commands.wait(), { input, maxBytes });
    const waiting: ReadyExec = { input, result, over: false };
    const over = () => {
      waiting.over = true;
    };
    result.then(over, over);
    return waiting;
  }

  async #waitingPty(connection: PooledConnection, ready: Ready, size: Size): Promise<PtyStream | null> {
    const pty = await connection
      .shell(this.#commands.wait(), { ...size, term: this.#term })
      .catch(() => null);
    if (pty && (await saysReady(pty))) return pty;
    if (pty?.exitCode === USAGE_EXIT) ready.unknown = true;
    pty?.destroy();
    return null;
  }
}

/** True when the program waits for its words. The pty flows on: nothing comes before them but its end. */
function saysReady(pty: PtyStream): Promise<boolean> {
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0);
    const finish = (waits: boolean) => {
      clearTimeout(timer);
      pty.off('data', read);
      pty.off('close', closed);
      resolve(waits);
    };
    const timer = setTimeout(() => finish(false), READY_TIMEOUT_MS);
    const read = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      if (!seen.includes(READY)) {
        if (seen.length > PREAMBLE_MAX_BYTES) finish(false);
        return;
      }
      finish(true);
    };
    const closed = () => finish(false);
    pty.on('error', () => undefined);
    pty.on('close', closed);
    pty.on('data', read);
  });
}
