/** A laboratory host with the agent on it: what every test of ways out begins with. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { directNetwork, type NetworkSpec, type SandboxSpec } from '../../shared/agent-api';
import type { Egress } from '../../shared/egress';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon';
import { createLab, type Lab } from './lab';
import {
  createMachine,
  type Machine,
  PUBLIC_RESOLVER,
  type Services,
  UDP_ECHO_PORT,
  WEB,
  ZONE,
} from './machine';
import { createProxies, makeTls } from './proxies';
import type { Tls } from './proxy-plans';

export interface Scene {
  lab: Lab;
  machine: Machine;
  services: Services;
  proxies: ReturnType<typeof createProxies>;
  tls: Tls;
  /** Another one after a test that killed it. */
  daemon: Daemon;
  close(): Promise<void>;
}

export async function createScene(options: DaemonOptions = {}): Promise<Scene> {
  const lab = await createLab();
  const machine = await createMachine(lab.instance);
  try {
    const tls = await makeTls();
    const proxies = createProxies(machine, tls);
    const [services, daemon] = await Promise.all([
      machine.startServices(tls),
      startDaemon(lab, machine, options),
    ]);
    const scene: Scene = {
      ...{ lab, machine, services, proxies, tls, daemon },
      async close() {
        await scene.daemon.kill('SIGTERM');
        await lab.clean();
        await proxies.close();
        await machine.close();
      },
    };
    return scene;
  } catch (error) {
    await machine.close();
    await lab.clean();
    throw error;
  }
}

export function networkOf(egress: Egress, change: Partial<NetworkSpec> = {}): NetworkSpec {
  const dns = { server: PUBLIC_RESOLVER.address, transport: 'tcp' as const, name: null };
  return { ...directNetwork, egress, dns: egress.kind === 'direct' ? null : dns, ...change };
}

/** curl's arguments for a download that lasts until it is cut: only reading, it ends because it is told. */
export const LONG_DOWNLOAD = {
  path: '/bytes/104857600',
  args: ['-sS', '--connect-timeout', '10', '--limit-rate', '3m', '-o', '/dev/null'],
} as const;
/** curl's exit code for a connection that broke while it received (CURLE_RECV_ERROR). */
export const CUT = 56;

export interface Tried {
  exit_address?: string;
  resolver?: string;
  download?: { bytes: number; right: boolean; seconds: number } | string;
  upload?: { bytes: number; right: boolean } | string;
  parallel?: Record<string, number> | string;
  udp?: string[] | string;
}
type Trial = keyof Tried;

const clientPath = fileURLToPath(new URL('./client.py', import.meta.url));
/** A large download on a busy machine. */
const USE_MS = 230_000;
let names = 0;

/** Runs testlab/client.py in the sandbox. */
export async function useWayOut(
  scene: Scene,
  box: SandboxSpec,
  wanted: { try: Trial[]; bytes?: number; upload?: number; parallel?: number; udpTries?: number },
): Promise<Tried> {
  names += 1;
  const argument = {
    ...{ exit: `www.${ZONE}`, web: WEB[1], udp: UDP_ECHO_PORT },
    ...{ resolver: `q${names}-${scene.lab.instance}.who.${ZONE}`, bytes: 0, upload: 0, parallel: 0 },
    ...{ udpSizes: wanted.udpTries === 1 ? [5] : [5, 1200], udpTries: 3 },
    ...wanted,
  };
  const program = await readFile(clientPath, 'utf8');
  const { stdout, stderr } = await scene.lab.inside(
    box.id,
    'claude',
    ['python3', '-c', program, JSON.stringify(argument)],
    USE_MS,
  );
  if (stdout === '') throw new Error(`the client said nothing: ${stderr}`);
  return JSON.parse(stdout);
}
