/** The real host agent as a process of its own, to be killed, and what it leaves on the host: for root tests. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hostTable, LABEL_INSTANCE, LABEL_SANDBOX, uplinkNamespace } from '../../../shared/names';
import { newestImage } from '../../gateway/testing/box';

const run = promisify(execFile);
/** Built before the tests (setup/root-tests.mjs). */
const program = fileURLToPath(new URL('../../../dist/agent.mjs', import.meta.url));

/** What of one sandbox is on this host. */
export interface Traces {
  /** `{state}` of each container. */
  containers: string[];
  volumes: number;
  singBoxes: number;
  /** The agent's own folder for it. */
  record: boolean;
}

export async function openRealAgent() {
  const instance = randomBytes(4).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'cc-real-agent-'));
  const socket = join(folder, 'agent.sock');
  const dataDir = join(folder, 'agent');
  const label = `label=${LABEL_INSTANCE}=${instance}`;
  const created: string[] = [];
  let child: ChildProcess;
  let up: Promise<void>;

  async function start(): Promise<void> {
    const flags = ['--instance', instance, '--data', dataDir, '--socket', socket, '--owner', '0:0'];
    const daemon = spawn(process.execPath, [program, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, LOG_LEVEL: process.env.TEST_LOG ?? 'silent' },
    });
    child = daemon;
    await new Promise<void>((resolve, reject) => {
      daemon.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
      createInterface({ input: daemon.stdout }).once('line', () => resolve());
    });
  }

  /** Docker tells every container it makes, so that one that was made and thrown away is seen too. */
  const events = spawn(
    'docker',
    ['events', '--filter', label, '--filter', 'event=create', '--format', '{{json .Actor.Attributes}}'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  createInterface({ input: events.stdout }).on('line', (line) =>
    created.push(JSON.parse(line)[LABEL_SANDBOX]),
  );

  async function lines(file: string, args: string[]): Promise<string[]> {
    return (await run(file, args)).stdout.split('\n').filter(Boolean);
  }

  /** By the variable that the agent gives each of its own: the file it was started from. */
  async function singBoxes(within: string): Promise<number[]> {
    const found: number[] = [];
    for (const pid of (await readdir('/proc')).filter((it) => /^\d+$/.test(it))) {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      if (command === 'sing-box\n' && environment.includes(`CLOUD_CLAUDE_OWNER=${within}/`))
        found.push(Number(pid));
    }
    return found;
  }

  up = start();
  await up;
  return {
    socket,
    image: await newestImage(),
    /** Containers ever made, by sandbox. */
    created: (id: string) => created.filter((it) => it === id).length,
    /** Resolves when it answers, that is at once unless it was just killed. */
    up: () => up,
    /** kill -9, now; the next one starts at once. False when it was dead already. */
    kill(): boolean {
      if (child.killed) return false;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      up = gone.then(start);
      // Whoever asks for it hears of a failure.
      up.catch(() => {});
      return true;
    },
    async traces(id: string): Promise<Traces> {
      const of = ['--filter', label, '--filter', `label=${LABEL_SANDBOX}=${id}`];
      const record = join(dataDir, 'sandboxes', id);
      const [containers, volumes, tunnels] = await Promise.all([
        lines('docker', ['ps', '-a', ...of, '--format', '{{.State}}']),
        lines('docker', ['volume', 'ls', '-q', ...of]),
        singBoxes(record),
      ]);
      return {
        containers,
        volumes: volumes.length,
        singBoxes: tunnels.length,
        record: existsSync(record),
      };
    },
    async close(): Promise<void> {
      await up.catch(() => {});
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }
      events.kill();
      const containers = await lines('docker', ['ps', '-aq', '--filter', label]);
      if (containers.length > 0) await run('docker', ['rm', '-fv', ...containers]);
      const volumes = await lines('docker', ['volume', 'ls', '-q', '--filter', label]);
      if (volumes.length > 0) await run('docker', ['volume', 'rm', ...volumes]);
      for (const pid of await singBoxes(folder)) process.kill(pid, 'SIGKILL');
      await run('nft', ['delete', 'table', 'inet', hostTable(instance)]).catch(() => {});
      for (const name of [uplinkNamespace(instance), `${uplinkNamespace(instance)}-plan`])
        await run('ip', ['netns', 'delete', name]).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type RealAgent = Awaited<ReturnType<typeof openRealAgent>>;
