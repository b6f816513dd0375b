/** The laboratory's own programs: each in a namespace, ended with the test process whatever that dies of. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** A server that needs longer than this on an overloaded machine has failed. */
const READY_MS = 15_000;
const POLL_MS = 5;

export interface Program {
  pid: number;
  /** What it has said on stdout, parsed, when it was started with `json`. */
  readonly events: unknown[];
  send(line: string): void;
  signal(signal: NodeJS.Signals): void;
  /** The end of what it said on stderr. */
  said(): string;
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** Path of the namespace's file; null: the host's own. */
  namespace: string | null;
  /** `json`: stdout is NDJSON and it is ready when it says so; a port: when it is bound; `started`: at once. */
  ready: 'json' | 'started' | { protocol: 'tcp' | 'udp'; port: number };
  input?: string;
  env?: Record<string, string>;
}

export async function startProgram(command: readonly string[], options: ProgramOptions): Promise<Program> {
  const enter = options.namespace === null ? [] : ['nsenter', `--net=${options.namespace}`, '--'];
  const [file = '', ...args] = ['setpriv', '--pdeathsig', 'KILL', '--', ...enter, ...command];
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(file, args, {
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
    if (process.env.LAB_LOG) process.stderr.write(chunk);
  });
  child.stdin.on('error', () => {});
  if (options.input !== undefined) child.stdin.end(options.input);
  const events: unknown[] = [];
  let isReady = options.ready === 'started';
  if (options.ready === 'json') {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event: unknown = JSON.parse(line);
      if (typeof event === 'object' && event !== null && 'ready' in event) isReady = true;
      else events.push(event);
    });
  } else child.stdout.resume();
  const ended = once(child, 'exit');
  const gone = () => child.exitCode !== null || child.signalCode !== null;

  const deadline = Date.now() + READY_MS;
  while (!isReady) {
    if (typeof options.ready === 'object') isReady = await isBound(child.pid ?? -1, options.ready);
    if (gone()) throw new Error(`${command.slice(0, 3).join(' ')} ended at once: ${said}`);
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${command.slice(0, 3).join(' ')} did not get ready: ${said}`);
    }
    if (!isReady) await delay(POLL_MS);
  }
  return {
    pid: child.pid ?? -1,
    events,
    send: (line) => child.stdin.write(`${line}\n`),
    signal: (signal) => child.kill(signal),
    said: () => said,
    ended,
    async stop() {
      if (!gone()) {
        child.kill('SIGKILL');
        await ended;
      }
    },
  };
}

/**
 * Whether anybody has bound the port in the namespace of this process. Until nsenter has entered that is still the
 * host's own: laboratory servers take ports that nothing else here has.
 */
export async function isBound(pid: number, at: { protocol: 'tcp' | 'udp'; port: number }): Promise<boolean> {
  const port = `:${at.port.toString(16).toUpperCase().padStart(4, '0')} `;
  const tables = [at.protocol, `${at.protocol}6`].map((it) =>
    readFile(`/proc/${pid}/net/${it}`, 'utf8').catch(() => ''),
  );
  // The local address is the second column; state 0A is LISTEN (include/net/tcp_states.h).
  return (await Promise.all(tables))
    .flatMap((it) => it.split('\n').slice(1))
    .some((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/);
      return `${local} `.endsWith(port) && (at.protocol === 'udp' || state === '0A');
    });
}
