import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { directNetwork, type SandboxSpec } from '../../shared/agent-api';
import { type Egress, egressSchema } from '../../shared/egress';
import { contains, rangeOf } from '../../shared/ipv4-ranges';
import { type NetworkPolicy, openPolicy } from '../../shared/network-policy';
import { isNeverGranted } from '../../shared/policy-guards';
import { containerOptions } from './container';
import { type HostSandbox, hostRules } from './host-rules';
import { MARK_MASK, markClash, markPrefix, routingMark } from './mark';
import { nameSetText } from './name-set';
import { LOCAL_PORTS, NEVER_GRANTED_IPV4, REFUSED_IPV4 } from './ranges';
import { resolversOf } from './resolvers';
import { type Gate, sandboxRules } from './sandbox-rules';
import { rangeSetsOf, rangeSetText, singBoxConfig } from './singbox';
import { type Counting, countingAfter, portRules } from './source-ports';
import { nowhere, type Surroundings } from './surroundings';
import { egressReason, tunnelReason } from './tunnel-reason';
import { wayOutPlan } from './way-out';
import { linkRules } from './wireguard-link';

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
const resolvers = ['10.0.0.2', '127.0.0.53'];
const granting: NetworkPolicy = {
  presets: ['loopback', 'lan'],
  grants: [
    { type: 'ip', value: '169.254.169.254' },
    { type: 'ip', value: '192.0.2.10' },
    { type: 'cidr', value: '10.20.0.0/16' },
    { type: 'domain', value: 'nas.example.org' },
    { type: 'suffix', value: 'example.net' },
    { type: 'keyword', value: 'mirror' },
  ],
  domains: { mode: 'open', rules: [], bundles: [], learn: false },
};
const names: NetworkPolicy['domains']['rules'] = [
  { type: 'domain', value: 'one.example.com' },
  { type: 'suffix', value: 'a.com' },
  { type: 'keyword', value: 'pkg' },
];
const listing = (mode: 'allow-list' | 'deny-list', learn = false, rules = names): NetworkPolicy => ({
  ...openPolicy,
  domains: { mode, rules, bundles: [], learn },
});
const socks = egressSchema.parse({ kind: 'socks5', server: 'proxy.example.org', port: 1080 });
const http = egressSchema.parse({ kind: 'http', server: '198.51.100.8', port: 3128 });
const key = `${'A'.repeat(43)}=`;
const wireguard = egressSchema.parse({
  kind: 'wireguard',
  server: 'wg.example.org',
  port: 51820,
  privateKey: key,
  addresses: ['10.9.0.2/32'],
  peerPublicKey: key,
});
const configs = {
  direct: {},
  'direct-dns': { dns: { server: '9.9.9.9', transport: 'tls' as const, name: 'dns.quad9.net' } },
  socks5: { egress: socks, dns: { server: '9.9.9.9', transport: 'udp' as const, name: null } },
  'http-by-address': { egress: http, dns: { server: '9.9.9.9', transport: 'udp' as const, name: null } },
  granting: { egress: socks, policy: granting },
  'allow-list': {
    egress: socks,
    policy: listing('allow-list'),
    probes: {
      connectUrl: 'http://connect.example.org/204',
      echoUrls: ['https://echo.example.org/', 'http://198.51.100.7/'],
      dnsEcho: { name: '{unique}.echo.example.org', type: 'A' as const },
      intervalSeconds: 900,
    },
  },
  'allow-list-granting': { policy: { ...granting, domains: listing('allow-list').domains } },
  'allow-list-empty': { policy: listing('allow-list', false, []) },
  'allow-list-learn': { policy: listing('allow-list', true) },
  'allow-list-bundles': {
    policy: {
      ...openPolicy,
      domains: {
        mode: 'allow-list' as const,
        rules: [],
        bundles: ['npm' as const, 'github' as const],
        learn: false,
      },
    },
  },
  'deny-list': { policy: listing('deny-list') },
  'deny-list-empty': { policy: listing('deny-list', false, []) },
};
const around: Surroundings = {
  own: ['192.0.2.10', '172.17.0.1'],
  routers: ['192.0.2.1'],
  lan: ['192.0.2.0/24'],
  bridges: ['172.17.0.0/16'],
};
const noGrants = null;
const hostSandboxes: HostSandbox[] = [
  {
    slot: 2,
    egress: {
      kind: 'endpoint',
      addresses: ['198.51.100.8', '198.51.100.9'],
      protocols: ['udp'],
      ports: [443, { from: 20_000, to: 30_000 }],
      anyUdpPort: false,
    },
    grants: noGrants,
  },
  {
    slot: 1,
    egress: { kind: 'direct', resolvers: [{ address: '10.0.0.2', port: 53 }] },
    grants: {
      addresses: ['10.20.0.0/16', '169.254.169.254', '192.0.2.10'],
      exact: ['169.254.169.254', '192.0.2.10'],
      lan: true,
      open: true,
      resolvers: ['10.0.0.2'],
    },
  },
  {
    slot: 3,
    egress: {
      kind: 'endpoint',
      addresses: ['198.51.100.8'],
      protocols: ['tcp', 'udp'],
      ports: [1080],
      anyUdpPort: true,
    },
    grants: { addresses: [], exact: [], lan: false, open: false, resolvers: [] },
  },
  {
    slot: 4,
    egress: { kind: 'endpoint', addresses: [], protocols: ['tcp'], ports: [1080], anyUdpPort: false },
    grants: noGrants,
  },
];
const facts = { instance, diskUsed: 0, openFilesMax: 1_000_000 };

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
    // Where the limit counts the image as well, there is room for both.
    const { HostConfig } = containerOptions({ ...facts, diskUsed: 7, spec });
    expect(HostConfig?.StorageOpt).toEqual({ size: String(20 * 1024 ** 3 + 7) });
  });
  test('container options without sudo and without disk quota', () => {
    const strict = { ...spec, sudo: false };
    golden('container-strict.json', json(containerOptions({ ...facts, diskUsed: null, spec: strict })));
  });
  test('rules of a sandbox before, while and after its way out is proven', () => {
    const rules = (gate: Gate, policy: NetworkPolicy, link = true) =>
      sandboxRules({ gate, policy, around, link });
    golden('sandbox-ports.nft', portRules());
    golden('sandbox-closed.nft', rules('closed', openPolicy, false));
    golden('sandbox-closed-link.nft', rules('closed', openPolicy));
    golden('sandbox-proving.nft', rules('proving', openPolicy));
    golden('sandbox-open.nft', rules('open', openPolicy));
    golden('sandbox-granted.nft', rules('open', granting));
    golden('sandbox-granted-proving.nft', rules('proving', granting));
  });
  test('rules of the host', () => {
    golden('host.nft', hostRules({ instance, around, sandboxes: hostSandboxes }));
    golden('host-bare.nft', hostRules({ instance, around: nowhere, sandboxes: [] }));
  });
  test('the ranges that sing-box reads while it runs', () => {
    expect(rangeSetsOf(granting, around)).toEqual({
      around: ['192.0.2.10', '172.17.0.1', '192.0.2.1', '192.0.2.0/24', '172.17.0.0/16'],
      kept: ['192.0.2.10', '172.17.0.1', '172.17.0.0/16'],
      'granted-host': ['192.0.2.10'],
    });
    const wide = { ...openPolicy, grants: [{ type: 'cidr' as const, value: '192.0.2.10/32' }] };
    expect(rangeSetsOf(wide, around)['granted-host']).toEqual([]);
    expect(rangeSetText([])).toBe('{"version":3,"rules":[]}\n');
  });
  test('the names that sing-box reads while it runs', () => {
    expect(nameSetText(configs['allow-list-empty'].policy)).toBe('{"version":3,"rules":[]}\n');
    golden('names-allow-list.json', nameSetText(configs['allow-list'].policy));
    golden('names-allow-list-granting.json', nameSetText(configs['allow-list-granting'].policy));
    golden('names-deny-list.json', nameSetText(configs['deny-list'].policy));
  });
  test.each(Object.entries(configs))('sing-box: %s', (name, network) => {
    const facts = {
      instance,
      slot: 7,
      resolvers,
      network: { ...directNetwork, ...network },
    };
    golden(`sing-box-${name}.json`, singBoxConfig(facts));
  });
  test('sing-box for direct on a host without a resolver', () => {
    const facts = { instance, slot: 7, resolvers: [], network: directNetwork };
    golden('sing-box-direct-no-resolver.json', singBoxConfig(facts));
  });
  test('sing-box for WireGuard, and what it dials by', () => {
    const network = { ...directNetwork, egress: wireguard };
    golden('sing-box-wireguard.json', singBoxConfig({ instance, slot: 7, resolvers, network }));
    const link = (egress: Egress) => {
      const names = { 'wg.example.org': ['198.51.100.9'] };
      return wayOutPlan({ instance, slot: 7, resolvers, names, network: { ...network, egress } }).link;
    };
    const full = { ...wireguard, presharedKey: `${'B'.repeat(42)}A=`, reserved: [1, 2, 3] };
    const inUserSpace = link(egressSchema.parse(full));
    golden('sing-box-wireguard-peer.json', inUserSpace?.config ?? '');
    const inKernel = link(egressSchema.parse({ ...full, reserved: null, mode: 'kernel' }));
    golden('wireguard-kernel.conf', inKernel?.config ?? '');
    golden('wireguard-kernel.nft', linkRules(['10.9.0.2/32']));
    expect(inKernel).toMatchObject({ name: 'ccw0badcafe7', namespace: 'cc-0badcafe-wg-7' });
    expect(() => link(egressSchema.parse({ ...wireguard, privateKey: null, keyId: 'a'.repeat(16) }))).toThrow(
      /does not have the private key/,
    );
  });
});

test('what is never granted is what the guard of policies says', () => {
  for (const range of NEVER_GRANTED_IPV4) expect(isNeverGranted(range.split('/')[0] ?? ''), range).toBe(true);
  for (const range of REFUSED_IPV4) {
    const first = range.split('/')[0] ?? '';
    const kept = NEVER_GRANTED_IPV4.some((it) => contains(rangeOf(it), rangeOf(first)));
    expect(isNeverGranted(first), range).toBe(kept);
  }
});

test('no counted source port is one of a listener, in either order of bytes', () => {
  const beginning = (rules: string) => {
    const [, count, first] = /mod (\d+) offset (\d+)/.exec(rules) ?? [];
    return { first: Number(first), end: Number(first) + Number(count) };
  };
  const exchanged = (port: number) => ((port & 0xff) << 8) | (port >> 8);
  for (let listener: number = LOCAL_PORTS.first; listener <= LOCAL_PORTS.last; listener += 1) {
    const { first, end } = beginning(portRules(countingAfter(listener, [listener]).first));
    if (first < 1024 || end > LOCAL_PORTS.first) expect.fail(`${listener}: counts from ${first} to ${end}`);
    if ([listener, exchanged(listener)].some((it) => it >= first && it < end))
      expect.fail(`${listener} may be a source port`);
  }
});

test('a sing-box that goes on while the counting is loaded anew remembers what was counted', () => {
  // Each load has a listener of its own, whose port some beginnings do not suit.
  const loads: Counting[] = [];
  for (let n = 0; n < 20_000; n += 1) {
    const listener = LOCAL_PORTS.first + ((n * 7919) % (LOCAL_PORTS.last - LOCAL_PORTS.first));
    loads.push(countingAfter(loads.at(-1)?.load ?? 0, [listener]));
  }
  const apart = loads.flatMap(({ first }, n) =>
    loads.slice(Math.max(0, n - 3), n).map((before) => Math.abs(first - before.first)),
  );
  expect(Math.min(...apart)).toBeGreaterThan(700);
});

test('a container gets no device, no capability, no host path and no network', () => {
  const host = containerOptions({ ...facts, spec }).HostConfig;
  expect(host).toMatchObject({ NetworkMode: 'none', Privileged: false, CapDrop: ['NET_RAW', 'MKNOD'] });
  for (const key of ['CapAdd', 'Devices', 'Binds', 'PidMode', 'UsernsMode', 'PortBindings', 'ExtraHosts']) {
    expect(host).not.toHaveProperty(key);
  }
  expect(host?.Mounts?.map((it) => it.Type)).toEqual(['volume']);
});

test('marks keep clear of bits that others test, and tell instance, slot and purpose', () => {
  const seen = new Set<number>();
  for (const id of ['00000000', '00000001', 'ffffffff', '0badcafe', '12345678']) {
    for (const slot of [1, 2, 1023]) {
      for (const purpose of ['egress', 'grant'] as const) {
        const mark = routingMark(id, slot, purpose);
        expect(mark & 0x00ffc000).toBe(0);
        expect((mark & MARK_MASK) >>> 0).toBe(markPrefix(id));
        seen.add(mark);
      }
    }
  }
  expect(seen.size).toBe(5 * 3 * 2);
  expect(() => routingMark('00000001', 0)).toThrow(RangeError);
  expect(() => routingMark('00000001', 1024)).toThrow(RangeError);
  expect(markClash('00000001', ['00000001', '00000002'])).toBe(null);
  expect(markClash('00000001', ['0badcafe', 'ffff0002'])).toBe(null);
  expect(markClash('00000001', ['fffffc01'])).toBe('fffffc01');
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
  expect(tunnelReason('SIGSEGV: segmentation violation')).toMatch(/crashed.*memory/);
});

test("sing-box's lines about connections become sentences about the egress", () => {
  const line = (text: string) => `+0000 2026-11-21 08:50:21 ERROR [1262928832 5ms] connection: ${text}`;
  const open = 'open connection to 192.0.2.80:80 using outbound';
  // Written by sing-box 1.12.12.
  const said = {
    [`${open}/socks[out]: socks5: incorrect user name or password`]: 'refused the user name',
    [`${open}/http[out]: authentication required`]: 'refused the user name',
    [`${open}/hysteria2[out]: authentication failed, status code: 404`]: 'refused the user name',
    [`${open}/trojan[out]: tls: failed to verify certificate: x509: certificate is valid for lab.test, not other.test`]:
      'another name',
    [`${open}/hysteria2[out]: (use of closed network connection | read udp 127.0.0.1:39405->127.0.0.1:21099: read: connection refused)`]:
      'nothing listens',
    [`${open}/ssh[out]: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none], no supported methods remain`]:
      'refused the user name',
    [`${open}/ssh[out]: ssh: handshake failed: host key mismatch, server send ssh-ed25519 AAAA`]: 'host key',
    [`${open}/trojan[out]: tls: failed to verify certificate: x509: certificate signed by unknown authority`]:
      'nobody known here',
    [`${open}/vless[out]: reality verification failed`]: 'its certificate',
    [`${open}/direct[out]: lookup nowhere.test: no such host`]: 'not resolved',
    [`${open}/socks[out]: dial tcp 192.0.2.100:1080: connect: connection refused`]: 'nothing listens',
    [`${open}/socks[out]: dial tcp 192.0.2.100:1080: connect: no route to host`]: 'not reachable',
    [`${open}/socks[out]: dial tcp 192.0.2.100:1080: i/o timeout`]: 'in time',
    [`${open}/anytls[out]: EOF`]: 'closed the connection',
  };
  for (const [text, sentence] of Object.entries(said)) {
    expect(egressReason([line(text)]), text).toContain(sentence);
  }
  expect(egressReason([])).toBe(null);
  expect(egressReason(['+0000 2026-11-21 08:50:21 INFO sing-box started (0.11s)'])).toBe(null);
});
