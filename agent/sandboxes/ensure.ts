import { basename, dirname } from 'node:path';
import type { Logger } from 'pino';
import type { AgentCheck, AgentStep, EnsureStep, FirstSession, SandboxSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import {
  containerName,
  homeVolumeName,
  LABEL_GENERATION,
  SANDBOX_FIRST_SESSION_FILE,
  SANDBOX_NOLOGIN_FILE,
  SANDBOX_RELEASE_FILE,
  SANDBOX_WAKE_PIPE,
} from '../../shared/names';
import type { DiskQuota } from '../apply/disk-quota';
import type { ContainerState, DockerClient } from '../apply/docker';
import { type InnerFile, removeInside, wakeInside, writeInside } from '../apply/inside';
import { Namespace } from '../apply/netns';
import { openFilesMax } from '../apply/proc';
import { containerOptions, resources, STOP_GRACE_SECONDS, volumeOptions } from '../plan/container';
import { firstSession } from '../plan/first-session';
import { hostKey, keyFiles } from './host-keys';
import type { Network } from './network';
import { type NetworkAhead, networkAhead } from './network-ahead';
import { isReleased, type Records } from './records';
import type { SshStreams } from './ssh';

export interface EnsureParts {
  instance: string;
  docker: DockerClient;
  network: Network;
  records: Records;
  ssh: SshStreams;
  log: Logger;
  diskQuota(): Promise<DiskQuota>;
}

export type Report = (step: AgentStep['step'], state: AgentStep['state'], message?: string) => void;

/**
 * Brings one sandbox from whatever state it is in to the wanted one. Each step looks before it acts, so it may be
 * cut off anywhere (signal, kill) and called again. A packet can leave only after rules, tunnel, verification and, where
 * the mode asks for it, proof (see way-out.ts); before that user code is not released.
 */
export async function ensure(
  parts: EnsureParts,
  spec: SandboxSpec,
  work: {
    report: Report;
    onCheck?: (check: AgentCheck) => void;
    signal: AbortSignal;
    firstSession?: FirstSession | undefined;
  },
): Promise<void> {
  const { report, onCheck, signal } = work;
  checkTimezone(spec.timezone);
  const { docker, network, records, instance } = parts;
  const name = containerName(instance, spec.id);
  const step = async <T>(which: EnsureStep, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    report(which, 'started');
    try {
      const value = await work();
      report(which, 'done');
      return value;
    } catch (error) {
      report(which, 'failed', error instanceof Error ? error.message : undefined);
      throw error;
    }
  };
  await records.change(spec.id, { spec });
  const way = network.way(spec.id);

  if (spec.power === 'stopped') {
    const existing = await docker.inspect(name);
    if (existing === null || isStale(existing, spec)) {
      await step('image.check', () => checkImage(docker, spec.image));
      await step('container.create', () => create(parts, spec, existing));
    }
    await step('container.stop', async () => {
      await docker.stop(name, STOP_GRACE_SECONDS);
      await way.retire();
    });
    return;
  }

  // The host's own side and the names of its way out need no container.
  const prepared = way.prepare(spec.network);
  prepared.catch(() => {});
  await step('image.check', () => checkImage(docker, spec.image));
  let container = await step('container.create', async () => {
    const existing = await docker.inspect(name);
    if (existing !== null && !isStale(existing, spec)) {
      await updateLimits(docker, existing, spec);
      return existing;
    }
    return create(parts, spec, existing);
  });
  const wasPaused = container.status === 'paused';
  let ahead: NetworkAhead | undefined;
  // Beside the network's steps: sshd is root's and starts nothing of the user's before the release (nologin(5)). A
  // paused container takes no exec.
  const giveUp = new AbortController();
  let sshReady: Promise<void> | undefined;
  let keys: Promise<void> = Promise.resolve();
  const beginSsh = (started: ContainerState) => {
    const either = AbortSignal.any([signal, giveUp.signal]);
    sshReady = parts.ssh.ready(started, { fresh: ahead !== undefined, keys, signal: either });
    sshReady.catch(() => {});
  };
  container = await step('container.start', async () => {
    let started = container;
    if (container.status !== 'running' && !wasPaused) {
      // The old start's tunnel, if any, belongs to a namespace that is gone.
      await way.down();
      ahead = networkAhead(container.id, { way, spec, prepared, signal });
      await docker.start(name);
      started = await inspectRunning(docker, name);
    }
    keys = putKeys(parts, spec, started);
    keys.catch(() => {});
    // Said to be done when a log-in is waited for: the gateway comes at once. With a first session nobody waits for it
    // until Claude is up, and it would only be in the way of the release.
    if (!wasPaused && !work.firstSession) beginSsh(started);
    return started;
  }).catch(async (error) => {
    await ahead?.giveUp();
    throw error;
  });

  const namespace = await Namespace.ofProcess(container.pid).catch(async (error) => {
    await ahead?.giveUp();
    throw error;
  });
  try {
    const begun = await ahead?.of(namespace);
    const released = isReleased(await records.read(spec.id), container);
    const resumes = wasPaused && spec.power === 'running';
    const cause = !released ? 'start' : resumes ? 'resume' : 'switch';
    // What runs and is right stays as it is, open; anything else goes by closed rules.
    await step('network.rules', async () => {
      if (begun) await begun.rules;
      else if (!released || resumes) await way.shut(namespace);
    });
    const held = await step('network.tunnel', async () => {
      await prepared;
      if (!begun) return way.up(namespace, spec, signal);
      await begun.tunnel;
      return false;
    });
    await step('network.verify', async () => {
      // Docker has finished its own work on the namespace since all was looked at.
      if (begun) await way.check(namespace, 'links');
      else if (held) await way.check(namespace);
    });
    if (wasPaused && !resumes) {
      await step('container.pause', async () => {});
      return;
    }
    await step('network.proof', () => way.admit({ cause, signal, onCheck }));
    await step('container.release', async () => {
      // Before anything of the user's could be in their way.
      await keys;
      if (wasPaused) await docker.unpause(name);
      await begun?.gate;
      await way.open(cause);
      if (!released) await release(parts, spec.id, { container, namespace, first: work.firstSession });
      // Before this step is said to be done.
      if (sshReady === undefined) beginSsh(container);
    });
    await step('ssh.ready', async () => sshReady);
  } catch (error) {
    giveUp.abort();
    throw error;
  } finally {
    await keys.catch(() => {});
    await ahead?.close();
    await namespace.close();
  }
  if (spec.power === 'paused') await step('container.pause', () => docker.pause(name));
}

/** The image is one of ours by name (the table checks that) and is on this machine. */
async function checkImage(docker: DockerClient, ref: string): Promise<void> {
  if ((await docker.imageInfo(ref)) === null) {
    throw new AppError('image_missing', `The sandbox image ${ref} is not on this machine.`);
  }
}

/** Made for another generation, or in a state that no container comes back from. */
function isStale(container: ContainerState, spec: SandboxSpec): boolean {
  return (
    container.labels[LABEL_GENERATION] !== String(spec.generation) ||
    container.status === 'dead' ||
    container.status === 'removing'
  );
}

async function create(
  parts: EnsureParts,
  spec: SandboxSpec,
  stale: ContainerState | null,
): Promise<ContainerState> {
  const { docker, network, instance } = parts;
  const name = containerName(instance, spec.id);
  if (stale) {
    // Stopped first, so that Claude can write its transcript to the home volume, which stays.
    if (stale.status === 'running' || stale.status === 'paused') await docker.stop(name, STOP_GRACE_SECONDS);
    await network.way(spec.id).down();
    await docker.remove(name);
  }
  if ((await docker.volume(homeVolumeName(instance, spec.id))) === null) {
    await docker.createVolume(volumeOptions(instance, spec.id));
  }
  const quota = await parts.diskQuota();
  const diskUsed =
    quota === null ? null : quota === 'written' ? 0 : ((await docker.imageInfo(spec.image))?.Size ?? 0);
  const facts = { instance, spec, openFilesMax: await openFilesMax() };
  try {
    await docker.create(containerOptions({ ...facts, diskUsed }));
  } catch (error) {
    const quotaRefused = quota !== null && error instanceof Error && /storage-opt|quota/i.test(error.message);
    if (!quotaRefused) throw error;
    parts.log.warn({ sandbox: spec.id, err: error }, 'disk limit refused by Docker; made without it');
    await docker.create(containerOptions({ ...facts, diskUsed: null }));
  }
  await hostKey(parts.records, spec.id);
  const made = await docker.inspect(name);
  if (made === null) throw new AppError('agent_failed', 'The container vanished right after it was made.');
  return made;
}

/** Once in each start, before the first sshd (root inside may have changed them), and whenever they differ. */
async function putKeys(parts: EnsureParts, spec: SandboxSpec, container: ContainerState): Promise<void> {
  const { folder, files, hash } = keyFiles(await hostKey(parts.records, spec.id), spec.gatewayKey);
  const record = await parts.records.read(spec.id);
  const { keys } = record;
  if (isReleased(record, container) && keys?.containerId === container.id && keys.hash === hash) return;
  await inside(container, (namespace) => writeInside(namespace, folder, files));
  await parts.records.change(spec.id, { keys: { containerId: container.id, hash } });
}

async function inside(
  container: ContainerState,
  work: (namespace: Namespace) => Promise<void>,
): Promise<void> {
  const namespace = await Namespace.ofProcess(container.pid);
  try {
    await work(namespace);
  } finally {
    await namespace.close();
  }
}

async function updateLimits(
  docker: DockerClient,
  container: ContainerState,
  spec: SandboxSpec,
): Promise<void> {
  const wanted = resources(spec.limits);
  const now = container.resources;
  const same =
    now.Memory === wanted.Memory &&
    now.MemorySwap === wanted.MemorySwap &&
    now.NanoCpus === wanted.NanoCpus &&
    now.PidsLimit === wanted.PidsLimit;
  if (!same) await docker.update(container.name, wanted);
}

async function inspectRunning(docker: DockerClient, name: string): Promise<ContainerState> {
  const container = await docker.inspect(name);
  if (container?.status !== 'running') {
    throw new AppError(
      'agent_failed',
      `The container ended right after its start${container?.exitCode == null ? '' : ` with exit code ${container.exitCode}`}.`,
    );
  }
  return container;
}

/** Lets PID 1 go on to user code: once per start of a container. */
async function release(
  { records }: EnsureParts,
  id: string,
  to: { container: ContainerState; namespace: Namespace; first: FirstSession | undefined },
): Promise<void> {
  const { container, namespace, first } = to;
  const files: InnerFile[] = [{ name: basename(SANDBOX_RELEASE_FILE), mode: 0o644, data: '' }];
  // Before the release: PID 1 looks for it then and never again.
  if (first)
    files.unshift({ name: basename(SANDBOX_FIRST_SESSION_FILE), mode: 0o600, data: firstSession(first) });
  await writeInside(namespace, dirname(SANDBOX_RELEASE_FILE), files);
  await wakeInside(namespace, SANDBOX_WAKE_PIPE);
  // PID 1 does so as well, a little later; one that makes it only now looks for the release afterwards.
  await removeInside(namespace, dirname(SANDBOX_NOLOGIN_FILE), [basename(SANDBOX_NOLOGIN_FILE)]);
  await records.change(id, { released: { containerId: container.id, startedAt: container.startedAt ?? '' } });
}

function checkTimezone(timezone: string): void {
  try {
    // Intl takes any case, files under /usr/share/zoneinfo do not. An alias resolves to another name: that is fine.
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions();
    if (timeZone === timezone || timeZone.toLowerCase() !== timezone.toLowerCase()) return;
  } catch {
    // RangeError: unknown
  }
  throw new AppError(
    'invalid_input',
    `The time zone "${timezone}" is not known; use a name such as Europe/Berlin.`,
    {
      field: 'timezone',
    },
  );
}
