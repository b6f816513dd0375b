/**
 * A folder or a file as a .tar.gz that is made while it is sent. By GNU tar: it walks by handles of folders and stores
 * links as links, so nothing that is swapped meanwhile leads out. Nothing is ever unpacked here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { nameToBytes } from '../../shared/file-names';
import type { Place, Root } from './confined';
import { Refusal } from './refusal';

export interface Archive {
  stream: Readable;
  /** Rejects when it is not whole. */
  done: Promise<void>;
  stop(): void;
}

/** `name` is that of the folder in it, for the root itself. */
export function archiveOf(root: Root, parts: readonly string[]): Archive {
  // First as itself: its end may be outside, or closed.
  const end = root.open(parts);
  const excluded = root.closedBelow(end.realPath());
  const place: Place | null = parts.length === 0 ? null : root.target(parts);
  try {
    const base = place === null ? '.' : place.name;
    const patterns = excluded.map((it) => `--exclude=${base}/${it}`);
    const folder = place === null ? end : place.folder;
    const child = spawn(
      'tar',
      [
        ...['--create', '--use-compress-program=gzip -3', '--file=-', '--sort=none', '--warning=none'],
        // What a program removes or has not allowed to be read is left out, and said by the exit code 1 or 2.
        ...['--ignore-failed-read', '--anchored', '--no-wildcards', ...patterns],
        ...['-C', folder.pathForOthers, '--null', '--verbatim-files-from', '--files-from=-'],
      ],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: { ...process.env, LC_ALL: 'C' },
      },
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(Buffer.concat([nameToBytes(base), Buffer.from([0])]));
    const done = ended(child).finally(() => {
      end.close();
      place?.folder.close();
    });
    done.catch(() => undefined);
    return { stream: child.stdout, done, stop: () => void child.kill('SIGKILL') };
  } catch (error) {
    end.close();
    place?.folder.close();
    throw error;
  }
}

/** 1: a file changed while it was read, which is life. */
const TAR_CHANGED = 1;

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', () => reject(new Refusal('internal', 'There is no tar in this sandbox.')));
    child.once('close', (code) => {
      if (code === 0 || code === TAR_CHANGED) resolve();
      else reject(new Refusal('internal', `tar ended with ${code}.`));
    });
  });
}
