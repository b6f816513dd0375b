/** Runs testlab/attacks.py and policy-attacks.py: in the sandbox, or beside it in a container that was given too much. */
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
  ZONE_SERVER,
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
export interface PolicyReport {
  /** By way: how many tries did not fail at once. */
  tried: Record<string, number>;
  reached: string[];
}
export interface PolicyAttack {
  nonce: string;
  done: Promise<PolicyReport>;
}
export type Attacker = 'claude' | 'root' | 'net-raw' | 'net-admin';

const policyProgram = fileURLToPath(new URL('./policy-attacks.py', import.meta.url));
export const attackProgram = fileURLToPath(new URL('./attacks.py', import.meta.url));
/** `all` takes some seconds of waiting for answers that do not come. */
const ATTACK_MS = 90_000;
/** Whom a program may ask for names beside its own resolver. */
const RESOLVERS = [PUBLIC_RESOLVER.address, ZONE_SERVER, HOST_RESOLVER.address, METADATA];
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
  return start(scene, box, attacker, {
    program: attackProgram,
    argument: (nonce) => attackArgument('all', nonce),
  });
}

/** Every way past an allow-list that holds `allowed` and names below it, once. */
export function attackPolicy(
  scene: Scene,
  box: SandboxSpec,
  attacker: Attacker,
  names: { allowed: string; denied: string },
): Promise<PolicyAttack> {
  const facts = { web: WEB[1], echoPort: UDP_ECHO_PORT, resolvers: RESOLVERS };
  return start(scene, box, attacker, {
    program: policyProgram,
    argument: (nonce) => JSON.stringify({ ...names, ...facts, nonce }),
  });
}

/** Sends without pause for some seconds; resolves when it has begun. */
export async function flood(scene: Scene, box: SandboxSpec, seconds: number): Promise<Attack[]> {
  const program = { program: attackProgram, says: 'flooding' };
  const argument = (nonce: string) => attackArgument('flood', nonce, seconds);
  return Promise.all([
    start<AttackReport>(scene, box, 'claude', { ...program, argument }),
    start<AttackReport>(scene, box, 'root', { ...program, argument }),
  ]);
}

/** `says`: the line by which it tells that it has begun. */
async function start<Report>(
  scene: Scene,
  box: SandboxSpec,
  attacker: Attacker,
  what: { program: string; argument(nonce: string): string; says?: string },
): Promise<{ nonce: string; done: Promise<Report> }> {
  attacks += 1;
  const nonce = `${scene.lab.instance}${attacks}`;
  const name = scene.lab.name(box.id);
  const python = ['python3', '-', what.argument(nonce)];
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
  child.stdin.end(await readFile(what.program));
  let begun = () => {};
  const flooding = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let report: Report | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === what.says) begun();
    else report = JSON.parse(line);
  });
  const done = new Promise<Report>((resolve, reject) => {
    child.once('close', (code) => {
      begun();
      if (report) resolve(report);
      else reject(new Error(`the attack as ${attacker} ended with ${code}: ${complaint}`));
    });
  });
  // Judged by whoever awaits it, perhaps much later.
  done.catch(() => {});
  if (what.says !== undefined) await flooding;
  return { nonce, done };
}
