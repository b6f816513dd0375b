// "Is it already done for exactly these inputs?" for steps of the set-up.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const SKIPPED = new Set(['node_modules', '.next', 'dist', 'data', 'generated', 'testdata', 'artifacts']);
/** Tests, and what the type check leaves behind. */
const NO_INPUT = /\.(test|spec)\.tsx?$|\.tsbuildinfo$/;

/** Files below the given paths (files or folders, relative to root; a missing one counts as empty), sorted. */
export function inputFiles(root, paths) {
  const found = [];
  const walk = (path) => {
    const full = join(root, path);
    if (!existsSync(full)) return;
    if (statSync(full).isFile()) {
      found.push(path);
      return;
    }
    for (const entry of readdirSync(full, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name) || NO_INPUT.test(entry.name)) continue;
      if (entry.isDirectory() || entry.isFile()) walk(join(path, entry.name));
    }
  };
  for (const path of paths) walk(path);
  return found.sort();
}

export function hashInputs(root, paths, extra = '') {
  const hash = createHash('sha256').update(extra);
  for (const file of inputFiles(root, paths)) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Runs `work` unless `outputs` exist and it was done for this hash before. Returns whether it ran. */
export async function unlessDone({ root, name, hash, outputs }, work) {
  const mark = join(root, 'node_modules/.cache/cloud-claude', `${name}.done`);
  const present = outputs.every((path) => existsSync(join(root, path)));
  if (present && existsSync(mark) && readFileSync(mark, 'utf8') === hash) return false;
  await work();
  mkdirSync(dirname(mark), { recursive: true });
  writeFileSync(mark, hash);
  return true;
}
