/** The database: one SQLite file (WAL), migrated at start, behind one Prisma client on one connection. */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PrismaClient } from '../../prisma/generated/client';
import type { Db } from '../contracts';
import { SingleConnectionFactory } from './connection';
import { migrate } from './migrate';
import { BUSY_TIMEOUT_MS, CONNECTION_PRAGMAS } from './pragmas';
import { projectRoot } from './project-root';

/** A transaction waits for those before it (one writer), then has this long. */
const TRANSACTION_WAIT_MS = 10_000;
const TRANSACTION_TIMEOUT_MS = 15_000;

/** `file:relative`, `file:/absolute` or `file:///absolute` as a path. Throws a plain Error for anything else. */
export function databaseFile(url: string): string {
  if (!url.startsWith('file:')) throw new Error('only SQLite databases (file:...) are served for now');
  const path = url.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  if (path === '' || path.includes('?') || path.startsWith('//'))
    throw new Error('a database URL looks like file:./data/db/cloud-claude.db');
  return resolve(path);
}

/**
 * Opens the database at `url` (`file:` only), applies what migrations it lacks and returns Prisma's client.
 * Inside `db.$transaction(async (tx) => ...)` use `tx` only: a query on `db` waits for the transaction to end.
 * Throws MigrationError, or the system's error when the folder cannot be made.
 */
export async function openDb(options: { url: string; migrations?: string }): Promise<{
  db: Db;
  applied: string[];
  close(): Promise<void>;
}> {
  const file = databaseFile(options.url);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const applied = migrate(file, options.migrations ?? join(projectRoot(), 'prisma', 'migrations'));
  const adapter = new SingleConnectionFactory({ url: `file:${file}`, timeout: BUSY_TIMEOUT_MS });
  const db = new PrismaClient({
    adapter,
    transactionOptions: { maxWait: TRANSACTION_WAIT_MS, timeout: TRANSACTION_TIMEOUT_MS },
  });
  for (const pragma of CONNECTION_PRAGMAS) await db.$queryRawUnsafe(`PRAGMA ${pragma}`);
  return { db, applied, close: () => db.$disconnect() };
}
