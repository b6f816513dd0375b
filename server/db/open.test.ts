import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MigrationError, migrate } from './migrate';
import { databaseFile, openDb } from './open';
import { projectRoot } from './project-root';

const prisma = join(projectRoot(), 'prisma');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cc-db-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writeMigration(name: string, sql: string): string {
  const migrations = join(folder, 'migrations');
  mkdirSync(join(migrations, name), { recursive: true });
  writeFileSync(join(migrations, name, 'migration.sql'), sql);
  return migrations;
}

describe('migrations', () => {
  test('are recorded as Prisma records them, and applied once', async () => {
    const url = `file:${join(folder, 'a', 'test.db')}`;
    const first = await openDb({ url });
    const names = readdirSync(join(prisma, 'migrations')).filter((it) => /^\d{14}_/.test(it));
    expect(first.applied).toEqual(names.sort());
    const rows = await first.db.$queryRawUnsafe<{ name: string }[]>(
      "SELECT name FROM pragma_table_info('_prisma_migrations')",
    );
    expect(rows.map((it) => it.name)).toEqual([
      'id',
      'checksum',
      'finished_at',
      'migration_name',
      'logs',
      'rolled_back_at',
      'started_at',
      'applied_steps_count',
    ]);
    await first.close();
    const second = await openDb({ url });
    expect(second.applied).toEqual([]);
    await second.close();
  });

  test('a changed one is refused', () => {
    const file = join(folder, 'test.db');
    const migrations = writeMigration('20260101000000_a', 'CREATE TABLE a (id TEXT);');
    expect(migrate(file, migrations)).toEqual(['20260101000000_a']);
    writeMigration('20260101000000_a', 'CREATE TABLE a (id INTEGER);');
    expect(() => migrate(file, migrations)).toThrow(/20260101000000_a was changed after/);
  });

  test('one of a newer version is refused', () => {
    const file = join(folder, 'test.db');
    const migrations = writeMigration('20260101000000_a', 'CREATE TABLE a (id TEXT);');
    writeMigration('20260102000000_b', 'CREATE TABLE b (id TEXT);');
    migrate(file, migrations);
    rmSync(join(migrations, '20260102000000_b'), { recursive: true });
    expect(() => migrate(file, migrations)).toThrow(/newer version/);
  });

  test('a failing one is taken back whole, those before it stay', () => {
    const file = join(folder, 'test.db');
    const migrations = writeMigration('20260101000000_a', 'CREATE TABLE a (id TEXT PRIMARY KEY);');
    writeMigration('20260102000000_b', 'CREATE TABLE b (id TEXT);\nCREATE TABLE a (id TEXT);');
    expect(() => migrate(file, migrations)).toThrow(MigrationError);
    const db = new Database(file);
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    db.close();
    expect(tables).toEqual([{ name: '_prisma_migrations' }, { name: 'a' }]);
  });

  test('one that would leave rows without their parent is taken back', () => {
    const file = join(folder, 'test.db');
    const migrations = writeMigration(
      '20260101000000_a',
      "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE c (p TEXT REFERENCES p(id)); INSERT INTO p VALUES ('1'); INSERT INTO c VALUES ('1');",
    );
    migrate(file, migrations);
    writeMigration('20260102000000_b', 'DELETE FROM p;');
    expect(() => migrate(file, migrations)).toThrow(/1 rows would refer/);
  });
});

describe('the connection', () => {
  test('keeps its pragmas over transactions', async () => {
    const { db, close } = await openDb({ url: `file:${join(folder, 'test.db')}` });
    await db.$transaction(async (tx) => {
      await tx.setting.create({ data: { key: 'a', value: '1' } });
    });
    const [keys] = await db.$queryRawUnsafe<Record<string, unknown>[]>('PRAGMA foreign_keys');
    const [journal] = await db.$queryRawUnsafe<Record<string, unknown>[]>('PRAGMA journal_mode');
    const [busy] = await db.$queryRawUnsafe<Record<string, unknown>[]>('PRAGMA busy_timeout');
    expect([keys, journal, busy]).toEqual([{ foreign_keys: 1 }, { journal_mode: 'wal' }, { timeout: 5000 }]);
    await expect(
      db.apiToken.create({ data: { id: 't', userId: 'nobody', label: '', prefix: '', hash: 'h' } }),
    ).rejects.toThrow();
    await close();
  });

  test('takes back what a failed transaction did, and opens no further file', async () => {
    const { db, close } = await openDb({ url: `file:${join(folder, 'test.db')}` });
    const open = () => readdirSync('/proc/self/fd').length;
    await db.setting.create({ data: { key: 'x', value: '1' } });
    const before = open();
    for (let i = 0; i < 20; i++) {
      await expect(
        db.$transaction(async (tx) => {
          await tx.setting.create({ data: { key: `k${i}`, value: '1' } });
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
    }
    expect(open()).toBeLessThanOrEqual(before + 1);
    expect(await db.setting.count()).toBe(1);
    await close();
  });

  test('runs transactions one after another', async () => {
    const { db, close } = await openDb({ url: `file:${join(folder, 'test.db')}` });
    await db.setting.create({ data: { key: 'n', value: '0' } });
    await Promise.all(
      Array.from({ length: 30 }, () =>
        db.$transaction(async (tx) => {
          const row = await tx.setting.findUniqueOrThrow({ where: { key: 'n' } });
          await tx.setting.update({ where: { key: 'n' }, data: { value: String(Number(row.value) + 1) } });
        }),
      ),
    );
    expect((await db.setting.findUniqueOrThrow({ where: { key: 'n' } })).value).toBe('30');
    await close();
  });
});

test.each([
  ['postgres://host/db', null],
  ['file:', null],
  ['file:./x.db?mode=ro', null],
  ['file:/a/b.db', '/a/b.db'],
  ['file:///a/b.db', '/a/b.db'],
])('databaseFile(%s)', (url, path) => {
  if (path === null) expect(() => databaseFile(url)).toThrow();
  else expect(databaseFile(url)).toBe(path);
});
