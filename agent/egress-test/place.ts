import { randomInt } from 'node:crypto';
import type Docker from 'dockerode';
import type { NetworkSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { containerName, LABEL_INSTANCE } from '../../shared/names';
import { openPolicy } from '../../shared/network-policy';
import type { DockerClient } from '../apply/docker';
import { Namespace } from '../apply/netns';
import { LABEL_ROLE } from '../proof/probe-container';
import { newestImage } from '../sandboxes/health';
import type { Network } from '../sandboxes/network';
import type { Records } from '../sandboxes/records';
import type { WayOut } from '../sandboxes/way-out';

export const PLACE_ROLE = 'egress-test';
/** Begins the id of every throw-away place, so that a sweep knows its record; a sandbox's id is random in all letters. */
const ID_PREFIX = 'egresstest';
const ID_RANDOM = 6;
const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
/** It only sleeps. */
const MEMORY_BYTES = 32 * 1024 * 1024;
const PIDS = 8;

export interface PlaceParts {
  instance: string;
  docker: DockerClient;
  network: Network;
  records: Records;
}
/** A namespace of its own with a way out, for as long as the work in it takes. */
export interface Place {
  id: string;
  containerName: string;
  image: string;
  way: WayOut;
  /** Brings the way out up and lets everything in the place use it. Throws when it does not come up. */
  open(signal: AbortSignal): Promise<void>;
}
export type TriedNetwork = Pick<NetworkSpec, 'egress' | 'dns'> & Partial<NetworkSpec>;

/**
 * Makes a container without a network and the same rules, tunnel and host chain that a sandbox gets, runs the work and
 * takes all of it away again, whatever happened. Nothing of a user's is in it.
 */
export async function inPlace<T>(
  parts: PlaceParts,
  tried: { network: NetworkSpec; signal: AbortSignal },
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const { instance, docker, network } = parts;
  const { signal } = tried;
  signal.throwIfAborted();
  const image = await newestImage(docker);
  if (image === null) throw new AppError('image_missing');
  const id = newId();
  const name = containerName(instance, id);
  const way = network.way(id);
  // It is neither proven by itself nor fenced: whoever tries it looks at it on purpose.
  const spec: NetworkSpec = { ...tried.network, policy: openPolicy, proof: 'off' };
  let namespace: Namespace | undefined;
  try {
    await docker.create(containerOptions(parts, { name, image: image.ref }));
    await docker.start(name);
    const container = await docker.inspect(name);
    if (container?.status !== 'running') {
      throw new AppError('agent_failed', 'The container for the test ended right after its start.');
    }
    const own = await Namespace.ofProcess(container.pid);
    namespace = own;
    return await work({
      id,
      containerName: name,
      image: image.ref,
      way,
      async open() {
        await way.prepare(spec);
        await way.shut(own);
        await way.up(own, { network: spec, image: image.ref }, signal);
        await way.open('test');
      },
    });
  } finally {
    await namespace?.close();
    await takeAway(parts, id);
  }
}

async function takeAway({ instance, docker, network, records }: PlaceParts, id: string): Promise<void> {
  // The container first: with it goes the tun, and whatever sing-box still holds.
  await docker.remove(containerName(instance, id));
  await network.forget(id);
  await records.remove(id);
}

/** What an agent that was killed left. Its chain in the host table is gone with the next load of that table. */
export async function sweepPlaces(parts: PlaceParts): Promise<number> {
  const { docker, instance, records } = parts;
  const filters = { label: [`${LABEL_INSTANCE}=${instance}`, `${LABEL_ROLE}=${PLACE_ROLE}`] };
  const left = await docker.engine.listContainers({ all: true, filters });
  await Promise.all(left.map((it) => docker.engine.getContainer(it.Id).remove({ force: true, v: true })));
  const ids = (await records.ids()).filter((it) => it.startsWith(ID_PREFIX));
  for (const id of ids) {
    // By way of its record its sing-box is found and ended.
    await parts.network.way(id).retire();
    await takeAway(parts, id);
  }
  return Math.max(left.length, ids.length);
}

function newId(): string {
  return (
    ID_PREFIX + Array.from({ length: ID_RANDOM }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]).join('')
  );
}

function containerOptions(
  { instance }: PlaceParts,
  { name, image }: { name: string; image: string },
): Docker.ContainerCreateOptions {
  return {
    name,
    Image: image,
    Labels: { [LABEL_INSTANCE]: instance, [LABEL_ROLE]: PLACE_ROLE },
    Entrypoint: ['/usr/bin/sleep', 'infinity'],
    Cmd: [],
    User: '65534',
    WorkingDir: '/',
    HostConfig: {
      NetworkMode: 'none',
      Sysctls: { 'net.ipv6.conf.all.disable_ipv6': '1', 'net.ipv6.conf.default.disable_ipv6': '1' },
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      IpcMode: 'none',
      Memory: MEMORY_BYTES,
      MemorySwap: MEMORY_BYTES,
      PidsLimit: PIDS,
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no' },
    },
  };
}
