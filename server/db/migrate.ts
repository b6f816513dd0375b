/**
 * Applies `prisma/migrations` the way `prisma migrate deploy` does: same folder layout, same `_prisma_migrations`
 * table and checksums, so that Prisma's own tools agree with what they find. Unlike them, one transaction each.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { BUSY_TIMEOUT_MS } from './pragmas';

export const MIGRATION_FILE = 'migration.sql';

/** Column for column what Prisma's schema engine creates on SQLite. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
)`;

/** The database and the migrations do not fit together; the message says how to mend it. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

interface Applied {
  migration_name: string;
  checksum: string;
  finished_at: number | string | null;
}

function readMigrations(folder: string): { name: string; sql: string; checksum: string }[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((it) => it.isDirectory())
    .map((it) => it.name)
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(folder, name, MIGRATION_FILE));
      return {
        name,
        sql: bytes.toString('utf8'),
        checksum: createHash('sha256').update(bytes).digest('hex'),
      };
    });
}

/** Brings the database file up to date. Returns the names of what it applied. Throws MigrationError. */
export function migrate(file: string, folder: string): string[] {
  const migrations = readMigrations(folder);
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.pragma('journal_mode = WAL');
    // Off while tables are rebuilt: with it on, dropping the old copy of a table would cascade into its children.
    // It cannot be switched inside a transaction; foreign_key_check below takes its place.
    db.pragma('foreign_keys = OFF');
    db.exec(CREATE_TABLE);
    const applied = check(db, migrations);
    const pending = migrations.filter((it) => !applied.has(it.name));
    for (const migration of pending) apply(db, migration);
    return pending.map((it) => it.name);
  } finally {
    db.close();
  }
}

function check(db: Database.Database, migrations: { name: string; checksum: string }[]): Set<string> {
  // The rows are what the table above holds; libsql's `all` is untyped.
  const rows = db
    .prepare(
      'SELECT migration_name, checksum, finished_at FROM "_prisma_migrations" WHERE rolled_back_at IS NULL',
    )
    .all() as Applied[];
  const known = new Map(migrations.map((it) => [it.name, it.checksum]));
  for (const row of rows) {
    const checksum = known.get(row.migration_name);
    if (checksum === undefined)
      throw new MigrationError(
        `The database was made by a newer version: it has the migration ${row.migration_name}, which this version does not know. Start the newer version, or restore a backup made before the upgrade.`,
      );
    if (checksum !== row.checksum)
      throw new MigrationError(
        `The migration ${row.migration_name} was changed after it had been applied to this database. Restore its file as it was; put new changes into a new migration.`,
      );
    if (row.finished_at === null)
      throw new MigrationError(
        `The migration ${row.migration_name} was begun by another tool and not finished. Resolve it with "prisma migrate resolve", or restore a backup.`,
      );
  }
  return new Set(rows.map((it) => it.migration_name));
}

function apply(db: Database.Database, migration: { name: string; sql: string; checksum: string }): void {
  const startedAt = Date.now();
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(migration.sql);
    const broken = db.prepare('PRAGMA foreign_key_check').all();
    if (broken.length > 0) throw new Error(`${broken.length} rows would refer to rows that do not exist`);
    db.prepare(
      'INSERT INTO "_prisma_migrations" (id, checksum, finished_at, migration_name, started_at, applied_steps_count) VALUES (?, ?, ?, ?, ?, 1)',
    ).run([randomUUID(), migration.checksum, Date.now(), migration.name, startedAt]);
    db.exec('COMMIT');
  } catch (cause) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw new MigrationError(
      `The migration ${migration.name} failed and was taken back: ${cause instanceof Error ? cause.message : 'unknown error'}`,
      { cause },
    );
  }
}
