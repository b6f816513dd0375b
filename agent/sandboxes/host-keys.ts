import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { SANDBOX_AUTHORIZED_KEYS, SANDBOX_HOST_KEY, SANDBOX_SSH_DIR } from '../../shared/names';
import type { InnerFile } from '../apply/inside';
import type { Records } from './records';

const PRIVATE = 'host_ed25519';
const PUBLIC = 'host_ed25519.pub';

export interface HostKey {
  /** OpenSSH's own private format. Goes into the container only. */
  private: string;
  /** `ssh-ed25519 AAAA...`, without a comment. */
  public: string;
}

/**
 * ssh2 1.17 writes a broken pair when the public half begins with a zero byte (it takes that byte for DER's "unused
 * bits" and drops it): one pair in 256, which sshd refuses to load. Such a pair is thrown away.
 */
export function soundKeyPair(comment: string): { private: string; public: string } {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (isSound(made.private)) return made;
  }
}

const isSound = (privateKey: string): boolean => !(ssh2.utils.parseKey(privateKey) instanceof Error);

/** The sandbox's host key, made once and kept over rebuilds: the gateway pins it. */
export async function hostKey(records: Records, id: string): Promise<HostKey> {
  const folder = records.folder(id);
  const existing = await publicHostKey(records, id);
  if (existing !== null) {
    const kept = { public: existing, private: await readFile(join(folder, PRIVATE), 'utf8') };
    // A broken one was never let in by any sshd, so nobody has pinned it.
    if (isSound(kept.private)) return kept;
  }
  const made = soundKeyPair(`sandbox ${id}`);
  const key = { private: made.private, public: made.public.split(' ').slice(0, 2).join(' ') };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeAtomic(join(folder, PRIVATE), key.private);
  // Second, so that a public half always has its private one.
  await writeAtomic(join(folder, PUBLIC), `${key.public}\n`);
  return key;
}

export async function publicHostKey(records: Records, id: string): Promise<string | null> {
  try {
    return (await readFile(join(records.folder(id), PUBLIC), 'utf8')).trim();
  } catch {
    return null;
  }
}

/** Files for SANDBOX_SSH_DIR, and a hash that tells whether a container holds these very keys. */
export function keyFiles(
  key: HostKey,
  gatewayKey: string,
): { folder: string; files: InnerFile[]; hash: string } {
  const files = [
    { name: nameIn(SANDBOX_HOST_KEY), mode: 0o600, data: key.private },
    { name: nameIn(SANDBOX_AUTHORIZED_KEYS), mode: 0o644, data: `${gatewayKey}\n` },
  ];
  const hash = createHash('sha256').update(key.public).update('\n').update(gatewayKey).digest('hex');
  return { folder: SANDBOX_SSH_DIR, files, hash };
}

function nameIn(path: string): string {
  if (!path.startsWith(`${SANDBOX_SSH_DIR}/`)) throw new Error(`${path} is not in ${SANDBOX_SSH_DIR}`);
  return path.slice(SANDBOX_SSH_DIR.length + 1);
}

async function writeAtomic(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}
