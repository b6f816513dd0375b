import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import type { Namespace } from './netns';
import { netnsInode } from './proc';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/**
 * Makes an empty file in the root of the container that owns `namespace`, from outside and without a `docker exec`.
 * `path` is absolute in there; its folders must exist. A file (or whatever) that is there already is left as it is.
 *
 * Root in a sandbox may have laid anything at these names, also while we walk. So no name is ever looked up by the
 * host's rules: /proc/{pid}/root is the one magic link, each further name is opened below the descriptor of the folder
 * before it, never through a symbolic link, and the last one is made new (open(2): O_EXCL). The worst that can be
 * reached is another folder of the same sandbox.
 */
export async function touchInside(namespace: Namespace, path: string): Promise<void> {
  const names = path.split('/').filter((name) => name !== '');
  const last = names.pop();
  if (last === undefined || [last, ...names].some((name) => name === '.' || name === '..')) {
    throw new Error(`${path} is no absolute path of a file`);
  }
  let folder = await open(`/proc/${namespace.pid}/root`, O_RDONLY | O_DIRECTORY);
  try {
    await checkOwner(folder, namespace);
    for (const name of names) {
      const next = await open(below(folder, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      await folder.close();
      folder = next;
    }
    const file = await open(below(folder, last), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
    await file.close();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await folder.close();
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
