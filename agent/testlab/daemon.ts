/** The agent as it really runs, a process of its own, in a laboratory host's namespace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Lab } from './lab';
import { HOST_RESOLVER, type Machine } from './machine';

export interface Daemon {
  /** Ends it; gives the exit code. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** Its log, for a failed test. */
  log(): string;
}

export interface DaemonOptions {
  dockerSocket?: string;
  /** How long after one look names are resolved again; default: as in production. */
  namesEveryMs?: number;
  /** A folder with programs that stand in for the machine's. */
  programs?: string;
}

/** Built before the tests (setup/root-tests.mjs): from sources a start would take a second more of processor time. */
export const AGENT_PROGRAM = fileURLToPath(new URL('../../dist/agent.mjs', import.meta.url));

export async function startDaemon(lab: Lab, machine: Machine, options: DaemonOptions = {}): Promise<Daemon> {
  const flags = ['--instance', lab.instance, '--data', lab.dataDir, '--socket', lab.socket, '--owner', '0:0'];
  if (options.namesEveryMs !== undefined) flags.push('--names-every', String(options.namesEveryMs));
  const command = [
    ...['--pdeathsig', 'KILL', '--', 'nsenter', `--net=${machine.host}`, '--'],
    ...[process.execPath, AGENT_PROGRAM, ...flags, '--resolver', HOST_RESOLVER.address],
  ];
  const docker = options.dockerSocket === undefined ? {} : { DOCKER_HOST: `unix://${options.dockerSocket}` };
  const child: ChildProcess = spawn('setpriv', command, {
    env: {
      ...process.env,
      ...docker,
      ...(options.programs && { PATH: `${options.programs}:${process.env.PATH}` }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-100_000);
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the agent ended with ${code}: ${said}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('"ready":true')) resolve();
    });
  });
  return {
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      const [code] = await ended;
      return code;
    },
    log: () => said,
  };
}
