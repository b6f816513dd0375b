/** A migrated database of its own for each test; migrating takes longer than most tests, so it is done once a process. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDb } from './open';

let template: Promise<string> | undefined;

async function makeTemplate(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cc-test-db-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'template.db');
  // The last one to close brings the write-ahead log home: the file is all there is.
  await (await openDb({ url: `file:${file}` })).close();
  return file;
}

/** Opens `test.db` in this folder, where nothing is yet. */
export async function openTestDb(folder: string): ReturnType<typeof openDb> {
  template ??= makeTemplate();
  const file = join(folder, 'test.db');
  copyFileSync(await template, file);
  return openDb({ url: `file:${file}` });
}
