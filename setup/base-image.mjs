// Where the sandbox image starts: ubuntu:24.04 where a container registry answers, else a Debian made here.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasImage } from './docker.mjs';
import { run } from './run.mjs';

export const REGISTRY_BASE = 'ubuntu:24.04';
/** Newest first; the host's keyring must know it. */
const DEBIAN_SUITES = ['trixie', 'bookworm'];
const PULL_TIMEOUT_MS = 180_000;
const BOOTSTRAP_TIMEOUT_MS = 600_000;

/** The Debian suite that can be verified with this machine's keyring. */
export function debianSuite(keyrings = '/usr/share/keyrings') {
  return DEBIAN_SUITES.find((suite) => existsSync(join(keyrings, `debian-archive-${suite}-stable.gpg`)));
}

export function debianBase(suite) {
  return `cloud-claude/base:${suite}`;
}

/** Bases an image may already have been built on, the preferred one first. No network. */
export function possibleBases(env = process.env) {
  if (env.SANDBOX_BASE_IMAGE) return [env.SANDBOX_BASE_IMAGE];
  const suite = debianSuite();
  return suite ? [REGISTRY_BASE, debianBase(suite)] : [REGISTRY_BASE];
}

/** Makes sure of a base in Docker and returns its name. `needMmdebstrap` is called before it is used. */
export async function ensureBase({ docker, log, env = process.env, needMmdebstrap = async () => {} }) {
  for (const ref of possibleBases(env)) if (await hasImage(docker, ref)) return ref;
  const wanted = env.SANDBOX_BASE_IMAGE ?? REGISTRY_BASE;
  log(`fetching the base ${wanted}`);
  try {
    await docker(['pull', '-q', wanted], { timeoutMs: PULL_TIMEOUT_MS });
    return wanted;
  } catch (error) {
    if (env.SANDBOX_BASE_IMAGE) throw error;
  }
  await needMmdebstrap();
  const suite = debianSuite();
  if (!suite) {
    throw new Error(
      'No container registry answers, and this machine has no Debian archive keyring to make a base with. ' +
        'Install debian-archive-keyring, or set SANDBOX_BASE_IMAGE to an image that Docker has.',
    );
  }
  return makeDebianBase({ docker, suite, log });
}

async function makeDebianBase({ docker, suite, log }) {
  const ref = debianBase(suite);
  log(`no container registry answers: making a Debian ${suite} base`);
  const folder = mkdtempSync(join(tmpdir(), 'cloud-claude-base-'));
  const tar = join(folder, 'base.tar');
  try {
    // Without a mirror argument mmdebstrap uses Debian's own, with the update and security suites.
    await run(
      'mmdebstrap',
      [
        '--variant=minbase',
        '--include=ca-certificates',
        '--dpkgopt=force-unsafe-io',
        '--dpkgopt=path-exclude=/usr/share/man/*',
        suite,
        tar,
      ],
      { timeoutMs: BOOTSTRAP_TIMEOUT_MS },
    );
    await docker(['import', tar, ref], { timeoutMs: BOOTSTRAP_TIMEOUT_MS });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return ref;
}
