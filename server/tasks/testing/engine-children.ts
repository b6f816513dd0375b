/**
 * Engines in processes of their own, for tests that kill them. One is always loaded ahead and waits for its word:
 * such a test starts dozens of them, and most of a start would be loading.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Db } from '../../contracts';

/** Where Node finds our packages, as a bundle names them only. */
const program = fileURLToPath(
  new URL(`../../../node_modules/.cache/cloud-claude/engine-${process.pid}.mjs`, import.meta.url),
);

/** Bundles the program once for a test file; returns its removal. */
export async function buildEngineProgram(): Promise<() => Promise<void>> {
  await build({
    entryPoints: [fileURLToPath(new URL('./engine-process.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  return () => rm(program, { force: true });
}

export interface EngineOrder {
  /** A step at whose border it kills itself: `prepare`, `finish`, an agent's step, or such a step with `.done`. */
  killAt?: string;
  leaseMs?: number;
  /** Base64. With it ways out are read as the gateway does; without it every sandbox goes direct. */
  masterKey?: string;
  image?: string;
}

export function openEngineChildren(at: { db: Db; socket: string }) {
  const children = new Set<ChildProcess>();
  let spare: Promise<ChildProcess> | undefined;

  async function load(): Promise<ChildProcess> {
    const [main] = await at.db.$queryRawUnsafe<{ file: string }[]>('PRAGMA database_list');
    if (!main) throw new Error('no database');
    // As the product starts the gateway: most of the time to load one was optimizing the database's WebAssembly.
    const args = ['--liftoff-only', program, `file:${main.file}`, at.socket];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  return {
    kill,
    async start(order: EngineOrder = {}): Promise<ChildProcess> {
      const child = await (spare ?? load());
      child.stdin?.write(`${JSON.stringify(order)}\n`);
      spare = load();
      // Awaited by the next start; after a close nobody waits for it.
      spare.catch(() => {});
      return child;
    },
    async close(): Promise<void> {
      await spare?.catch(() => {});
      await Promise.all([...children].map(kill));
    },
  };
}
export type EngineChildren = ReturnType<typeof openEngineChildren>;
