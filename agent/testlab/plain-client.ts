/**
 * What people run without us: sing-box with its tun on a machine of the LAN, nothing else. The peer of the benchmark,
 * and a second opinion on the laboratory's proxies.
 */
import type { Egress } from '../../shared/egress';
import { run } from '../apply/run';
import { OUT_TAG } from '../plan/egress/dial';
import { egressOutbound } from '../plan/egress/outbound';
import { wireguardEndpoint } from '../plan/wireguard-link';
import { newestImage } from './lab';
import { type Machine, PUBLIC_RESOLVER } from './machine';
import { type Program, startProgram } from './program';

export const PLAIN_ADDRESS = '198.51.100.30';

export interface PlainClient {
  name: string;
  singBoxPid(): number;
  /** Another way out; null: none, its own uplink. */
  use(egress: Egress | null): Promise<void>;
  inside(command: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  close(): Promise<void>;
}

export async function startPlainClient(machine: Machine, cpus = 1): Promise<PlainClient> {
  const name = `ccl-${machine.instance}-plain`;
  await run([
    ...['docker', 'run', '-d', '--init', '--network', 'none', '--name', name, '--cpus', String(cpus)],
    ...['--entrypoint', '/bin/sleep', await newestImage(), 'infinity'],
  ]);
  const pid = Number((await run(['docker', 'inspect', '-f', '{{.State.Pid}}', name])).stdout);
  await machine.attachProcess(pid, PLAIN_ADDRESS);
  let program: Program | undefined;
  return {
    name,
    singBoxPid: () => program?.pid ?? -1,
    async use(egress) {
      await program?.stop();
      program = undefined;
      // A session of its own, as the agent's sing-box has: the scheduler gives each session its share (autogroup,
      // sched(7)), and with that of the servers it would get another one than ours.
      program = await startProgram(['setsid', 'sing-box', 'run', '-c', 'stdin'], {
        namespace: `/proc/${pid}/ns/net`,
        ready: { protocol: 'tcp', port: READY_PORT },
        input: JSON.stringify({
          log: { level: process.env.LAB_LOG ?? 'error' },
          dns: {
            servers: [
              {
                ...{ type: 'tcp', tag: 'dns', server: PUBLIC_RESOLVER.address },
                ...(egress !== null && { detour: OUT_TAG }),
              },
            ],
          },
          inbounds: [
            {
              ...{ type: 'tun', interface_name: 'tun0', address: ['198.18.0.1/30'], mtu: 9000 },
              ...{ auto_route: true, strict_route: true, stack: 'system' },
            },
            // Started after the tun: tells that it stands.
            { type: 'socks', listen: '127.0.0.1', listen_port: READY_PORT },
          ],
          ...plainWayOut(egress),
          route: {
            rules: [{ port: 53, action: 'hijack-dns' }],
            final: OUT_TAG,
            auto_detect_interface: true,
            default_domain_resolver: 'dns',
          },
        }),
      });
    },
    inside: (command) =>
      run(['docker', 'exec', name, ...command], { okCodes: [0, 1, 2, 6, 7, 28, 52, 56], timeoutMs: 120_000 }),
    async close() {
      await program?.stop();
      await run(['docker', 'rm', '-fv', name]);
    },
  };
}
const READY_PORT = 61_080;

function plainWayOut(egress: Egress | null): { endpoints: object[] } | { outbounds: object[] } {
  if (egress?.kind === 'wireguard') {
    return { endpoints: [wireguardEndpoint(egress, { tag: OUT_TAG, address: egress.server })] };
  }
  const server = egress !== null && 'server' in egress ? egress.server : '';
  const dial = { netns: '', routingMark: 0, server, fields: {} };
  const { netns, routing_mark, ...outbound } = egressOutbound(egress ?? { kind: 'direct' }, dial);
  return { outbounds: [outbound] };
}
