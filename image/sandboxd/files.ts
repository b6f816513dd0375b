/** Paths for `@`: what lies below a folder and fits the letters typed. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Looked at; the upper ones first. */
const ENTRIES_MAX = 20_000;
const FOUND_MAX = 50;
/** Never what somebody means by `@`, and large. */
const PASSED_OVER = new Set([
  '.git',
  'node_modules',
  '.venv',
  'venv',
  '__pycache__',
  '.cache',
  '.next',
  'target',
]);

/** Best first; folders end with `/`. */
export async function findFiles(folder: string, query: string, signal: AbortSignal): Promise<string[]> {
  const wanted = query.toLowerCase();
  const found: { path: string; rank: number }[] = [];
  let looked = 0;
  const folders = [''];
  for (let at = 0; at < folders.length && looked < ENTRIES_MAX && !signal.aborted; at++) {
    const below = folders[at] ?? '';
    const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => []);
    for (const it of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++looked > ENTRIES_MAX) break;
      const isFolder = it.isDirectory();
      if (isFolder && PASSED_OVER.has(it.name)) continue;
      const path = below + it.name + (isFolder ? '/' : '');
      if (isFolder) folders.push(path);
      const rank = rankOf(path.toLowerCase(), wanted);
      if (rank !== null) found.push({ path, rank });
    }
  }
  return found
    .sort((a, b) => a.rank - b.rank || a.path.length - b.path.length || (a.path < b.path ? -1 : 1))
    .slice(0, FOUND_MAX)
    .map((it) => it.path);
}

/** Lower is better; null: the letters do not stand there in this order. */
function rankOf(path: string, wanted: string): number | null {
  if (wanted === '') return path.split('/').length;
  const name = path.slice(path.lastIndexOf('/', path.length - 2) + 1);
  if (path.startsWith(wanted)) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.includes(wanted)) return 2;
  if (path.includes(wanted)) return 3;
  let at = -1;
  for (const letter of wanted) {
    at = path.indexOf(letter, at + 1);
    if (at === -1) return null;
  }
  return 4;
}
