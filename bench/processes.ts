/** The benchmarks' child processes: each says in one JSON line that it is ready, and is ended by whoever started it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

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
  const close = () => end(child);
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

/** One that says nothing when it is ready. */
export function startServer(command: string[]): { pid: number; close(): Promise<void> } {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return { pid: child.pid ?? 0, close: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await ended;
  clearTimeout(timer);
}

/** Proportional memory of a process and all below it, kB: what they share with others counts in part. */
export async function memoryKb(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const family = new Set([pid]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [id = 0, parent = 0] of rows) {
      if (family.has(parent) && !family.has(id)) grown = Boolean(family.add(id));
    }
  }
  let sum = 0;
  for (const id of family) {
    // Gone meanwhile: nothing to count.
    const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
    sum += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  }
  return sum;
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
