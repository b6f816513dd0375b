// Completes package-lock.json: `node setup/complete-lock.mjs`, after an `npm install` against a registry that has
// packages for this platform only. Such an install leaves the others out of the lock file, and then `npm ci`
// refuses it everywhere as out of step.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openbsd', 'netbsd', 'sunos', 'aix', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'x64', 'ia32', 'wasm32', 'ppc64', 's390x', 'riscv64', 'loong64'];

/**
 * Adds to a parsed lock file what a locked package names as optional and the lock lacks, and returns their names.
 * Version: the exact one that the package asks for. Platform: from the name, as these packages are all called
 * `...-{system}-{processor}[-{libc}]`. No integrity: it is not known here, and npm takes it from the registry.
 */
export function completeLock(lock) {
  const added = [];
  for (const [path, parent] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (isLocked(lock.packages, path, name)) continue;
      if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${path} asks for ${name} ${version}: not exact`);
      lock.packages[`node_modules/${name}`] = entryFor(name, version, parent.dev);
      added.push(name);
    }
  }
  // npm's own order.
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  lock.packages = Object.fromEntries(sorted);
  return added;
}

/** As Node looks for it: beside the package's own modules, then one folder up after another. */
function isLocked(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages[`${at ? `${at}/` : ''}node_modules/${name}`]) return true;
    if (at === '') return false;
  }
}

function entryFor(name, version, dev) {
  const parts = name.split(/[/-]/);
  const os = parts.find((it) => SYSTEMS.includes(it));
  const cpu = parts.find((it) => PROCESSORS.includes(it));
  if (!cpu) throw new Error(`${name} does not say its processor in its name`);
  const libc = name.includes('musl') ? ['musl'] : os === 'linux' && name.includes('gnu') ? ['glibc'] : null;
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(libc ? { libc } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = completeLock(lock);
  if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(added.length > 0 ? `added ${added.join(' ')}\n` : 'nothing is missing\n');
}
