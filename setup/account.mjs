// Which unprivileged user the gateway runs as.
import { join } from 'node:path';
import { ownerOf } from './data-dir.mjs';
import { isRoot } from './privilege.mjs';
import { run, succeeds } from './run.mjs';

export const SYSTEM_USER = 'cloud-claude';

/**
 * {uid, gid, name, warning}. Not root: ourselves. Root: who called sudo, else the owner of the checkout, else a
 * system user; when that one cannot read the program, root itself, with a warning to show. `dev`: the owner of
 * the checkout, whoever that is, as `next dev` writes there.
 */
export async function gatewayAccount({ root, dataDir, dev = false, env = process.env, log = () => {} }) {
  if (!isRoot())
    return { uid: process.getuid(), gid: process.getgid(), name: env.USER ?? 'you', warning: null };
  const owner = ownerOf(root);
  if (dev) return { ...owner, name: `uid ${owner.uid}, the owner of the checkout`, warning: null };
  const asked = { uid: Number(env.SUDO_UID), gid: Number(env.SUDO_GID) };
  if (env.SUDO_UID && Number.isInteger(asked.uid) && asked.uid > 0) {
    if (await mayUse(asked, { root, dataDir }))
      return { ...asked, name: env.SUDO_USER ?? `uid ${asked.uid}`, warning: null };
  }
  if (owner.uid !== 0 && (await mayUse(owner, { root, dataDir }))) {
    return { ...owner, name: `uid ${owner.uid}`, warning: null };
  }
  const system = await systemUser(log);
  if (system && (await mayUse(system, { root, dataDir })))
    return { ...system, name: SYSTEM_USER, warning: null };
  return {
    uid: 0,
    gid: 0,
    name: 'root',
    warning: `The gateway runs as root: the user ${SYSTEM_USER} cannot read ${root}. Put the checkout where others may read it.`,
  };
}

async function lookUp(name) {
  try {
    const { stdout } = await run('getent', ['passwd', name]);
    const [, , uid, gid] = stdout.split(':');
    return { uid: Number(uid), gid: Number(gid) };
  } catch {
    return null;
  }
}

async function systemUser(log) {
  const found = await lookUp(SYSTEM_USER);
  if (found) return found;
  log(`making the system user ${SYSTEM_USER}`);
  const flags = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  if (!(await succeeds('useradd', [...flags, '--shell', '/usr/sbin/nologin', SYSTEM_USER]))) return null;
  return lookUp(SYSTEM_USER);
}

/** Whether that user reaches the program, its packages and the data folder's parent. */
async function mayUse({ uid, gid }, { root, dataDir }) {
  const as = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--'];
  for (const path of [
    join(root, 'package.json'),
    join(root, 'node_modules'),
    join(root, 'node_modules/next/package.json'),
  ]) {
    if (!(await succeeds('setpriv', [...as, 'test', '-r', path]))) return false;
  }
  // The folder will be that user's own; what must hold is the way to it.
  return succeeds('setpriv', [...as, 'test', '-x', join(dataDir, '..')]);
}
