// `npm test`: sets up what the tests need and runs every one of them; the last line counts them.
// Arguments choose stages by name (`npm test -- types root`); without any, all run.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dockerClient } from './docker.mjs';
import { ensureHost, ensureMmdebstrap, HostError, widenPath } from './host.mjs';
import { ensurePackages } from './install.mjs';
import { addCounts, countReport, summaryLine } from './test-counts.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const STAGE_TIMEOUT_MS = 1_800_000;
const VITEST_PROJECTS = ['unit', 'root', 'e2e'];

const began = Date.now();
const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1);
const log = (text) => process.stderr.write(`[${seconds(began).padStart(6)} s] ${text}\n`);

const results = [];
const failures = [];

/** Runs one stage. Its end counts as one test, unless it returns counts of its own. Never throws. */
async function stage(name, work) {
  const since = Date.now();
  log(`${name}: started`);
  let counts;
  try {
    counts = (await work()) ?? { passed: 1, failed: 0, skipped: 0 };
  } catch (error) {
    counts = { passed: 0, failed: 1, skipped: 0 };
    process.stderr.write(`\n${name}: ${error.message}\n`);
    for (const line of error.commands ?? []) process.stderr.write(`  ${line}\n`);
  }
  results.push({ name, counts, took: seconds(since) });
  if (counts.failed > 0) failures.push(name);
  log(`${name}: ${summaryLine(counts)} in ${seconds(since)} s`);
  return counts.failed === 0;
}

/** Runs a program of node_modules with our terminal as its output; resolves with its exit code. */
function tool(path, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'node_modules', path), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), STAGE_TIMEOUT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? `signal ${signal}`);
    });
  });
}

async function mustPass(path, args, env) {
  const code = await tool(path, args, env);
  if (code !== 0) throw new Error(`${path} ${args.join(' ')} ended with ${code}`);
}

async function vitest(project, reports) {
  const report = join(reports, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  // Whatever the caller's NODE_ENV is: vitest sets its own, and the production build of React has no act().
  const code = await tool(
    'vitest/vitest.mjs',
    ['run', '--project', project, '--passWithNoTests', ...reporters],
    {
      NODE_ENV: 'test',
    },
  );
  if (!existsSync(report)) {
    // No report and no failure = there was no test file.
    if (code === 0) return { passed: 0, failed: 0, skipped: 0 };
    throw new Error(`vitest wrote no report (it ended with ${code})`);
  }
  const counts = countReport(JSON.parse(readFileSync(report, 'utf8')));
  // An error outside any test, such as an unhandled rejection, must not pass unseen.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

async function main() {
  widenPath();
  delete process.env.NODE_ENV;
  const chosen = process.argv.slice(2);
  const wanted = (name) => chosen.length === 0 || chosen.includes(name);
  const reports = mkdtempSync(join(tmpdir(), 'cloud-claude-test-'));
  try {
    const needsMachine = wanted('root') || wanted('e2e');
    const host = async () =>
      !needsMachine || stage('host', () => ensureHost({ log, purposes: ['test'] }).then(() => null));
    // Beside each other: npm waits for its registry, the host's set-up for others, and neither needs the other.
    const hostReady = host();
    const packages = await stage('npm packages', () => ensurePackages({ root, log }).then(() => null));
    if (packages) await runStages({ wanted, reports, hostReady: needsMachine && hostReady });
    else await hostReady;
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  const sum = addCounts(results.map((it) => it.counts));
  for (const { name, counts, took } of results)
    log(`${name.padEnd(14)} ${took.padStart(7)} s  ${summaryLine(counts)}`);
  if (failures.length > 0) log(`failed: ${failures.join(', ')}`);
  log(`all: ${seconds(began)} s`);
  process.stdout.write(`${summaryLine(sum)}\n`);
  process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
}

/**
 * Two strands at once, as the machine's and the image's set-up wait for network and disk while the checks of the
 * code take the processor. The root and browser tests need both strands, and share the kernel: one after another.
 */
async function runStages({ wanted, reports, hostReady }) {
  const { ensureImage } = await import('./image.mjs');
  const { ensureGenerated } = await import('./generate.mjs');
  const { buildPages, buildPrograms } = await import('./build.mjs');

  const machine = async () => {
    if (!(await hostReady)) return false;
    return stage('image', async () => {
      const { ref } = await ensureImage({
        log: (text) => log(`image: ${text}`),
        docker: dockerClient(),
        needMmdebstrap: () => ensureMmdebstrap(log),
      });
      process.env.SANDBOX_IMAGE = ref;
    });
  };
  const code = async () => {
    await stage('generate', () => ensureGenerated({ root, log }).then(() => null));
    if (wanted('lint')) await stage('lint', () => mustPass('@biomejs/biome/bin/biome', ['check', '.']));
    // `next build` writes types that the check needs, so that comes after it; the unit tests need neither.
    const buildAndCheck = async () => {
      let built = true;
      if (wanted('e2e') || wanted('build')) {
        built = await stage('build', async () => {
          await buildPrograms({ root, log });
          await buildPages({ root, log });
        });
      }
      if (!wanted('types')) return built;
      await stage('types', () => mustPass('typescript-native/bin/tsc', ['--noEmit', '-p', '.']));
      await stage('types (shared)', () =>
        mustPass('typescript-native/bin/tsc', ['--noEmit', '-p', 'shared']),
      );
      return built;
    };
    const [built] = await Promise.all([
      buildAndCheck(),
      wanted('unit') && stage('unit', () => vitest('unit', reports)),
    ]);
    return built;
  };

  const [machineReady, built] = await Promise.all([machine(), code()]);
  for (const project of VITEST_PROJECTS.slice(1)) {
    if (!wanted(project)) continue;
    if (!machineReady || (project === 'e2e' && !built)) {
      await stage(project, () =>
        Promise.reject(new Error('not run: what it needs could not be set up, see above')),
      );
    } else await stage(project, () => vitest(project, reports));
  }
}

main().catch((error) => {
  process.stderr.write(`${error instanceof HostError ? error.message : error.stack}\n`);
  process.stdout.write('0 passed, 1 failed, 0 skipped\n');
  process.exitCode = 1;
});
