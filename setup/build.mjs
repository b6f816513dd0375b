// Builds what production runs: the programs as bundles in dist/, and the pages by Next in .next/.
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureGenerated } from './generate.mjs';
import { run } from './run.mjs';
import { hashInputs, unlessDone } from './stamp.mjs';

const NEXT_TIMEOUT_MS = 900_000;
const CONFIG = ['package.json', 'package-lock.json', 'tsconfig.json'];
const PROGRAMS = {
  server: 'server/main.ts',
  agent: 'agent/main.ts',
  // A thread of the gateway's.
  'import-worker': 'server/egress/import/worker.ts',
};

/** dist/server.mjs, dist/agent.mjs and the gateway's thread: our code in one file each, packages left outside. */
export async function buildPrograms({ root, log = () => {} }) {
  const hash = hashInputs(root, ['server', 'agent', 'shared', 'prisma', 'setup/build.mjs', ...CONFIG]);
  const outputs = Object.keys(PROGRAMS).map((name) => `dist/${name}.mjs`);
  return unlessDone({ root, name: 'programs', hash, outputs }, async () => {
    log('bundling gateway and agent');
    // Synchronous, and without a thread: else a service process is left that lives as long as the launcher, 90 MB.
    process.env.ESBUILD_WORKER_THREADS = '0';
    const { buildSync } = await import('esbuild');
    buildSync({
      absWorkingDir: root,
      entryPoints: PROGRAMS,
      outdir: 'dist',
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      packages: 'external',
      sourcemap: true,
      logLevel: 'warning',
    });
  });
}

/** .next/ by `next build`. */
export async function buildPages({ root, log = () => {} }) {
  const inputs = ['app', 'components', 'shared', 'server', 'public', 'prisma/schema.prisma'];
  const config = ['next.config.ts', 'postcss.config.mjs', ...CONFIG];
  const hash = hashInputs(root, [...inputs, ...config]);
  return unlessDone({ root, name: 'pages', hash, outputs: ['.next/BUILD_ID'] }, async () => {
    log('building the pages (next build)');
    await run(process.execPath, [join(root, 'node_modules/next/dist/bin/next'), 'build'], {
      cwd: root,
      env: { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
      timeoutMs: NEXT_TIMEOUT_MS,
    });
  });
}

export async function ensureBuilt({ root, log = () => {}, headless = false }) {
  await ensureGenerated({ root, log });
  const programs = await buildPrograms({ root, log });
  // Nobody is shown one, and they take half a minute.
  const pages = headless ? false : await buildPages({ root, log });
  return programs || pages;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const ran = await ensureBuilt({ root, log: (text) => process.stderr.write(`${text}\n`) });
  process.stdout.write(ran ? 'built\n' : 'already built\n');
}
