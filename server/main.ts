/** The gateway: one unprivileged process that serves pages, APIs and terminals. Config, build, wait, close. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { AppError } from '../shared/errors';
import { startGateway } from './compose';
import { ConfigError, loadConfig } from './config';
import { MigrationError } from './db/migrate';
import { projectRoot } from './db/project-root';
import { loadInstance } from './first-start';

/** What is not closed by then is a defect; the supervisor must not wait for it. */
const STOP_LIMIT_MS = 15_000;

function fail(message: string, code: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

async function main(): Promise<void> {
  const config = (() => {
    try {
      return loadConfig();
    } catch (error) {
      if (error instanceof ConfigError) fail(error.message, 2);
      throw error;
    }
  })();
  const dir = projectRoot();
  const { version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { version: string };
  const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const stop = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  let stopping = false;
  // A state we did not think of: the supervisor starts us anew, and every part is safe to start after a kill.
  process.on('uncaughtException', (error) => {
    // Next's compiler may reject, where nobody listens, what it had under way when it was closed.
    if (stopping && config.dev) return log.debug({ err: error }, 'an error while stopping');
    log.fatal({ err: error }, 'an error nobody caught');
    process.exit(1);
  });

  const { startAgent } =
    config.agentMode === 'embedded' ? await import('../agent/start') : { startAgent: null };
  const agent = await startAgent?.({
    instance: loadInstance(config.dataDir),
    dataDir: join(config.dataDir, 'agent'),
    socket: config.agentSocket,
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    log: log.child({ part: 'agent' }),
  });
  const gateway = await startGateway({
    config,
    log,
    version,
    pages: async (at) => {
      const { createPages } = await import('./http/pages');
      return await createPages({ dir, dev: config.dev, ...at });
    },
  });
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: gateway.url, firstAdmin: gateway.firstAdmin })}\n`,
  );
  await gateway.announced();

  log.info({ signal: await stop }, 'stopping; sandboxes keep running');
  stopping = true;
  setTimeout(() => fail('something did not close in time', 1), STOP_LIMIT_MS).unref();
  for (const error of await gateway.close()) log.error({ err: error }, 'not everything closed well');
  await agent?.close();
  process.exit(0);
}

main().catch((error: unknown) => {
  if (error instanceof MigrationError) fail(error.message, 1);
  if (error instanceof AppError) fail(`${error.message} ${error.entry.next}`, 1);
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
    fail('The address is in use by another program. Stop it, or choose another PORT.', 1);
  fail(error instanceof Error ? (error.stack ?? error.message) : 'the gateway could not start', 1);
});
