// Installs the npm packages when the lock file is another one than was installed last.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './run.mjs';

const INSTALL_TIMEOUT_MS = 900_000;

/** Returns whether anything was installed. The mark lies in node_modules, so it goes when that goes. */
export async function ensurePackages({ root, log = () => {} }) {
  const mark = join(root, 'node_modules/.cache/cloud-claude/installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(process.versions.modules)
    .digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return false;
  log('installing npm packages');
  // NODE_ENV=production in the caller's environment would leave out what builds the app.
  const flags = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['ci', ...flags], { cwd: root, timeoutMs: INSTALL_TIMEOUT_MS });
  mkdirSync(dirname(mark), { recursive: true });
  writeFileSync(mark, wanted);
  return true;
}
