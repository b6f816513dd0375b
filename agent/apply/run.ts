/**
 * Effects on the host. This file holds the only three ways in which the agent starts a process: to its end (`run`),
 * beside it while it tells lines (`follow`), and detached (`startDetached`, for sing-box, which outlives the agent).
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** A tool that prints more than this is not asked for anything we need. */
const OUTPUT_MAX_BYTES = 8 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 15_000;
/** What of stderr goes into an error text. */
const ERROR_TEXT_MAX = 800;

export interface RunOptions {
  input?: string;
  /** Exit codes that are answers, not failures. Default [0]. */
  okCodes?: readonly number[];
  timeoutMs?: number;
  signal?: AbortSignal;
  /** An open file that the child sees as descriptor 3. */
  fd3?: number;
}
export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

export class CommandError extends Error {
  readonly command: readonly string[];
  readonly code: number | null;
  readonly stderr: string;
  constructor(command: readonly string[], what: string, result: { code: number | null; stderr: string }) {
    const text = result.stderr.trim().slice(0, ERROR_TEXT_MAX);
    super(`\`${command.join(' ')}\` ${what}${text === '' ? '' : `: ${text}`}`);
    this.name = 'CommandError';
    this.command = command;
    this.code = result.code;
    this.stderr = result.stderr;
  }
}

/** The tools that need it are in sbin, which an unprivileged user's PATH may lack. */
const PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
// NODE_ENV only because Next's types want it in every environment.
const environment = { PATH, LC_ALL: 'C', HOME: '/root', NODE_ENV: 'production' } as const;

/** Runs a command to its end. Throws CommandError for another exit code, a signal, a time-out or a missing program. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = command;
  if (program === undefined) throw new Error('run needs a program');
  const okCodes = options.okCodes ?? [0];
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: environment,
      cwd: '/',
      stdio: ['pipe', 'pipe', 'pipe', ...(options.fd3 === undefined ? [] : [options.fd3])],
      signal: options.signal,
      killSignal: 'SIGKILL',
    });
    const stdout = new Bounded();
    const stderr = new Bounded();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout?.on('data', (chunk: Buffer) => stdout.add(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.add(chunk));
    child.on('error', (cause) => {
      clearTimeout(timer);
      if (options.signal?.aborted) return reject(options.signal.reason);
      reject(new CommandError(command, `could not run (${cause.message})`, { code: null, stderr: '' }));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const result = { code: code ?? -1, stdout: stdout.text(), stderr: stderr.text() };
      if (code !== null && okCodes.includes(code)) return resolve(result);
      const what = timedOut
        ? `did not end within ${timeoutMs} ms`
        : code === null
          ? `was ended by ${signal}`
          : `ended with ${code}`;
      reject(new CommandError(command, what, { code, stderr: result.stderr }));
    });
    // A child that ends without reading its input closes the pipe: its exit code tells more than EPIPE.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs beside the agent and ends with it, also with one that is killed. Resolves when the process has ended. */
export function follow(
  command: readonly string[],
  options: { onLine(line: string): void; signal: AbortSignal; fd3?: number },
): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
      env: environment,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore', ...(options.fd3 === undefined ? [] : [options.fd3])],
      signal: options.signal,
      killSignal: 'SIGKILL',
    });
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine(line);
    });
    child.on('error', () => {
      // Ended by the signal, or it could not be started: then it never closes.
      if (child.pid === undefined) resolve();
    });
    child.on('close', () => resolve());
  });
}

export interface Detached {
  pid: number;
  /** Resolves when the process has ended, as long as this agent lives. */
  exited: Promise<void>;
}

/** Starts a process in a session of its own, its output appended to a file: it stays when the agent ends. */
export async function startDetached(
  command: readonly string[],
  options: {
    logFile: string;
    inputFile: string;
    /** Open files that the child sees as descriptors 3, 4, ... */
    fds: readonly number[];
    env: Record<string, string>;
  },
): Promise<Detached> {
  const [program, ...args] = command;
  if (program === undefined) throw new Error('startDetached needs a program');
  // Append mode, so that the file can be cut to size while the process writes to it.
  const log = openSync(options.logFile, 'a', 0o600);
  // Opened here: the child has no right to pass through folders of other users, even as root.
  const input = openSync(options.inputFile, 'r');
  try {
    const child = spawn(program, args, {
      env: { ...environment, ...options.env },
      cwd: '/',
      detached: true,
      stdio: [input, log, log, ...options.fds],
    });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new CommandError(command, `could not run (${cause.message})`, { code: null, stderr: '' })),
      );
      child.once('spawn', () => resolve(child.pid ?? -1));
    });
    child.unref();
    return { pid, exited };
  } finally {
    closeSync(input);
    closeSync(log);
  }
}

class Bounded {
  #chunks: Buffer[] = [];
  #bytes = 0;
  add(chunk: Buffer): void {
    const room = OUTPUT_MAX_BYTES - this.#bytes;
    if (room <= 0) return;
    this.#chunks.push(chunk.subarray(0, room));
    this.#bytes += Math.min(room, chunk.length);
  }
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
