import type { ObservedSandbox, SandboxUsage } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { containerName, homeVolumeName, LABEL_GENERATION, TUN_NAME } from '../../shared/names';
import type { NetworkPolicy } from '../../shared/network-policy';
import type { ContainerState } from '../apply/docker';
import { Namespace } from '../apply/netns';
import { links } from '../apply/proc';
import type { Gate } from '../plan/sandbox-rules';
import type { EnsureParts } from './ensure';
import { publicHostKey } from './host-keys';
import { isReleased } from './records';

/** What really is, asked afresh from Docker and the kernel. */
export async function observe(parts: EnsureParts, id: string): Promise<ObservedSandbox> {
  const { docker, instance, network, records } = parts;
  const [container, volume, hostKey, record] = await Promise.all([
    docker.inspect(containerName(instance, id)),
    docker.volume(homeVolumeName(instance, id)),
    publicHostKey(records, id),
    records.read(id),
  ]);
  const power = powerOf(container);
  const alive = container !== null && (power === 'running' || power === 'paused');
  const released = alive && isReleased(record, container);
  const way = alive ? network.way(id) : null;
  const policy = record.spec?.network.policy;
  const [gate, proof] = await Promise.all([
    alive ? gateOf(parts, container.pid, policy) : null,
    alive ? network.proofs.newest(id, container.startedAt) : null,
  ]);
  return {
    id,
    power,
    generation: container === null ? null : generationOf(container),
    image: container?.imageRef ?? null,
    startedAt: container?.startedAt ?? null,
    exitCode: container?.exitCode ?? null,
    oomKilled: container?.oomKilled ?? false,
    homeExists: volume !== null,
    network: {
      // An agent that is new has not taken the way over yet: then any of ours is right.
      rules: gate !== null && (way?.tunnel.state === 'absent' || gate === way?.gate),
      tunnel: way?.tunnel.state ?? 'absent',
      reason: way?.tunnel.reason ?? null,
      restarts: way?.tunnel.restarts ?? 0,
      gate: gate === 'open' ? 'open' : 'closed',
      egressId: record.spec?.network.egressId ?? null,
      proof,
    },
    released,
    hostKey,
    diskLimited: container?.diskLimited ?? false,
  };
}

function powerOf(container: ContainerState | null): ObservedSandbox['power'] {
  if (container === null || container.status === 'removing' || container.status === 'dead') return 'absent';
  if (container.status === 'running' || container.status === 'paused') return container.status;
  return 'stopped';
}

function generationOf(container: ContainerState): number | null {
  const generation = Number(container.labels[LABEL_GENERATION]);
  return Number.isInteger(generation) ? generation : null;
}

async function gateOf(parts: EnsureParts, pid: number, policy?: NetworkPolicy): Promise<Gate | null> {
  const namespace = await Namespace.ofProcess(pid).catch(() => null);
  if (namespace === null) return null;
  try {
    return await parts.network.gates.of(namespace, policy);
  } finally {
    await namespace.close();
  }
}

/** Throws `sandbox_not_running`. */
export async function usage(parts: EnsureParts, id: string): Promise<SandboxUsage> {
  const { docker, instance } = parts;
  const name = containerName(instance, id);
  const container = await docker.inspect(name);
  if (container?.status !== 'running' && container?.status !== 'paused') {
    throw new AppError('sandbox_not_running');
  }
  const [stats, counters] = await Promise.all([docker.stats(name), links(container.pid)]);
  const tun = counters.find((it) => it.name === TUN_NAME);
  return {
    id,
    cpuMs: Math.round(stats.cpu_stats.cpu_usage.total_usage / 1e6),
    memoryBytes: Math.max(0, (stats.memory_stats.usage ?? 0) - pageCache(stats.memory_stats.stats)),
    pids: stats.pids_stats?.current ?? 0,
    rxBytes: tun?.rxBytes ?? 0,
    txBytes: tun?.txBytes ?? 0,
  };
}

/** File pages that the kernel takes back at will; Docker's own `stats` leaves them out too (cgroup v1, then v2). */
function pageCache(stats: object | undefined): number {
  if (stats === undefined) return 0;
  const known = stats as { total_inactive_file?: number; inactive_file?: number };
  return known.total_inactive_file ?? known.inactive_file ?? 0;
}
