// Builds the sandbox image when the one for the present content is missing. As a program it prints progress on
// stderr and the image's name as the last line on stdout.
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBase, possibleBases } from './base-image.mjs';
import { dockerClient, hasImage } from './docker.mjs';
import { contentHash, filesUnder, packagesFor } from './image-inputs.mjs';
import { fetchPackage } from './packages.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const imageDir = join(root, 'image');
const REPOSITORY = 'cloud-claude/sandbox';
const BUILD_TIMEOUT_MS = 1_800_000;

/** A program of image/ as one file. Needs node_modules. */
async function bundle(name) {
  // Synchronous, and without a thread: else a service process is left that lives as long as the launcher, 90 MB.
  process.env.ESBUILD_WORKER_THREADS = '0';
  const { buildSync } = await import('esbuild');
  const result = buildSync({
    entryPoints: [join(imageDir, name, 'main.ts')],
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    write: false,
    legalComments: 'none',
    logLevel: 'silent',
  });
  return builtinsAsTheyAre(result.outputFiles[0].text);
}

/**
 * Node's own modules are asked for and not imported: an import has all of their exports read, also those that load more at
 * their first use, such as node:fs' `promises`. In sandboxd that is 1.5 MB of memory.
 */
function builtinsAsTheyAre(text) {
  return text.replace(
    /^import \{([^}]*)\} from "(node:[^"]+)";$/gm,
    (_, names, module) =>
      `const {${names.replace(/ as /g, ': ')}} = process.getBuiltinModule(${JSON.stringify(module)});`,
  );
}

/**
 * Makes sure of the image and returns {ref, built, claudeVersion}. `log` gets progress sentences;
 * `needMmdebstrap` is called before a base has to be made without a registry.
 */
export async function ensureImage({
  log = () => {},
  env = process.env,
  docker = dockerClient(),
  needMmdebstrap,
} = {}) {
  const pins = JSON.parse(readFileSync(join(imageDir, 'pins.json'), 'utf8'));
  const packages = packagesFor(pins, process.arch);
  const programs = { sandboxd: await bundle('sandboxd'), filesd: await bundle('filesd') };
  const hashFor = (base) => contentHash({ imageDir, programs, packages, base });
  const claudeVersion = pins.claude.version;
  for (const base of possibleBases(env)) {
    const ref = `${REPOSITORY}:${hashFor(base)}`;
    if (await hasImage(docker, ref)) return { ref, built: false, claudeVersion };
  }
  const base = await ensureBase({ docker, log, env, needMmdebstrap });
  const hash = hashFor(base);
  const ref = `${REPOSITORY}:${hash}`;
  const cache = join(root, 'node_modules/.cache/cloud-claude');
  const context = join(cache, `image-context-${process.pid}`);
  try {
    await layContext({ context, cache, packages, programs, log });
    log(`building ${ref} on ${base}`);
    await dockerBuild({
      docker,
      context,
      ref,
      log,
      env,
      args: { BASE: base, CONTENT_HASH: hash, CLAUDE_VERSION: claudeVersion },
    });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return { ref, built: true, claudeVersion };
}

/** What the Dockerfile sees: rootfs with modes as git keeps them, the tarballs and the bundles. */
async function layContext({ context, cache, packages, programs, log }) {
  rmSync(context, { recursive: true, force: true });
  mkdirSync(join(context, 'packages'), { recursive: true, mode: 0o755 });
  cpSync(join(imageDir, 'Dockerfile'), join(context, 'Dockerfile'));
  const rootfs = join(context, 'rootfs');
  cpSync(join(imageDir, 'rootfs'), rootfs, { recursive: true });
  for (const file of filesUnder(rootfs)) {
    const path = join(rootfs, file);
    chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
    for (let folder = dirname(path); folder !== context; folder = dirname(folder)) chmodSync(folder, 0o755);
  }
  // sudo refuses a file that others may write, and visudo wants this mode.
  chmodSync(join(rootfs, 'etc/sudoers.d/cloud-claude'), 0o440);
  for (const [name, text] of Object.entries(programs))
    writeFileSync(join(context, `${name}.mjs`), text, { mode: 0o644 });
  const kept = join(cache, 'packages');
  mkdirSync(kept, { recursive: true });
  for (const it of packages) {
    const file = await fetchPackage(it, { cache: kept, log });
    linkSync(file, join(context, 'packages', it.file));
  }
}

async function dockerBuild({ docker, context, ref, args, log, env }) {
  // BuildKit where its client is installed, else the classic builder; the Dockerfile suits both.
  const buildkit = await docker(['buildx', 'version']).then(
    () => true,
    () => false,
  );
  const flags = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  // Docker knows these names as arguments that leave no trace in the image.
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']) {
    if (env[name]) flags.push('--build-arg', name);
  }
  const progress = buildkit ? ['--progress=plain'] : [];
  await docker(['build', '--network=host', '--force-rm', ...progress, ...flags, '-t', ref, context], {
    env: { DOCKER_BUILDKIT: buildkit ? '1' : '0' },
    timeoutMs: BUILD_TIMEOUT_MS,
    onLine: (line) => {
      const step = /^(?:Step (\d+\/\d+) : |#\d+ \[[^\]]*?(\d+\/\d+)\] )(.*)/.exec(line);
      if (step) log(`step ${step[1] ?? step[2]}: ${step[3].slice(0, 90)}`);
    },
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!existsSync(join(root, 'node_modules/esbuild'))) {
    process.stderr.write(`${basename(process.argv[1])}: run npm ci first\n`);
    process.exit(3);
  }
  const started = Date.now();
  const log = (text) =>
    process.stderr.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}\n`);
  const { ref, built, claudeVersion } = await ensureImage({ log });
  log(`${built ? 'built' : 'already there'}, Claude Code ${claudeVersion}`);
  process.stdout.write(`${ref}\n`);
}
