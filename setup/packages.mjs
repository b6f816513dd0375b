// The npm tarballs that go into the image, fetched by the machine's own npm (so its registry, proxy and
// certificates hold) and checked against image/pins.json.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from './run.mjs';

const FETCH_TIMEOUT_MS = 600_000;

/** The Subresource-Integrity string (sha512) of a file. */
export async function integrityOf(path) {
  const hash = createHash('sha512');
  await pipeline(createReadStream(path), hash);
  return `sha512-${hash.digest('base64')}`;
}

/** Path of the tarball in `cache`; fetched when it is not there yet. Throws when it is not the pinned one. */
export async function fetchPackage({ name, version, integrity }, { cache, log }) {
  const kept = join(cache, `${name.replace(/[@/]/g, '_')}-${version}.tgz`);
  if (existsSync(kept) && (await integrityOf(kept)) === integrity) return kept;
  log(`fetching ${name} ${version}`);
  const folder = join(cache, `fetch-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await run('npm', ['pack', '--silent', '--pack-destination', folder, `${name}@${version}`], {
      cwd: folder,
      timeoutMs: FETCH_TIMEOUT_MS,
    });
    const [file] = readdirSync(folder);
    if (!file) throw new Error(`npm pack ${name}@${version} gave no file`);
    const got = await integrityOf(join(folder, file));
    if (got !== integrity) {
      throw new Error(`${name} ${version} is not the pinned one: ${got}, image/pins.json has ${integrity}`);
    }
    renameSync(join(folder, file), kept);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return kept;
}
