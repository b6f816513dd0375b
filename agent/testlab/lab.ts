/** What the agent's root tests share: an agent on its own instance and folder, calls over its real socket, clean-up. */
import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import {
  AGENT_STREAM_PROTOCOL,
  type AgentCheck,
  type AgentEvent,
  type AgentInput,
  type AgentNotice,
  type AgentOp,
  type AgentOutput,
  type AgentStep,
  directNetwork,
  type SandboxSpec,
} from '../../shared/agent-api';
import { AppError, isErrorCode } from '../../shared/errors';
import {
  containerName,
  hostTable,
  IMAGE_REPOSITORY,
  LABEL_CONTENT_HASH,
  LABEL_INSTANCE,
  uplinkNamespace,
} from '../../shared/names';
import { processFacts } from '../apply/proc';
import { run } from '../apply/run';
import { soundKeyPair } from '../sandboxes/host-keys';
import { sweepLinks } from '../wireguard/link';

export type Lab = Awaited<ReturnType<typeof createLab>>;

/** Made once: what the gateway would log in with. */
export const gatewayKey = soundKeyPair('gateway');

/** Any user but root. */
const DATA_OWNER = 65_534;

export async function newestImage(): Promise<string> {
  const { stdout } = await run([
    'docker',
    'image',
    'ls',
    '--filter',
    `label=${LABEL_CONTENT_HASH}`,
    '--format',
    '{{.Repository}}:{{.Tag}}',
    IMAGE_REPOSITORY,
  ]);
  const ref = stdout
    .split('\n')
    .find((it) => it.startsWith(`${IMAGE_REPOSITORY}:`) && !it.endsWith(':<none>'));
  if (ref === undefined)
    throw new Error('no sandbox image on this machine: run `node setup/image.mjs` first');
  return ref;
}

export const quietLog = pino(
  { level: process.env.LOG_LEVEL ?? 'silent' },
  pino.destination({ dest: 2, sync: true }),
);

export async function createLab() {
  const instance = randomBytes(4).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'agent-lab-'));
  // As in production, where the data folder is the gateway user's and closed to all others: what the agent starts
  // with fewer capabilities cannot pass through it, root or not.
  await chown(folder, DATA_OWNER, DATA_OWNER);
  const socket = join(folder, 'run', 'agent.sock');
  const image = await newestImage();
  let made = 0;

  function newSpec(change: Partial<SandboxSpec> = {}): SandboxSpec {
    made += 1;
    return {
      id: `t${instance}${String(made).padStart(7, '0')}`,
      generation: 1,
      power: 'running',
      image,
      hostname: `box-${made}`,
      limits: { cpus: 1, memoryMb: 1024, pids: 256, diskGb: null },
      timezone: 'Europe/Berlin',
      locale: 'en_US.UTF-8',
      sudo: true,
      network: directNetwork,
      gatewayKey: gatewayKey.public.trim(),
      ...change,
    };
  }

  /** One operation over the socket, as the gateway calls it. */
  function call<O extends AgentOp>(
    op: O,
    input: AgentInput<O>,
    options: {
      onStep?: (step: AgentStep) => void;
      onCheck?: (check: AgentCheck) => void;
      onNotice?: (notice: AgentNotice) => void;
      signal?: AbortSignal;
    } = {},
  ): Promise<AgentOutput<O>> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath: socket,
        path: `/v1/${op}`,
        method: 'POST',
        signal: options.signal,
      });
      request.on('error', reject);
      request.on('response', (response) => {
        let rest = '';
        let last: AgentEvent<O> | undefined;
        const streams = response.headers['content-type'] === 'application/x-ndjson';
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          rest += chunk.toString();
          if (!streams) return;
          const lines = rest.split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const event: AgentEvent<O> = JSON.parse(line);
            last = event;
            if (event.type === 'step') options.onStep?.(event);
            if (event.type === 'check') options.onCheck?.(event);
            if (event.type === 'notice') options.onNotice?.(event.notice);
          }
        });
        response.on('end', () => {
          if (streams) {
            if (last?.type === 'result') return resolve(last.value);
            if (last?.type === 'error') return reject(appError(last));
            return reject(new Error('the stream ended without a result'));
          }
          const body = JSON.parse(rest);
          if (response.statusCode === 200) resolve(body);
          else reject(appError(body));
        });
      });
      request.end(JSON.stringify(input));
    });
  }

  const name = (id: string) => containerName(instance, id);
  /** Whose configuration ends so. */
  async function singBoxesOf(config: string): Promise<number[]> {
    const found: number[] = [];
    const { stdout } = await run(['pgrep', '-f', '^sing-box run '], { okCodes: [0, 1] });
    for (const pid of stdout.split('\n').filter(Boolean).map(Number)) {
      const facts = await processFacts(pid);
      if (facts?.owner?.startsWith(`${folder}/`) && facts.owner.endsWith(config)) found.push(pid);
    }
    return found;
  }

  return {
    instance,
    folder,
    socket,
    dataDir: join(folder, 'agent'),
    image,
    newSpec,
    call,
    name,

    openSsh(id: string, { early = false } = {}): Promise<Duplex> {
      return new Promise((resolve, reject) => {
        const request = httpRequest({
          socketPath: socket,
          path: `/v1/streams/ssh?sandbox=${id}${early ? '&early=1' : ''}`,
          headers: { connection: 'Upgrade', upgrade: AGENT_STREAM_PROTOCOL },
        });
        request.on('error', reject);
        request.on('response', (response) => {
          response.resume();
          reject(new Error(`refused with ${response.statusCode}`));
        });
        request.on('upgrade', (_response, stream, head) => {
          if (head.length > 0) stream.unshift(head);
          resolve(stream);
        });
        request.end();
      });
    },

    /** A command in the sandbox, as root or as the user; its exit code is an answer. */
    async inside(id: string, user: 'root' | 'claude', command: string[], timeoutMs = 30_000) {
      const okCodes = Array.from({ length: 256 }, (_, code) => code);
      return run(['docker', 'exec', '-u', user, name(id), ...command], { okCodes, timeoutMs });
    },
    async pid(id: string): Promise<number> {
      return Number((await run(['docker', 'inspect', '-f', '{{.State.Pid}}', name(id)])).stdout);
    },
    /** sing-box processes of this lab, those included that speak to WireGuard peers. */
    singBoxPids: () => singBoxesOf(''),
    /** Those alone. */
    wireguardPids: () => singBoxesOf('wireguard.json'),

    /** Everything this instance ever made on the host. */
    async clean(): Promise<void> {
      const label = `label=${LABEL_INSTANCE}=${instance}`;
      const containers = (await run(['docker', 'ps', '-aq', '--filter', label])).stdout
        .split('\n')
        .filter(Boolean);
      if (containers.length > 0) await run(['docker', 'rm', '-fv', ...containers], { timeoutMs: 60_000 });
      const volumes = (await run(['docker', 'volume', 'ls', '-q', '--filter', label])).stdout
        .split('\n')
        .filter(Boolean);
      if (volumes.length > 0) await run(['docker', 'volume', 'rm', ...volumes]);
      for (const pid of await this.singBoxPids()) process.kill(pid, 'SIGKILL');
      await sweepLinks(instance, new Set());
      await run(['nft', 'delete', 'table', 'inet', hostTable(instance)], { okCodes: [0, 1] });
      await run(['ip', 'netns', 'delete', uplinkNamespace(instance)], { okCodes: [0, 1] });
      await run(['ip', 'netns', 'delete', `${uplinkNamespace(instance)}-plan`], { okCodes: [0, 1] });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function appError(body: { code: string; error: string }): Error {
  return isErrorCode(body.code) ? new AppError(body.code, body.error) : new Error(body.error);
}

/** Deadlines are for a quiet machine; one whose host is busy with others takes several times as long. */
const PATIENCE = 4;

/** Polls until `probe` gives a value that is not false or null. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | false | null>,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs * PATIENCE;
  for (;;) {
    const value = await probe();
    if (value !== false && value !== null) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs * PATIENCE} ms in vain: ${what}`);
    await delay(50);
  }
}
