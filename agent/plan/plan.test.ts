import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { directNetwork, type SandboxSpec } from '../../shared/agent-api';
import { containerOptions } from './container';
import { hostRules } from './host-rules';
import { routingMark } from './mark';
import { resolversOf } from './resolvers';
import { sandboxRules } from './sandbox-rules';
import { singBoxConfig } from './singbox';
import { tunnelReason } from './tunnel-reason';

const instance = '0badcafe';
const spec: SandboxSpec = {
  id: 'a0123456789abcde',
  generation: 3,
  power: 'running',
  image: 'cloud-claude/sandbox:0123456789abcdef',
  hostname: 'my-box',
  limits: { cpus: 1.5, memoryMb: 2048, pids: 1024, diskGb: 20 },
  timezone: 'Europe/Berlin',
  locale: 'de_DE.UTF-8',
  sudo: true,
  network: directNetwork,
  gatewayKey: `ssh-ed25519 ${'A'.repeat(68)}`,
};
const facts = { instance, diskQuota: true, openFilesMax: 1_000_000 };

/** `UPDATE_GOLDEN=1` writes them anew; read the difference before you commit it. */
function golden(name: string, text: string): void {
  const url = new URL(`./testdata/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDEN) writeFileSync(url, text);
  expect(text).toBe(readFileSync(url, 'utf8'));
}
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

describe('golden files', () => {
  test('container options', () => {
    golden('container.json', json(containerOptions({ ...facts, spec })));
  });
  test('container options without sudo and without disk quota', () => {
    const strict = { ...spec, sudo: false };
    golden('container-strict.json', json(containerOptions({ ...facts, diskQuota: false, spec: strict })));
  });
  test('rules of a sandbox before and after its tunnel is verified', () => {
    golden('sandbox-closed.nft', sandboxRules('closed'));
    golden('sandbox-open.nft', sandboxRules('open'));
  });
  test('rules of the host', () => {
    const resolvers = ['10.0.0.2', '127.0.0.53'];
    golden('host.nft', hostRules({ instance, resolvers, neighbours: ['192.0.2.0/24'] }));
    golden('host-bare.nft', hostRules({ instance, resolvers: [], neighbours: [] }));
  });
  test('sing-box for direct', () => {
    const egress = { kind: 'direct' } as const;
    golden(
      'sing-box-direct.json',
      singBoxConfig({ instance, egress, resolvers: ['10.0.0.2', '127.0.0.53'] }),
    );
    golden('sing-box-direct-no-resolver.json', singBoxConfig({ instance, egress, resolvers: [] }));
  });
});

test('a container gets no device, no capability, no host path and no network', () => {
  const host = containerOptions({ ...facts, spec }).HostConfig;
  expect(host).toMatchObject({ NetworkMode: 'none', Privileged: false, CapDrop: ['NET_RAW', 'MKNOD'] });
  for (const key of ['CapAdd', 'Devices', 'Binds', 'PidMode', 'UsernsMode', 'PortBindings', 'ExtraHosts']) {
    expect(host).not.toHaveProperty(key);
  }
  expect(host?.Mounts?.map((it) => it.Type)).toEqual(['volume']);
});

test('the mark keeps clear of bits that others test and differs by instance', () => {
  for (const id of ['00000000', 'ffffffff', '0badcafe', '12345678']) {
    expect(routingMark(id) & 0x00ffc000).toBe(0);
  }
  expect(routingMark('00000001')).not.toBe(routingMark('00000002'));
});

test('resolvers are the IPv4 name servers in order, at most three', () => {
  const text = `# made by hand
search example.org
nameserver 127.0.0.53
nameserver fe80::1%eth0
  nameserver\t10.0.0.2
nameserver 10.0.0.2
options edns0
nameserver 10.0.0.3
nameserver 10.0.0.4
`;
  expect(resolversOf(text)).toEqual(['127.0.0.53', '10.0.0.2', '10.0.0.3']);
  expect(resolversOf('')).toEqual([]);
});

test("sing-box's last words become a sentence", () => {
  expect(
    tunnelReason('start service: initialize inbound/tun[tun]: configure tun interface: permission denied'),
  ).toBe('The host did not let the tunnel make its network interface.');
  expect(tunnelReason('something new happened')).toBe('The tunnel ended: something new happened.');
  expect(tunnelReason(null)).toMatch(/from outside/);
});
