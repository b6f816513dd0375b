// `npm start`: sets everything up, then runs agent and gateway and watches over them until Ctrl-C.
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gatewayAccount } from './account.mjs';
import {
  agentSocket,
  clearLauncher,
  layDataDir,
  openDataDir,
  runningLauncher,
  writeLauncher,
} from './data-dir.mjs';
import { dockerClient } from './docker.mjs';
import { ensureHost, ensureMmdebstrap, HostError, programPath, widenPath } from './host.mjs';
import { ensurePackages } from './install.mjs';
import { commandAsRoot, elevation, isRoot } from './privilege.mjs';
import { run } from './run.mjs';
import { banner, startOptions } from './start-options.mjs';
import { EXIT_CONFIG, Supervised } from './supervise.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MINIMUM = [20, 19];
/** Exit codes: 1 failed, 2 wrong configuration, 3 the machine lacks something or rights are missing, 4 runs already. */
const EXIT_HOST = 3;
const EXIT_RUNNING = 4;

const began = Date.now();
const log = (text) =>
  process.stderr.write(`[${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s] ${text}\n`);

/** An end with a message for a person and an exit code. */
class StartError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

async function main() {
  widenPath();
  checkNode();
  const options = startOptions({ env: process.env, argv: process.argv.slice(2), cwd: root });
  const instance = dataDirOf(options);
  await refuseSecond(options);
  // Before minutes are spent on packages.
  const elevate = await elevation();
  const socket = options.agentSocket ?? agentSocket(options.dataDir, instance);
  const needsRoot =
    options.agentMode === 'embedded' ? !isRoot() : elevate === null && !(await agentAnswers(socket));
  if (needsRoot) throw new HostError(NEEDS_ROOT, [startAsRoot(process.argv.slice(2))], { instead: true });
  await ensurePackages({ root, log });
  await ensureHost({ log, elevate });
  const image = await setUp({ options, elevate });
  const account = await gatewayAccount({ root, dataDir: options.dataDir, dev: options.dev, log });
  if (account.warning) log(`WARNING: ${account.warning}`);
  layDataDir(options.dataDir, account);
  await serve({ options, instance, account, elevate, image });
}

function dataDirOf({ dataDir }) {
  try {
    return openDataDir(dataDir);
  } catch (error) {
    if (!error.syscall) throw error;
    throw new StartError(
      `The data folder ${dataDir} cannot be used: ${error.message}. Set DATA_DIR to a folder of yours.`,
      EXIT_HOST,
    );
  }
}

const NEEDS_ROOT =
  'Sandboxes need root on this machine: for Docker Engine, network namespaces and firewall rules. The web server ' +
  'itself gives these rights up. This user has no way to them (no sudo, or not without a password that cannot be asked for here).';

function startAsRoot(args) {
  const program = [process.execPath, join(root, 'setup/start.mjs'), ...args];
  return commandAsRoot(program, { env: process.env, hasSudo: programPath('sudo') !== null });
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1])) return;
  throw new StartError(
    `Node ${process.versions.node} is too old: ${NODE_MINIMUM.join('.')} or newer is needed.`,
    EXIT_HOST,
  );
}

/** Says what runs already on this data folder or port, before minutes are spent on a set-up. */
async function refuseSecond({ dataDir, host, port }) {
  const other = runningLauncher(dataDir);
  if (other)
    throw new StartError(
      `Cloud Claude already runs on ${dataDir}${other.url ? `: ${other.url}` : ''} (process ${other.pid}).`,
      EXIT_RUNNING,
    );
  if (port === null) return;
  const error = await new Promise((resolve) => {
    const probe = createServer()
      .once('error', resolve)
      .listen(port, host, () => probe.close(() => resolve(null)));
  });
  if (error?.code === 'EADDRINUSE') {
    throw new StartError(
      `Port ${port} on ${host} is already in use. Stop what listens there, or choose another: PORT=${port + 1} npm start`,
      EXIT_RUNNING,
    );
  }
}

/** Builds what is missing; the image (network, disk) and the pages (processor) at the same time. */
async function setUp({ options, elevate }) {
  const [{ ensureImage }, { ensureBuilt }, { ensureGenerated }] = await Promise.all([
    import('./image.mjs'),
    import('./build.mjs'),
    import('./generate.mjs'),
  ]);
  const direct = dockerClient();
  const docker = await direct(['version']).then(
    () => direct,
    () => dockerClient(elevate ?? []),
  );
  const [image] = await Promise.all([
    ensureImage({
      log: (text) => log(`image: ${text}`),
      docker,
      needMmdebstrap: () => ensureMmdebstrap(log, elevate),
    }),
    options.dev ? ensureGenerated({ root, log }) : ensureBuilt({ root, log, headless: options.headless }),
  ]);
  return image;
}

function agentAnswers(socket) {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
}

/**
 * V8 is made for speed with much memory; the gateway waits most of its life. Measured, idle: a young generation of 2 MB
 * instead of 16 saves 20 MB, Prisma's WebAssembly without its optimized second copy 10 MB at the same time per query.
 * Source maps would cost 30 MB for nothing but nicer stacks: NODE_OPTIONS=--enable-source-maps brings them back.
 */
const SMALL = ['--max-semi-space-size=2', '--liftoff-only'];

/** node and the program's file: the bundle, or with --dev the source by tsx. */
const program = (name, dev) =>
  dev
    ? [process.execPath, '--import', 'tsx', join(root, name, 'main.ts')]
    : [process.execPath, ...SMALL, join(root, `dist/${name}.mjs`)];

async function serve({ options, instance, account, elevate, image }) {
  const embedded = options.agentMode === 'embedded';
  const socket = options.agentSocket ?? agentSocket(options.dataDir, instance);
  const env = {
    ...process.env,
    NODE_ENV: options.dev ? 'development' : 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    DATA_DIR: options.dataDir,
    HOST_AGENT_SOCKET: socket,
    SANDBOX_IMAGE: image.ref,
  };
  const running = [];
  const ended = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve({ signal }));
    process.on('cloud-claude-fatal', (code) => resolve({ code }));
  });
  const common = { cwd: root, log, onFatal: (code) => process.emit('cloud-claude-fatal', code) };
  // Should this launcher be killed, its programs end too instead of holding port and socket.
  const bound = ['setpriv', '--pdeathsig', 'TERM'];
  try {
    writeLauncher(options.dataDir, { host: options.host, port: options.port });
    if (!embedded) {
      const agent = makeAgent({ options, instance, account, elevate, socket, common, env, bound });
      if (agent) {
        log('starting the agent');
        running.push(agent);
        await Promise.race([agent.start(), ended]);
      } else log(`using the agent that answers on ${socket}`);
    }
    log(`starting the gateway (as ${embedded ? 'root' : account.name})`);
    const drop =
      isRoot() && !embedded
        ? ['--reuid', `${account.uid}`, '--regid', `${account.gid}`, '--clear-groups']
        : [];
    const gateway = new Supervised('gateway', {
      ...common,
      command: [...bound.slice(0, 1), ...drop, ...bound.slice(1), '--', ...program('server', options.dev)],
      env,
    });
    running.push(gateway);
    const facts = await Promise.race([gateway.start(), ended.then(() => null)]);
    if (facts) {
      const url = facts.url ?? `http://${options.host}:${options.port ?? ''}`;
      writeLauncher(options.dataDir, { host: options.host, port: options.port, url });
      process.stdout.write(`${banner({ url, firstAdmin: facts.firstAdmin, dataDir: options.dataDir })}\n`);
    }
    const end = await ended;
    if (end.signal) log('stopping');
    process.exitCode = end.code ?? 0;
  } finally {
    // The gateway first, so that nobody asks an agent that is gone.
    for (const it of running.reverse()) await it.stop();
    clearLauncher(options.dataDir);
  }
  if (!process.exitCode) log('stopped; sandboxes keep running');
}

function makeAgent({ options, instance, account, elevate, socket, common, env, bound }) {
  if (elevate === null) return null;
  const owner = `${account.uid}:${account.gid}`;
  const args = [
    '--instance',
    instance,
    '--data',
    join(options.dataDir, 'agent'),
    '--socket',
    socket,
    '--owner',
    owner,
  ];
  const command = [...program('agent', options.dev), ...args];
  const keep = `--preserve-env=${['PATH', 'NODE_ENV', 'SANDBOX_IMAGE'].join(',')}`;
  return new Supervised('agent', {
    ...common,
    env: agentEnvironment(env),
    command: isRoot() ? [...bound, '--', ...command] : [elevate[0], ...elevate.slice(1), keep, ...command],
    // sudo's password memory belongs to the terminal: it must stay in this session.
    detached: isRoot(),
    ...(isRoot()
      ? {}
      : { kill: (pid, signal) => void run('sudo', ['-n', 'kill', `-${signal.slice(3)}`, `${pid}`]) }),
  });
}

/** The agent needs no key and no password: what is secret in our environment stays out of root's process. */
function agentEnvironment(env) {
  const keep = ['PATH', 'HOME', 'LANG', 'TZ', 'NODE_ENV', 'SANDBOX_IMAGE', 'DOCKER_HOST', 'LOG_LEVEL'];
  return Object.fromEntries(keep.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]));
}

main().catch((error) => {
  // The gateway has said itself what is wrong with its configuration.
  if (error.code !== EXIT_CONFIG) process.stderr.write(`\n${error.message}\n`);
  if (error instanceof HostError && error.commands.length > 0) {
    const when = error.instead ? 'Run this instead' : 'Run this, then npm start again';
    process.stderr.write(`\n${when}:\n\n${error.commands.map((line) => `  ${line}`).join('\n')}\n\n`);
  }
  process.exitCode =
    error instanceof HostError
      ? EXIT_HOST
      : error.code === EXIT_CONFIG || error instanceof StartError
        ? error.code
        : 1;
});
