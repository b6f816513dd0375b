/** The privileged daemon's entry: arguments, readiness line, signals. What it does is in start.ts. */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { AppError } from '../shared/errors';
import { startAgent } from './start';

const USAGE = 'usage: agent --instance ID --data FOLDER --socket PATH --owner UID:GID';
/** Exit codes: 2 wrong arguments, 1 could not start or failed. */
const EXIT_USAGE = 2;

function readArguments() {
  const { values } = parseArgs({
    options: {
      instance: { type: 'string' },
      data: { type: 'string' },
      socket: { type: 'string' },
      owner: { type: 'string' },
      resolver: { type: 'string', multiple: true },
      // Milliseconds; tests do not wait for a minute.
      'names-every': { type: 'string' },
    },
  });
  const { instance, data, socket, owner, resolver } = values;
  const ids = /^(\d+):(\d+)$/.exec(owner ?? '');
  if (instance === undefined || data === undefined || socket === undefined || ids === null) {
    throw new Error('--instance, --data, --socket and --owner are all needed');
  }
  return {
    instance,
    dataDir: data,
    socket,
    owner: { uid: Number(ids[1]), gid: Number(ids[2]) },
    resolvers: resolver,
    namesEveryMs: values['names-every'] === undefined ? undefined : Number(values['names-every']),
  };
}

const log = pino(
  { name: 'agent', level: process.env.LOG_LEVEL ?? 'info' },
  pino.destination({ dest: 2, sync: true }),
);

async function main(): Promise<void> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  const agent = await startAgent({ ...options, log });
  process.stdout.write(`${JSON.stringify({ ready: true, instance: options.instance, pid: process.pid })}\n`);
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'closing; sandboxes and their tunnels run on');
    agent.close().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'closing failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

process.on('uncaughtException', (error) => {
  log.fatal({ err: error }, 'unexpected failure; the agent ends, a restart takes over what runs');
  process.exit(1);
});

main().catch((error) => {
  log.fatal({ err: error }, error instanceof AppError ? error.message : 'the agent could not start');
  process.exit(1);
});
