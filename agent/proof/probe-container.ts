import { release } from 'node:os';
import { createInterface } from 'node:readline';
import type Docker from 'dockerode';
import { LABEL_INSTANCE } from '../../shared/names';
import type { DockerClient } from '../apply/docker';
import { Demultiplexer } from '../apply/frames';
import { PROBE_PATH } from './observation';

/** On containers of ours that are no sandbox: what they are for. They never outlive the agent that made them. */
export const LABEL_ROLE = 'cloud-claude.role';
export const PROBE_ROLE = 'probe';

/** Python with its threads' stacks stays far below; a broken probe must not take memory from sandboxes. */
const MEMORY_BYTES = 192 * 1024 * 1024;
/** Its tries are threads. */
const PIDS = 192;
/** stdout of a probe: some 30 KB. More is no probe of ours. */
const OUTPUT_MAX_BYTES = 1024 * 1024;
const STDERR_MAX_BYTES = 4 * 1024;
/** Python's exit code when it cannot open the script. */
const NO_SCRIPT = 2;

export interface ProbeRun {
  docker: DockerClient;
  instance: string;
  image: string;
  /** `container:NAME`: the namespace that is looked at. */
  networkOf: string;
  input: string;
  /** Default OUTPUT_MAX_BYTES. */
  outputMaxBytes?: number;
  signal: AbortSignal;
  onLine(line: string): void;
}

/** How it ended. `no-probe`: the image is older than the probe. */
export interface ProbeEnd {
  outcome: 'done' | 'no-probe' | 'failed';
  stderr: string;
}

/**
 * Runs the probe once, in a container of its own that shares nothing with the looked-at one but the network
 * namespace. Throws AppError `agent_failed` in Docker's words, or the signal's reason.
 */
export async function runProbe(probe: ProbeRun): Promise<ProbeEnd> {
  const { docker, signal } = probe;
  signal.throwIfAborted();
  const container = await docker.engine.createContainer(options(probe));
  const kill = () => void container.remove({ force: true }).catch(() => {});
  signal.addEventListener('abort', kill, { once: true });
  try {
    const stream = await container.attach({
      stream: true,
      hijack: true,
      stdin: true,
      stdout: true,
      stderr: true,
    });
    let stderr = '';
    const output = stream.pipe(
      new Demultiplexer((chunk) => {
        if (stderr.length < STDERR_MAX_BYTES) stderr += chunk.toString('utf8');
      }),
    );
    stream.once('error', (error) => output.destroy(error));
    stream.once('close', () => output.end());
    await container.start();
    stream.end(probe.input);
    let size = 0;
    for await (const line of createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY })) {
      size += line.length;
      if (size > (probe.outputMaxBytes ?? OUTPUT_MAX_BYTES)) break;
      probe.onLine(line);
    }
    signal.throwIfAborted();
    // Its shape is the Engine's own (API, ContainerWait).
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    const missing = StatusCode === NO_SCRIPT && stderr.includes(PROBE_PATH);
    return { outcome: StatusCode === 0 ? 'done' : missing ? 'no-probe' : 'failed', stderr: stderr.trim() };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    await container.remove({ force: true }).catch(() => {});
  }
}

function options({ instance, image, networkOf }: ProbeRun): Docker.ContainerCreateOptions {
  return {
    Image: image,
    Labels: { [LABEL_INSTANCE]: instance, [LABEL_ROLE]: PROBE_ROLE },
    // -I: no environment, no user's packages; the image's own files only.
    Entrypoint: ['/usr/bin/python3', '-I', '-B', PROBE_PATH],
    Cmd: [],
    User: '0',
    WorkingDir: '/',
    Env: ['LANG=C.UTF-8'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
    HostConfig: {
      NetworkMode: `container:${networkOf}`,
      CapDrop: ['ALL'],
      CapAdd: markCapabilities(release()),
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      IpcMode: 'none',
      Memory: MEMORY_BYTES,
      MemorySwap: MEMORY_BYTES,
      NanoCpus: 1e9,
      PidsLimit: PIDS,
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no' },
    },
  };
}

/** Raw sockets, and SO_MARK, which before Linux 5.17 asks for NET_ADMIN (socket(7)). */
export function markCapabilities(kernel: string): string[] {
  const [major = 0, minor = 0] = kernel.split('.').map((it) => Number.parseInt(it, 10));
  const enough = major > 5 || (major === 5 && minor >= 17);
  return enough ? ['NET_RAW'] : ['NET_RAW', 'NET_ADMIN'];
}

/** Removes what an agent that was killed left. */
export async function sweepProbes(docker: DockerClient, instance: string): Promise<number> {
  const left = await docker.engine.listContainers({
    all: true,
    filters: { label: [`${LABEL_INSTANCE}=${instance}`, `${LABEL_ROLE}=${PROBE_ROLE}`] },
  });
  await Promise.all(left.map((it) => docker.engine.getContainer(it.Id).remove({ force: true })));
  return left.length;
}
