// Installs the npm packages when the lock file is another one than was installed last.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './run.mjs';

const INSTALL_TIMEOUT_MS = 900_000;

/**
 * Returns whether anything was installed. The mark lies in node_modules, so it goes when that goes. What a person has
 * installed by hand counts too: `npm ci` would throw it away, and with it the programs that run from it.
 */
export async function ensurePackages({ root, log = () => {} }) {
  const mark = join(root, 'node_modules/.cache/cloud-claude/installed');
  const lock = readFileSync(join(root, 'package-lock.json'));
  // The second part is Node's own binary interface: packages with compiled parts are made for one.
  const wanted = `${createHash('sha256').update(lock).digest('hex')} ${process.versions.modules}`;
  const done = existsSync(mark) ? readFileSync(mark, 'utf8') : null;
  if (done === wanted) return false;
  const sameNode = done === null || done.endsWith(` ${process.versions.modules}`);
  const byHand = sameNode && isInstalled(JSON.parse(lock), join(root, 'node_modules/.package-lock.json'));
  if (!byHand) {
    log('installing npm packages');
    // NODE_ENV=production in the caller's environment would leave out what builds the app.
    const flags = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', ['ci', ...flags], { cwd: root, timeoutMs: INSTALL_TIMEOUT_MS });
  }
  mkdirSync(dirname(mark), { recursive: true });
  writeFileSync(mark, wanted);
  return !byHand;
}

/** Whether npm's own record of node_modules has every package of the lock file in its version. */
export function isInstalled(lock, record) {
  if (!existsSync(record)) return false;
  const { packages } = JSON.parse(readFileSync(record, 'utf8'));
  return Object.entries(lock.packages).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const there = packages[path];
    return there ? there.version === version : optional === true;
  });
}
