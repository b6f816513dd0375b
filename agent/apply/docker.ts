import type { Duplex, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { AppError } from '../../shared/errors';
import { Demultiplexer } from './frames';

export interface ContainerState {
  id: string;
  name: string;
  status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  pid: number;
  startedAt: string | null;
  exitCode: number | null;
  oomKilled: boolean;
  imageRef: string;
  labels: Readonly<Record<string, string>>;
  resources: { Memory: number; MemorySwap: number; NanoCpus: number; PidsLimit: number | null };
  diskLimited: boolean;
}

export interface ExecStream {
  /** Bytes of the process's stdout. */
  output: Readable;
  /** The raw connection: bytes written to it are the process's stdin, `end()` closes that. */
  input: Duplex;
}

/**
 * On cgroup v1 a container whose processes fork faster than the kernel freezes them makes runc give up and thaw it; a
 * moment later it works (seen under load). Milliseconds between tries.
 */
const FREEZE_PAUSES_MS = [50, 100, 200, 400, 800];
const isFreezeFailure = (error: unknown) => error instanceof Error && /unable to freeze/i.test(error.message);

export type DockerClient = ReturnType<typeof createDockerClient>;

/** The Docker Engine as the agent needs it. Failures are AppError `agent_failed` with Docker's own words. */
export function createDockerClient(options: { socketPath?: string } = {}) {
  const docker = new Docker(
    options.socketPath === undefined ? undefined : { socketPath: options.socketPath },
  );

  /** Runs one call; `what` completes the sentence "Docker could not ...". */
  async function call<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new AppError('agent_failed', `Docker could not ${what}: ${reasonOf(error)}`, { cause: error });
    }
  }
  async function orNull<T>(what: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw new AppError('agent_failed', `Docker could not ${what}: ${reasonOf(error)}`, { cause: error });
    }
  }
  /** 304: it is so already. 404 where the caller wants it gone. */
  async function unless(statuses: readonly number[], what: string, work: () => Promise<unknown>) {
    try {
      await work();
    } catch (error) {
      if (!statuses.includes(statusOf(error) ?? 0)) {
        throw new AppError('agent_failed', `Docker could not ${what}: ${reasonOf(error)}`, { cause: error });
      }
    }
  }
  async function openExec(
    name: string,
    command: readonly string[],
    { onStderr, signal }: { onStderr: (chunk: Buffer) => void; signal?: AbortSignal | undefined },
  ): Promise<ExecStream> {
    return call(`run ${command[0]} in the sandbox`, async () => {
      const exec = await docker.getContainer(name).exec({
        Cmd: [...command],
        User: '0',
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        Tty: false,
        abortSignal: signal,
      });
      const input = await exec.start({ hijack: true, stdin: true, abortSignal: signal });
      const output = input.pipe(new Demultiplexer(onStderr));
      // `pipe` carries the end but no failure.
      input.once('error', (error) => output.destroy(error));
      input.once('close', () => {
        if (!input.readableEnded) output.destroy();
      });
      return { output, input };
    });
  }

  return {
    /** For short-lived containers of the agent's own (probes), which need streams that nobody else does. */
    engine: docker,
    openExec,
    info: () => call('answer', () => docker.info()),
    version: () => call('answer', () => docker.version()),
    async inspect(name: string): Promise<ContainerState | null> {
      const it = await orNull('look at a container', () => docker.getContainer(name).inspect());
      return it && containerState(it);
    },
    async containersWithLabel(
      label: string,
    ): Promise<{ labels: Record<string, string>; running: boolean }[]> {
      const found = await call('list containers', () =>
        docker.listContainers({ all: true, filters: { label: [label] } }),
      );
      return found.map((it) => ({
        labels: it.Labels,
        running: it.State === 'running' || it.State === 'paused',
      }));
    },
    async create(options: Docker.ContainerCreateOptions): Promise<void> {
      await call('create the container', () => docker.createContainer(options));
    },
    start: (name: string) => unless([304], 'start the container', () => docker.getContainer(name).start()),
    stop: (name: string, graceSeconds: number) =>
      unless([304, 404], 'stop the container', () => docker.getContainer(name).stop({ t: graceSeconds })),
    pause: (name: string) =>
      call('pause the container', async () => {
        for (const pauseMs of FREEZE_PAUSES_MS) {
          try {
            return await docker.getContainer(name).pause();
          } catch (error) {
            if (!isFreezeFailure(error)) throw error;
            await delay(pauseMs);
          }
        }
        return docker.getContainer(name).pause();
      }),
    unpause: (name: string) => call('resume the container', () => docker.getContainer(name).unpause()),
    update: (name: string, change: object) =>
      call('change the limits', () => docker.getContainer(name).update(change)),
    remove: (name: string) =>
      unless([404], 'remove the container', () => docker.getContainer(name).remove({ force: true, v: true })),
    stats: (name: string) =>
      call('measure the container', () =>
        docker.getContainer(name).stats({ stream: false, 'one-shot': true }),
      ),
    imageInfo: (ref: string) => orNull('look at the image', () => docker.getImage(ref).inspect()),
    images: (label: string) =>
      call('list images', () => docker.listImages({ filters: JSON.stringify({ label: [label] }) })),
    volume: (name: string) => orNull('look at the home volume', () => docker.getVolume(name).inspect()),
    createVolume: (options: Docker.VolumeCreateOptions) =>
      call('create the home volume', () => docker.createVolume(options)),
    removeVolume: (name: string) =>
      unless([404], 'remove the home volume', () => docker.getVolume(name).remove()),
    async volumesWithLabel(label: string): Promise<Record<string, string>[]> {
      const { Volumes } = await call('list volumes', () =>
        docker.listVolumes({ filters: JSON.stringify({ label: [label] }) }),
      );
      return (Volumes ?? []).map((it) => it.Labels ?? {});
    },
    /** Events of containers with this label, one JSON object a line, until it is destroyed or Docker goes away. */
    events: (label: string): Promise<NodeJS.ReadableStream> =>
      call('tell its events', () =>
        docker.getEvents({ filters: JSON.stringify({ type: ['container'], label: [label] }) }),
      ),
  };
}

function containerState(it: Docker.ContainerInspectInfo): ContainerState {
  const started = it.State.StartedAt;
  const status = it.State.Status;
  return {
    id: it.Id,
    name: it.Name.replace(/^\//, ''),
    // Docker's own closed list (Engine API, ContainerState.Status).
    status: status as ContainerState['status'],
    pid: it.State.Pid,
    // Go's zero time: never started.
    startedAt: started.startsWith('0001-') ? null : started,
    exitCode: status === 'exited' || status === 'dead' ? it.State.ExitCode : null,
    oomKilled: it.State.OOMKilled,
    imageRef: it.Config.Image,
    labels: it.Config.Labels ?? {},
    resources: {
      Memory: it.HostConfig.Memory ?? 0,
      MemorySwap: it.HostConfig.MemorySwap ?? 0,
      NanoCpus: it.HostConfig.NanoCpus ?? 0,
      PidsLimit: it.HostConfig.PidsLimit ?? null,
    },
    diskLimited: it.HostConfig.StorageOpt?.size !== undefined,
  };
}

export function statusOf(error: unknown): number | undefined {
  if (error instanceof AppError) return statusOf(error.cause);
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT')) {
    return 'the Docker daemon does not answer';
  }
  // docker-modem: `(HTTP code 409) conflict - {"message": "..."}` or plain text after the dash.
  const text = error.message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
  return text.slice(0, 400);
}
