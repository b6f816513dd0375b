/**
 * A Docker Engine of a test's own, which may be killed: own socket, own folders, own containerd namespace. It has the
 * machine's sandbox image without a copy: each layer's folder holds a link to the real one, which nobody follows to
 * write or to remove.
 */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../apply/run';
import { type Program, startProgram } from './program';

/** One that was killed first ends the containers it finds, which may take their stop time-out. */
const ANSWERS_MS = 40_000;

export interface DockerEngine {
  socket: string;
  /** The docker command, speaking to this engine. */
  docker(args: readonly string[]): Promise<string>;
  start(): Promise<void>;
  kill(): Promise<void>;
  close(): Promise<void>;
}

export async function createDockerEngine(image: string): Promise<DockerEngine> {
  const { stdout } = await run(['docker', 'info', '-f', '{{.DockerRootDir}} {{.Driver}}']);
  const [machineRoot = '', driver] = stdout.trim().split(' ');
  if (driver !== 'overlay2') throw new Error(`the layers of the driver ${driver} cannot be shared`);
  // Beside the machine's own, whatever the folder for temporary files is: overlay needs a disk that can hold it.
  const folder = await mkdtemp(join(machineRoot, '..', 'ccl-docker-'));
  const root = join(folder, 'data');
  const layers = join(root, 'overlay2');
  await mkdir(layers, { recursive: true });
  await cp(join(machineRoot, 'image'), join(root, 'image'), { recursive: true });
  await rm(join(root, 'image', driver, 'layerdb', 'mounts'), { recursive: true, force: true });
  await run(['cp', '-a', join(machineRoot, driver, 'l'), join(layers, 'l')]);
  for (const id of await layersOf(image)) {
    await mkdir(join(layers, id));
    for (const file of ['link', 'lower']) {
      // The lowest layer has no `lower`.
      const text = await readFile(join(machineRoot, driver, id, file), 'utf8').catch(() => null);
      if (text !== null) await writeFile(join(layers, id, file), text);
    }
    await symlink(join(machineRoot, driver, id, 'diff'), join(layers, id, 'diff'));
  }

  // Instead of the machine's settings.
  await writeFile(join(folder, 'settings.json'), '{}');
  const socket = join(folder, 'docker.sock');
  const namespace = folder.split('/').pop() ?? '';
  const command = [
    // With `--bridge none` an engine removes docker0, also another engine's: this one gets a network of its own.
    ...['unshare', '--net', '--'],
    ...['dockerd', '--host', `unix://${socket}`, '--data-root', root, '--exec-root', join(folder, 'exec')],
    ...['--pidfile', join(folder, 'pid'), '--storage-driver', driver, '--bridge', 'none', '--iptables=false'],
    ...['--containerd-namespace', namespace, '--containerd-plugins-namespace', `${namespace}-plugins`],
    ...['--config-file', join(folder, 'settings.json'), '--log-level', 'error'],
  ];
  const docker = async (args: readonly string[]) =>
    (await run(['docker', '-H', `unix://${socket}`, ...args], { timeoutMs: ANSWERS_MS })).stdout;
  let program: Program | undefined;

  async function start() {
    // Left by one that was killed: it would wait for a containerd that is not there.
    for (const file of ['pid', 'exec/containerd/containerd.pid'])
      await rm(join(folder, file), { force: true });
    program = await startProgram(command, { namespace: null, ready: 'started' });
    const deadline = Date.now() + ANSWERS_MS;
    for (;;) {
      const answered = await docker(['version']).catch(() => null);
      if (answered !== null) return;
      if (Date.now() > deadline) throw new Error(`the Docker Engine does not answer: ${program.said()}`);
      await delay(50);
    }
  }
  async function remove() {
    const table = await readFile('/proc/self/mountinfo', 'utf8');
    // The fifth column is the place (proc(5)); an engine that did not end by itself leaves its mounts.
    const places = table.split('\n').map((line) => line.split(' ')[4] ?? '');
    for (const place of places.filter((it) => it.startsWith(`${folder}/`)).reverse())
      await run(['umount', '-l', place], { okCodes: [0, 32] });
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await start();
  } catch (error) {
    await program?.stop();
    await remove();
    throw error;
  }
  return {
    socket,
    docker,
    start,
    async kill() {
      await program?.stop();
    },
    async close() {
      // A test that failed may leave it dead, with containers that nobody ends.
      const list = () => docker(['ps', '-aq']);
      const all = (await list().catch(() => start().then(list))).split('\n').filter(Boolean);
      if (all.length > 0) await docker(['rm', '-fv', ...all]);
      program?.signal('SIGTERM');
      await program?.ended;
      await remove();
    },
  };
}

/** The names of the folders that hold an image's layers. */
async function layersOf(image: string): Promise<string[]> {
  const { stdout } = await run(['docker', 'image', 'inspect', '-f', '{{json .GraphDriver.Data}}', image]);
  // Docker's own shape for overlay2 (its API's GraphDriverData).
  const data = JSON.parse(stdout) as { LowerDir?: string; UpperDir: string };
  return [data.UpperDir, ...(data.LowerDir?.split(':') ?? [])].map((it) => it.split('/').at(-2) ?? '');
}
