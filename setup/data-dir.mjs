// The data folder: its instance id, its parts and their owners, and who is already running on it.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** A Unix socket's path fits into 108 bytes with its end mark (Linux, sun_path). */
const SOCKET_PATH_MAX = 107;

/** Makes what is missing of the folder itself and returns its instance id (8 hex digits, made once). */
export function openDataDir(dataDir) {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, 'instance');
  if (!existsSync(file)) {
    try {
      writeFileSync(file, `${randomBytes(4).toString('hex')}\n`, { flag: 'wx', mode: 0o644 });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
  const instance = readFileSync(file, 'utf8').trim();
  if (!/^[0-9a-f]{8}$/.test(instance)) throw new Error(`${file} holds no instance id (8 hex digits)`);
  return instance;
}

/**
 * Lays out the folder for a gateway that runs as `owner` {uid, gid}. Parts of root's own stay root's: `agent`
 * (the agent's state) and `run` (its socket), where another owner could put a link in root's way.
 */
export function layDataDir(dataDir, owner) {
  const root = process.getuid?.() === 0;
  const own = { uid: process.getuid?.() ?? owner.uid, gid: process.getgid?.() ?? owner.gid };
  for (const [name, mode, of] of [
    ['db', 0o700, owner],
    ['keys', 0o700, owner],
    ['logs', 0o700, owner],
    ['agent', 0o700, own],
    ['run', 0o755, own],
  ]) {
    const path = join(dataDir, name);
    mkdirSync(path, { recursive: true, mode });
    chmodSync(path, mode);
    if (root) giveTo(path, of);
  }
  if (root) {
    lchownSync(dataDir, owner.uid, owner.gid);
    lchownSync(join(dataDir, 'instance'), owner.uid, owner.gid);
  }
}

/** Hands a tree to an owner; links are not followed. Files that already are that owner's cost one stat. */
function giveTo(path, owner) {
  const now = lstatSync(path);
  if (now.uid !== owner.uid || now.gid !== owner.gid) lchownSync(path, owner.uid, owner.gid);
  if (!now.isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(join(path, name), owner);
}

export function agentSocket(dataDir, instance) {
  const path = join(dataDir, 'run/agent.sock');
  return Buffer.byteLength(path) <= SOCKET_PATH_MAX ? path : `/run/cloud-claude-${instance}/agent.sock`;
}

const lockFile = (dataDir) => join(dataDir, 'run/launcher.json');

/** What a live launcher wrote about itself, else null. */
export function runningLauncher(dataDir) {
  try {
    const found = JSON.parse(readFileSync(lockFile(dataDir), 'utf8'));
    if (!Number.isInteger(found.pid) || found.pid === process.pid) return null;
    // The number may have gone to another program since.
    const command = readFileSync(`/proc/${found.pid}/cmdline`, 'utf8');
    return command.includes('start.mjs') ? found : null;
  } catch {
    return null;
  }
}

export function writeLauncher(dataDir, facts) {
  writeFileSync(lockFile(dataDir), JSON.stringify({ pid: process.pid, ...facts }), { mode: 0o644 });
}

export function clearLauncher(dataDir) {
  rmSync(lockFile(dataDir), { force: true });
}

export function ownerOf(path) {
  const { uid, gid } = statSync(path);
  return { uid, gid };
}
