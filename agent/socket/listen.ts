import { chownSync } from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { AppError } from '../../shared/errors';

/** Somebody who listens answers a local connect at once. */
const PROBE_TIMEOUT_MS = 1_000;

export interface SocketPlace {
  path: string;
  /** The gateway's user: the only one, besides root, that may connect. */
  owner: { uid: number; gid: number };
}

/**
 * Listens on a Unix socket that is 0600 from its first moment: Node gives no peer credentials, so the file's mode
 * is the whole access control. A socket file nobody answers on is what a killed agent left, and is replaced.
 */
export async function listenOnSocket(server: Server, place: SocketPlace): Promise<void> {
  const { path, owner } = place;
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  if (await answers(path)) {
    throw new AppError(
      'conflict',
      `Another agent already runs for this data folder (it answers on ${path}). Stop it first.`,
    );
  }
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The socket is bound inside `listen` itself, in this turn: no other file is made with this mask.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
  chownSync(path, owner.uid, owner.gid);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ path });
    const end = (result: boolean) => {
      probe.destroy();
      resolve(result);
    };
    probe.setTimeout(PROBE_TIMEOUT_MS, () => end(true));
    probe.once('connect', () => end(true));
    probe.once('error', () => end(false));
  });
}
