/** The whole product as its user starts it, on a data folder and a port of its own; taken away without a trace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTraces } from './traces';
import { until } from './until';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const artifacts = join(root, 'e2e/artifacts');

/** With everything built a start takes seconds; the first one on a machine also builds image and pages. */
const START_MS = 900_000;
const STOP_MS = 30_000;

/** What a test needs to know; plain data, so that it can be handed to another process. */
export interface ProductFacts {
  url: string;
  username: string;
  password: string;
  dataDir: string;
  instance: string;
  launcherPid: number;
  logFile: string;
  apiUrl: string;
}

export interface ProductOptions {
  name: string;
  apiUrl: string;
  apiKey: string;
  /** Settings beyond the fixture's own. */
  env?: Record<string, string>;
}

export async function startProduct(
  options: ProductOptions,
): Promise<ProductFacts & { close(): Promise<void> }> {
  mkdirSync(artifacts, { recursive: true });
  const dataDir = mkdtempSync(join(tmpdir(), 'cloud-claude-e2e-'));
  const port = await freePort();
  const logFile = join(artifacts, `${options.name}.log`);
  const log = openSync(logFile, 'w');
  const username = 'admin';
  const password = 'correct horse battery';
  // `E2E_START_ARGS=--dev npm run test:e2e` runs the specs against sources instead of a build.
  const args = process.env.E2E_START_ARGS?.split(' ') ?? [];
  const launcher = spawn(process.execPath, [join(root, 'setup/start.mjs'), ...args], {
    cwd: root,
    // Not ours: the test runner's own NODE_ENV, options and npm settings.
    env: {
      ...pick(['PATH', 'HOME', 'LANG', 'USER', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']),
      NODE_ENV: 'production',
      PORT: String(port),
      DATA_DIR: dataDir,
      ADMIN_USERNAME: username,
      ADMIN_PASSWORD: password,
      ANTHROPIC_BASE_URL: options.apiUrl,
      ANTHROPIC_API_KEY: options.apiKey,
      ...options.env,
    },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const url = `http://127.0.0.1:${port}`;
  const instanceFile = join(dataDir, 'instance');
  const close = async (): Promise<void> => {
    await stop(launcher);
    if (existsSync(instanceFile)) await removeTraces(readFileSync(instanceFile, 'utf8').trim());
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await until('the product is up', START_MS, () => {
      if (launcher.exitCode !== null)
        throw new Error(`it ended with code ${launcher.exitCode}:\n${tail(logFile)}`);
      return readFileSync(logFile, 'utf8').includes(`Open      ${url}`);
    });
  } catch (cause) {
    await close();
    throw new Error(`npm start did not come up:\n${tail(logFile)}`, { cause });
  }
  const instance = readFileSync(instanceFile, 'utf8').trim();
  const launcherPid = launcher.pid ?? 0;
  return { url, username, password, dataDir, instance, launcherPid, logFile, apiUrl: options.apiUrl, close };
}

export function tail(file: string, lines = 40): string {
  return readFileSync(file, 'utf8').split('\n').slice(-lines).join('\n');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function pick(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/**
 * A port that is free, below those that systems give out by themselves: a gateway that a test kills finds it free again.
 * Throws `EADDRINUSE` when none of a few is.
 */
async function freePort(tries = 10): Promise<number> {
  const port = randomInt(20_000, 30_000);
  const probe = createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
    return port;
  } catch (error) {
    if (tries > 1) return await freePort(tries - 1);
    throw error;
  } finally {
    probe.close();
  }
}
