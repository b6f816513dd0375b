// What the sandbox image is made of, and the hash that names it. Pure but for reading the files.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Files under a folder, sorted, as paths relative to it. */
export function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** The tarballs for one processor architecture (`process.arch` names), as {file, name, version, integrity}. */
export function packagesFor(pins, arch) {
  return ['node', 'npm', 'claude'].map((key) => {
    const pin = pins[key];
    const found = pin.packages[arch] ?? pin.packages.any;
    if (!found) throw new Error(`image/pins.json has no ${key} for the architecture ${arch}`);
    return { file: `${key}.tgz`, version: pin.version, ...found };
  });
}

/**
 * The image's name for a base: 16 hex digits over everything that goes in. Only the owner's execute bit of a
 * mode counts, as in git: a checkout's umask must not make another image.
 */
export function contentHash({ imageDir, programs, packages, base }) {
  const hash = createHash('sha256');
  const put = (...parts) => {
    for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  };
  put('base', base);
  for (const it of packages) put('package', it.name, it.version, it.integrity);
  for (const [name, text] of Object.entries(programs)) put(name, text);
  put('Dockerfile', readFileSync(join(imageDir, 'Dockerfile')));
  const rootfs = join(imageDir, 'rootfs');
  for (const file of filesUnder(rootfs)) {
    const path = join(rootfs, file);
    put('file', file, statSync(path).mode & 0o100 ? 'x' : '-', readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}
