/** Folders and what stands in them, as the gateway's answers show it. */
import { lstatSync, opendirSync, readlinkSync, type Stats } from 'node:fs';
import { FILE_FOLDER_MAX_ENTRIES } from '../../shared/file-limits';
import { joinPath, nameFromBytes } from '../../shared/file-names';
import type { FileEntry, FileList, FileStat } from '../../shared/files';
import type { Handle, Root } from './confined';
import { Refusal } from './refusal';

const TYPE_BITS = 0o170000;
const letters: Record<number, string> = {
  9604: 'd',
  21609: 'l',
  2401: 'p',
  26411: 's',
  4802: 'c',
  14406: 'b',
};

/** `drwxr-xr-x` */
export function modeText(mode: number): string {
  let text = letters[mode & TYPE_BITS] ?? '-';
  for (const shift of [6, 3, 0]) {
    const bits = (mode >> shift) & 7;
    text += `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
  }
  return text;
}

/** Another one after each change: which file it is, its size and both its times. */
export function etagOf(stat: Stats): string {
  return [stat.ino, stat.size, Math.round(stat.mtimeMs * 1000), Math.round(stat.ctimeMs * 1000)]
    .map((it) => it.toString(36))
    .join('-');
}

function kindOf(stat: Stats): FileEntry['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'folder';
  return stat.isSymbolicLink() ? 'link' : 'other';
}

function facts(stat: Stats): Pick<FileEntry, 'is_dir' | 'size' | 'mode' | 'mod_time'> {
  return {
    is_dir: stat.isDirectory(),
    size: stat.isFile() ? stat.size : 0,
    mode: modeText(stat.mode),
    mod_time: stat.mtime.toISOString(),
  };
}

/** Null: gone meanwhile. */
function entryAt(
  root: Root,
  folder: { handle: Handle; parts: readonly string[] },
  name: string,
): FileEntry | null {
  const path = joinPath(folder.parts.join('/'), name);
  let stat: Stats;
  try {
    stat = lstatSync(folder.handle.child(name));
  } catch {
    return null;
  }
  const plain = { name, path, kind: kindOf(stat), ...facts(stat) };
  if (!stat.isSymbolicLink()) return plain;
  let link = '';
  try {
    link = nameFromBytes(readlinkSync(folder.handle.child(name), { encoding: 'buffer' }));
    const end = root.open([...folder.parts, name]);
    try {
      return { ...plain, ...facts(end.stat()), mode: plain.mode, link };
    } finally {
      end.close();
    }
  } catch {
    return { ...plain, link, broken: true };
  }
}

/** Names of a folder, and which of them are folders; a link counts as a file until it is looked at. */
function readNames(handle: Handle): { names: { name: string; folder: boolean }[]; truncated: boolean } {
  // Its types do not know of `buffer`; Node's documentation does.
  const folder = opendirSync(handle.path, { encoding: 'buffer' as BufferEncoding, bufferSize: 512 });
  const names: { name: string; folder: boolean }[] = [];
  try {
    for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
      if (names.length === FILE_FOLDER_MAX_ENTRIES) return { names, truncated: true };
      const raw: unknown = entry.name; // a Buffer, as was asked for
      if (raw instanceof Uint8Array) names.push({ name: nameFromBytes(raw), folder: entry.isDirectory() });
    }
    return { names, truncated: false };
  } finally {
    folder.closeSync();
  }
}

const compare = new Intl.Collator('en', { numeric: true, sensitivity: 'variant' }).compare;

/** Folders first, then by name. */
export function listFolder(
  root: Root,
  given: { root: string; parts: readonly string[]; from: number; limit: number; hidden: boolean },
): FileList {
  const handle = root.open(given.parts);
  try {
    if (!handle.stat().isDirectory()) throw new Refusal('wrong_state', 'This is no folder.');
    const { names, truncated } = readNames(handle);
    const realPath = handle.realPath();
    const shown = names
      .filter((it) => (given.hidden || !it.name.startsWith('.')) && !root.isClosed(`${realPath}/${it.name}`))
      .sort((a, b) => Number(b.folder) - Number(a.folder) || compare(a.name, b.name));
    const page = shown.slice(given.from, given.from + given.limit);
    const end = given.from + page.length;
    const at = { handle, parts: given.parts };
    return {
      root: given.root,
      path: given.parts.join('/'),
      entries: page.map((it) => entryAt(root, at, it.name)).filter((it) => it !== null),
      total: shown.length,
      next: end < shown.length ? end : null,
      truncated,
    };
  } finally {
    handle.close();
  }
}

export function statOf(root: Root, parts: readonly string[]): FileStat {
  const handle = root.open(parts);
  try {
    const stat = handle.stat();
    return {
      name: parts.at(-1) ?? '',
      path: parts.join('/'),
      kind: kindOf(stat),
      ...facts(stat),
      etag: etagOf(stat),
    };
  } finally {
    handle.close();
  }
}
