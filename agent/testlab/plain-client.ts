/**
 * What people run without us: sing-box with its tun on a machine of the LAN, nothing else. The peer of the benchmark,
 * and a second opinion on the laboratory's proxies.
 */
import type { Egress } from '../../shared/egress';
import { run } from '../apply/run';
import { egressOutbound } from '../plan/egress/outbound';
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
      const dial = { netns: '', routingMark: 0, server: '', fields: {} };
      const built = egressOutbound(egress ?? { kind: 'direct' }, {
        ...dial,
        server: egress !== null && 'server' in egress ? egress.server : '',
      });
      const plain = (it: Record<string, unknown>) => {
        // Without a namespace to dial in the detour is an empty one, which sing-box refuses.
        const { netns, routing_mark, detour, ...rest } = it;
        return rest;
      };
      program = await startProgram(['sing-box', 'run', '-c', 'stdin'], {
        namespace: `/proc/${pid}/ns/net`,
        ready: { protocol: 'tcp', port: READY_PORT },
        input: JSON.stringify({
          log: { level: process.env.LAB_LOG ?? 'error' },
          dns: {
            servers: [
              {
                ...{ type: 'tcp', tag: 'dns', server: PUBLIC_RESOLVER.address },
                ...(egress !== null && { detour: built.tag }),
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
          ...(built.endpoints.length > 0 && { endpoints: built.endpoints.map(plain) }),
          outbounds: built.outbounds.map(plain),
          route: {
            rules: [{ port: 53, action: 'hijack-dns' }],
            final: built.tag,
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
