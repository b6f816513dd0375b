/** The agent's composition root: what is built, from what, and in which order it is closed. */
import { mkdir, readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { AppError } from '../shared/errors';
import { Scope } from '../shared/lifecycle';
import { instanceIdSchema } from '../shared/names';
import { createDiskQuotaProbe } from './apply/disk-quota';
import { createDockerClient } from './apply/docker';
import { createEgressTest } from './egress-test/egress-test';
import { resolversOf } from './plan/resolvers';
import { createProver } from './proof/prover';
import { createHealth } from './sandboxes/health';
import { createKeeper } from './sandboxes/keeper';
import { createNetwork } from './sandboxes/network';
import { createNotices } from './sandboxes/notices';
import { WorkQueue } from './sandboxes/queue';
import { createRecords } from './sandboxes/records';
import { createSandboxes } from './sandboxes/sandboxes';
import { createSshStreams } from './sandboxes/ssh';
import { createHandlers, type OpParts } from './socket/ops';
import { startAgentServer } from './socket/server';
import { createSshUpgrade } from './socket/ssh-upgrade';
import { createTraffic } from './traffic/traffic';
import { createWireguardKeys } from './wireguard/keys';

export interface StartAgentOptions {
  /** Eight hex digits: names everything of this installation on the host. */
  instance: string;
  /** The agent's own folder, made 0700: host keys, records, sing-box's files. */
  dataDir: string;
  /** Path of the Unix socket, made 0600. */
  socket: string;
  /** Owner of the socket: the gateway's user. */
  owner: { uid: number; gid: number };
  log: Logger;
  /** Closes the agent. Sandboxes and their tunnels run on. */
  signal?: AbortSignal;
  /** IPv4 resolvers instead of those in the host's /etc/resolv.conf. */
  resolvers?: readonly string[];
  /** In tests: how long after one proof the next is taken, in place of what the sandbox asks for. */
  proofEveryMs?: number;
  /** In tests: how long after one look the names of ways out are resolved again, in place of a minute. */
  namesEveryMs?: number | undefined;
  /** Docker's socket; default: the environment's DOCKER_HOST, else /var/run/docker.sock. */
  dockerSocket?: string;
}

/** Resolves when the agent answers on its socket. Throws AppError with what to do when it cannot start. */
export async function startAgent(options: StartAgentOptions): Promise<{ close(): Promise<void> }> {
  const { log, dataDir } = options;
  const instance = instanceIdSchema.parse(options.instance);
  if (process.getuid?.() !== 0) {
    throw new AppError(
      'forbidden',
      'The agent needs root: it makes network namespaces, tunnels and firewall rules.',
    );
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const resolvers =
    options.resolvers ?? resolversOf(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
  if (resolvers.length === 0) {
    log.warn('the host has no IPv4 name server in /etc/resolv.conf: names will not resolve in sandboxes');
  }

  const scope = new Scope();
  const docker = createDockerClient({ socketPath: options.dockerSocket });
  const records = createRecords(dataDir);
  const notices = createNotices(log);
  const queue = new WorkQueue();
  const prover = await createProver({ instance, docker, dataDir, log });
  const wireguard = createWireguardKeys(dataDir);
  const traffic = createTraffic({ records, log });
  const { proofEveryMs, namesEveryMs } = options;
  const network = createNetwork({
    ...{ instance, resolvers, records, notices, log, prover, wireguard, traffic, proofEveryMs, namesEveryMs },
  });
  const sshStreams = createSshStreams(docker);
  const parts = {
    instance,
    docker,
    network,
    records,
    ssh: sshStreams,
    log,
    diskQuota: createDiskQuotaProbe(docker),
  };
  const sandboxes = createSandboxes(parts, { queue, log });
  const keeper = createKeeper(parts, { queue, notices, log });
  const ownHealth = createHealth({ instance, docker, resolvers });
  const health: OpParts['health'] = async (input) => ({
    ...(await ownHealth(input)),
    proofKeys: [...prover.keys()],
  });
  const egressTest = createEgressTest({ instance, docker, network, records, prover, resolvers, log });
  const handlers = createHandlers({ sandboxes, notices, wireguard, egressTest, traffic, health });
  const ssh = createSshUpgrade({ open: (id, early) => sandboxes.ssh(id, early), log });

  try {
    // The socket first: it proves that no other agent works on this data folder before anything is swept.
    const place = { path: options.socket, owner: options.owner };
    scope.own('traffic', traffic);
    scope.own('SSH streams', sshStreams);
    scope.own('keeper', keeper);
    scope.add('work under way', queue, (it) => it.idle());
    scope.add('work of the keeper', keeper, async (it) => it.stop());
    scope.own('tests of ways out', egressTest);
    let sweepDone = () => {};
    const swept = new Promise<void>((resolve) => {
      sweepDone = resolve;
    });
    scope.own('socket', await startAgentServer({ place, handlers, ssh, swept, log }));
    await keeper.start();
    await egressTest.sweep();
    sweepDone();
  } catch (error) {
    await scope.close();
    throw error;
  }
  log.info({ instance, socket: options.socket, resolvers }, 'agent is ready');

  const close = async () => {
    options.signal?.removeEventListener('abort', onAbort);
    for (const error of await scope.closeAll()) log.error({ err: error }, 'closing the agent');
  };
  const onAbort = () => void close();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) await close();
  return { close };
}
