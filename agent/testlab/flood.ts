/** Runs testlab/attacks.py: in the sandbox, or beside it in a container that was given too much. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SandboxSpec } from '../../shared/agent-api';
import {
  GATEWAY,
  HOST,
  HOST_RESOLVER,
  LAN_HTTP_PORT,
  METADATA,
  NEIGHBOUR,
  PUBLIC_RESOLVER,
  UDP_ECHO_PORT,
  WEB,
  ZONE,
} from './machine';
import type { Scene } from './scene';

export interface AttackReport {
  /** By way: how many sends the kernel took. */
  sent: Record<string, number>;
  /** What answered though it must not. */
  reached: string[];
}
export interface Attack {
  /** In every question it asks: the zone's log tells who passed it on. */
  nonce: string;
  done: Promise<AttackReport>;
}
export type Attacker = 'claude' | 'root' | 'net-raw' | 'net-admin';

export const attackProgram = fileURLToPath(new URL('./attacks.py', import.meta.url));
/** `all` takes some seconds of waiting for answers that do not come. */
const ATTACK_MS = 90_000;
let attacks = 0;

export function attackArgument(mode: 'all' | 'flood', nonce: string, seconds = 0): string {
  return JSON.stringify({
    ...{ mode, seconds, nonce, web: WEB[0], zone: ZONE, lanPort: LAN_HTTP_PORT, udpPort: UDP_ECHO_PORT },
    ...{ publicResolver: PUBLIC_RESOLVER.address, hostResolver: HOST_RESOLVER.address },
    forbidden: [
      ...[HOST.address, HOST.lan, NEIGHBOUR.address, NEIGHBOUR.lan, GATEWAY.address, GATEWAY.lan],
      METADATA,
    ],
  });
}

/** Names of the zone that lead where no sandbox may go. */
export async function nameTraps(scene: Scene): Promise<void> {
  await scene.services.name(`metadata.${ZONE}`, METADATA);
  await scene.services.name(`evil.localhost.${ZONE}`, METADATA);
  await scene.services.name(`private.${ZONE}`, NEIGHBOUR.lan);
  await scene.services.name(`rebind.${ZONE}`, [WEB[0], METADATA]);
}

/** Every way once. */
export function attackAll(scene: Scene, box: SandboxSpec, attacker: Attacker): Promise<Attack> {
  return start(scene, box, attacker, 'all', 0);
}

/** Sends without pause for some seconds; resolves when it has begun. */
export async function flood(scene: Scene, box: SandboxSpec, seconds: number): Promise<Attack[]> {
  return Promise.all([
    start(scene, box, 'claude', 'flood', seconds),
    start(scene, box, 'root', 'flood', seconds),
  ]);
}

async function start(
  scene: Scene,
  box: SandboxSpec,
  attacker: Attacker,
  mode: 'all' | 'flood',
  seconds: number,
): Promise<Attack> {
  attacks += 1;
  const nonce = `${scene.lab.instance}${attacks}`;
  const name = scene.lab.name(box.id);
  const python = ['python3', '-', attackArgument(mode, nonce, seconds)];
  const extra = attacker === 'net-raw' ? ['NET_RAW'] : ['NET_RAW', 'NET_ADMIN'];
  const command =
    attacker === 'claude' || attacker === 'root'
      ? ['exec', '-i', '-u', attacker, name, ...python]
      : [
          ...['run', '--rm', '-i', '--network', `container:${name}`, '--entrypoint', 'python3'],
          ...extra.flatMap((it) => ['--cap-add', it]),
          ...[scene.lab.image, ...python.slice(1)],
        ];
  const child = spawn('docker', command, { stdio: ['pipe', 'pipe', 'pipe'], timeout: ATTACK_MS });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4_000);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(await readFile(attackProgram));
  let begun = () => {};
  const flooding = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let report: AttackReport | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'flooding') begun();
    else report = JSON.parse(line);
  });
  const done = new Promise<AttackReport>((resolve, reject) => {
    child.once('close', (code) => {
      begun();
      if (report) resolve(report);
      else reject(new Error(`the attack as ${attacker} ended with ${code}: ${complaint}`));
    });
  });
  // Judged by whoever awaits it, perhaps much later.
  done.catch(() => {});
  if (mode === 'flood') await flooding;
  return { nonce, done };
}
