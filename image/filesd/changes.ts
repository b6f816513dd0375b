/** What changes the tree: new folders, moves, removals. Each by handles of folders, so that nothing outside is met. */
import { linkSync, lstatSync, mkdirSync, opendirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { nameFromBytes } from '../../shared/file-names';
import { type Handle, isMissing, openFolder, type Place, type Root } from './confined';
import { Refusal } from './refusal';

/** One handle is held for each level that is being removed; below the usual limit of 1,024 open files. */
const REMOVE_MAX_DEPTH = 400;

/** `parents`: also the folders above it, and it may be there already. */
export function makeFolder(root: Root, parts: readonly string[], parents: boolean): void {
  if (parts.length === 0) {
    if (parents) return;
    throw new Refusal('name_taken', 'There is something of this name already.');
  }
  for (let length = parents ? 1 : parts.length; length <= parts.length; length++) {
    const { folder, name } = root.place(parts.slice(0, length));
    try {
      mkdirSync(folder.child(name), 0o777);
    } catch (error) {
      const there = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!parents || !there) throw error;
    } finally {
      folder.close();
    }
  }
  if (!parents) return;
  const end = root.open(parts);
  const isFolder = end.stat().isDirectory();
  end.close();
  if (!isFolder) throw new Refusal('name_taken', 'There is a file of this name already.');
}

/** Never over something that is there. */
export function move(
  from: { root: Root; parts: readonly string[] },
  to: { root: Root; parts: readonly string[] },
): void {
  const source = from.root.place(from.parts);
  try {
    if (from.root.guards(`${source.folder.realPath()}/${source.name}`))
      throw new Refusal('forbidden', 'This holds secrets of the sandbox and stays where it is.');
    const target = to.root.place(to.parts);
    try {
      moveTo(source, target);
    } finally {
      target.folder.close();
    }
  } finally {
    source.folder.close();
  }
}

function moveTo(source: Place, target: Place): void {
  const [old, wanted] = [source.folder.child(source.name), target.folder.child(target.name)];
  const stat = lstatSync(old);
  if (!stat.isDirectory()) {
    // link(2) refuses a name that is taken, at once; rename(2) would replace what stands there.
    try {
      linkSync(old, wanted);
      unlinkSync(old);
      return;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      // Another user's file (fs.protected_hardlinks), or a disk without links.
      if (code !== 'EPERM' && code !== 'EOPNOTSUPP' && code !== 'EMLINK') throw error;
    }
  }
  if (exists(wanted)) throw new Refusal('name_taken', 'There is something of this name already.');
  // A folder replaces at most an empty folder that came in this moment.
  renameSync(old, wanted);
}

function exists(path: Buffer): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

export function remove(root: Root, parts: readonly string[], recursive: boolean): void {
  const { folder, name } = root.place(parts);
  try {
    const realPath = `${folder.realPath()}/${name}`;
    if (root.guards(realPath)) throw new Refusal('forbidden', 'This holds secrets of the sandbox and stays.');
    removeEntry(folder, name, recursive ? REMOVE_MAX_DEPTH : 0);
  } finally {
    folder.close();
  }
}

function removeEntry(folder: Handle, name: string, depth: number): void {
  const path = folder.child(name);
  if (!lstatSync(path).isDirectory()) {
    unlinkSync(path);
    return;
  }
  if (depth > 0) {
    // Fails for a link that was put in its place meanwhile.
    const inside = openFolder(folder, name);
    try {
      for (const child of namesIn(inside)) removeUnlessGone(inside, child, depth - 1);
    } finally {
      inside.close();
    }
  }
  rmdirSync(path);
}

function removeUnlessGone(folder: Handle, name: string, depth: number): void {
  try {
    if (depth === 0)
      throw new Refusal('wrong_state', `Folders deeper than ${REMOVE_MAX_DEPTH} are not removed here.`);
    removeEntry(folder, name, depth);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function namesIn(handle: Handle): string[] {
  // Its types do not know of `buffer`; Node's documentation does.
  const folder = opendirSync(handle.path, { encoding: 'buffer' as BufferEncoding, bufferSize: 512 });
  const names: string[] = [];
  try {
    for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
      const raw: unknown = entry.name; // a Buffer, as was asked for
      if (raw instanceof Uint8Array) names.push(nameFromBytes(raw));
    }
    return names;
  } finally {
    folder.closeSync();
  }
}
