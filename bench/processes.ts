/** The benchmarks' child processes: each says in one JSON line that it is ready, and is ended by whoever started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const READY_MS = 60_000;
const END_MS = 20_000;

export interface Program {
  child: ChildProcess;
  pid: number;
  /** What it said when it was ready; the program is our own. */
  ready: Record<string, unknown>;
  /** Sends a line to its stdin and reads one JSON line. */
  ask(line: string): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export async function startProgram(command: string[], env: Record<string, string> = {}): Promise<Program> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const lines = createInterface({ input: child.stdout });
  const next = async (): Promise<Record<string, unknown>> => {
    const over = AbortSignal.timeout(READY_MS);
    const ended = once(child, 'exit', { signal: over }).then(([code]) => {
      throw new Error(`${file} ended with ${code}`);
    });
    const [line] = await Promise.race([once(lines, 'line', { signal: over }), ended]);
    return JSON.parse(String(line));
  };
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    const ready = await next();
    const ask = (line: string) => {
      const answer = next();
      child.stdin.write(`${line}\n`);
      return answer;
    };
    return { child, pid: child.pid ?? 0, ready, ask, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A TypeScript file as a program of its own. */
export const source = (path: string, ...flags: string[]): string[] => [
  process.execPath,
  ...flags,
  '--import',
  'tsx',
  path,
];

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export async function loadAverage(): Promise<string> {
  return (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 2).join(' ');
}
