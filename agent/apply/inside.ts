/** Files of root's in a running container, from outside: a `docker exec` or an archive by Docker costs 50 to 100 ms. */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { constants, type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import type { Namespace } from './netns';
import { netnsInode } from './proc';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

export interface InnerFile {
  name: string;
  mode: number;
  data: string;
}

/**
 * Writes files into a folder of the container that owns `namespace`; each appears whole or not at all and belongs to
 * the folder's owner. `path` is the
 * folder's absolute path in there and must exist.
 *
 * Root in a sandbox may have laid anything at these names, also while we walk. So no name is ever looked up by the
 * host's rules: /proc/{pid}/root is the one magic link, each further name is opened below the descriptor of the folder
 * before it and never through a symbolic link, and files are made new (open(2): O_EXCL) and renamed within that folder.
 * The worst that can be reached is another folder of the same sandbox.
 */
export async function writeInside(
  namespace: Namespace,
  path: string,
  files: readonly InnerFile[],
): Promise<void> {
  const folder = await folderInside(namespace, path);
  try {
    // With remapped users root in there is somebody else out here.
    const { uid, gid } = await folder.stat();
    for (const { name, mode, data } of files) {
      const draft = below(folder, `.${name}.${crypto.randomUUID()}`);
      const file = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
      try {
        await file.writeFile(data);
        await file.chmod(mode);
        await file.chown(uid, gid);
        await rename(draft, below(folder, name));
      } catch (error) {
        await unlink(draft).catch(() => {});
        throw error;
      } finally {
        await file.close();
      }
    }
  } finally {
    await folder.close();
  }
}

/** Takes files away by the same rules; those that are not there are fine. */
export async function removeInside(
  namespace: Namespace,
  path: string,
  names: readonly string[],
): Promise<void> {
  const folder = await folderInside(namespace, path);
  try {
    for (const name of names) await unlink(below(folder, name)).catch(() => {});
  } finally {
    await folder.close();
  }
}

/** Writes an empty line into a named pipe, by the same rules; nothing where nobody reads it or it is none. */
export async function wakeInside(namespace: Namespace, path: string): Promise<void> {
  const folder = await folderInside(namespace, dirname(path));
  try {
    const fd = openPipe(below(folder, basename(path)), O_WRONLY);
    if (fd === null) return;
    try {
      writeSync(fd, '\n');
    } catch {
      // Full or left meanwhile: a hint only.
    } finally {
      closeSync(fd);
    }
  } finally {
    await folder.close();
  }
}

/** A program's stdin and stdout. */
export interface PipeEnds {
  input: Socket;
  output: Socket;
}

/**
 * Opens the outer ends of two named pipes by the same rules. Null while nobody is there to read `names.input`: the
 * program's side opens that one first and then waits at `names.output` for us (fifo(7)).
 */
export async function openPipes(
  namespace: Namespace,
  path: string,
  names: { input: string; output: string },
): Promise<PipeEnds | null> {
  const folder = await folderInside(namespace, path);
  try {
    const input = openPipe(below(folder, names.input), O_WRONLY);
    if (input === null) return null;
    const output = openPipe(below(folder, names.output), O_RDONLY);
    if (output === null) {
      closeSync(input);
      return null;
    }
    return {
      input: new Socket({ fd: input, readable: false, writable: true }),
      output: new Socket({ fd: output, readable: true, writable: false }),
    };
  } finally {
    await folder.close();
  }
}

/** Does not wait for the other side. Null when it is not there (ENXIO), or no pipe is. */
function openPipe(path: string, mode: number): number | null {
  let fd: number;
  try {
    fd = openSync(path, mode | O_NONBLOCK | O_NOFOLLOW);
  } catch {
    return null;
  }
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  return null;
}

/** The folder, opened. Throws also when the process of `namespace` has ended. */
async function folderInside(namespace: Namespace, path: string): Promise<FileHandle> {
  const names = path.split('/').filter((name) => name !== '');
  if (names.some((name) => name === '.' || name === '..')) throw new Error(`${path} is no plain path`);
  let folder = await open(`/proc/${namespace.pid}/root`, O_RDONLY | O_DIRECTORY);
  try {
    await checkOwner(folder, namespace);
    for (const name of names) {
      const next = await open(below(folder, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      await folder.close();
      folder = next;
    }
    return folder;
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** Pids are used again: what was opened must belong to a process of this sandbox, and never be the host's root. */
async function checkOwner(root: FileHandle, namespace: Namespace): Promise<void> {
  const [opened, own] = [await root.stat({ bigint: true }), await stat('/', { bigint: true })];
  const hosts = opened.dev === own.dev && opened.ino === own.ino;
  if (hosts || (await netnsInode(namespace.pid)) !== namespace.inode) {
    throw new Error('the container ended meanwhile');
  }
}

/** openat(2), which Node does not have: the descriptor's own link in /proc leads to the open folder itself. */
function below(folder: FileHandle, name: string): string {
  return `/proc/self/fd/${folder.fd}/${name}`;
}
