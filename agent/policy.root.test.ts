/** What a sandbox may reach, judged in a laboratory Internet: grants, lists of names, marks, servers that move. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentNotice, NetworkSpec, SandboxSpec } from '../shared/agent-api';
import { hostTable } from '../shared/names';
import { type NetworkPolicy, openPolicy } from '../shared/network-policy';
import { Namespace } from './apply/netns';
import { run } from './apply/run';
import { routingMark } from './plan/mark';
import { SANDBOX_FLOWS } from './plan/sandbox-rules';
import { framesOf, judge } from './testlab/judge';
import { until } from './testlab/lab';
import { HOST, HOST_RESOLVER, LAN_HTTP_PORT, METADATA, NEIGHBOUR, WEB, ZONE } from './testlab/machine';
import type { ProxyServer } from './testlab/proxies';
import { CUT, createScene, LONG_DOWNLOAD, networkOf, type Scene } from './testlab/scene';
import { hasKernelWireguard } from './wireguard/kernel';

let scene: Scene;
let box: SandboxSpec;
let proxy: ProxyServer;
const notices: AgentNotice[] = [];
const unwatch = new AbortController();
let watching: Promise<unknown>;

beforeAll(async () => {
  scene = await createScene();
  [proxy] = await Promise.all([scene.proxies.open('ss-aead'), scene.machine.startNeighbours()]);
  watching = scene.lab
    .call('watch', {}, { onNotice: (it) => notices.push(it), signal: unwatch.signal })
    .catch(() => {});
  box = scene.lab.newSpec();
  await ensure({});
});
afterAll(async () => {
  unwatch.abort();
  await watching;
  await scene?.close();
});

const ensure = (change: Partial<NetworkSpec>) =>
  scene.lab.call('sandbox.ensure', { ...box, network: networkOf(proxy.egress, change) });
/** The HTTP status, `000` when it was not reached. */
async function status(url: string, ...more: string[]): Promise<string> {
  const options = ['-sS', '-k', '-m', '8', '-o', '/dev/null', '-w', '%{http_code}'];
  return (await scene.lab.inside(box.id, 'claude', ['curl', ...options, ...more, url])).stdout;
}
const dig = async (...args: string[]) =>
  (await scene.lab.inside(box.id, 'claude', ['dig', '+time=2', '+tries=1', ...args])).stdout;
const domains = (
  mode: NetworkPolicy['domains']['mode'],
  rules: NetworkPolicy['domains']['rules'],
  learn = false,
): NetworkPolicy => ({ ...openPolicy, domains: { mode, rules, bundles: [], learn } });
const singBox = async () => (await scene.lab.singBoxPids()).join();

describe('the host table', () => {
  const sendMarked = `
import socket, struct, sys
mark, address, port = struct.pack('I', int(sys.argv[1])), sys.argv[2], int(sys.argv[3])
s = socket.socket(); s.settimeout(1); s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
try: s.connect((address, port)); print('connected')
except OSError as error: print(error.strerror or error)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
try: u.sendto(b'canary', (address, port))
except OSError: pass
`;
  const send = (mark: number, address: string, port: number) =>
    scene.machine.onHost(['python3', '-c', sendMarked, String(mark), address, String(port)]);

  test("what carries a sandbox's mark reaches its server only, whoever sends it", async () => {
    const { instance } = scene.lab;
    const mark = routingMark(instance, 1);
    const seen = await judge(scene.machine, [framesOf(proxy.egress)]);
    if (proxy.egress.kind !== 'shadowsocks') throw new Error('not the way out this test is about');
    const { port } = proxy.egress;
    expect(await send(mark, proxy.exit, port)).toBe('connected\n');
    expect(await send(mark, proxy.exit, port + 1)).not.toContain('connected');
    expect(await send(mark, WEB[0], 80)).not.toContain('connected');
    expect(await send(mark, HOST_RESOLVER.address, 53)).not.toContain('connected');
    // A grant's mark without a grant, a slot that nobody has.
    expect(await send(routingMark(instance, 1, 'grant'), proxy.exit, port)).not.toContain('connected');
    expect(await send(routingMark(instance, 77), proxy.exit, port)).not.toContain('connected');
    expect(await seen.verdict()).toEqual([]);
  });

  test('packets without a mark of ours are not its business', async () => {
    expect(await send(0, WEB[0], 80)).toBe('connected\n');
    expect(await send(0x4000, WEB[0], 80)).toBe('connected\n');
  });

  test('rules of others, such as firewalld and Docker have, stay as they are', async () => {
    const chain = (name: string) => `add chain inet firewalld ${name}`;
    await scene.machine.onHost([
      'nft',
      `add table inet firewalld; ${chain('filter_OUTPUT { type filter hook output priority 10; policy accept; }')};
       add rule inet firewalld filter_OUTPUT ct state established,related accept; ${chain('mangle')};
       add table ip filter; add chain ip filter DOCKER-USER; add rule ip filter DOCKER-USER counter return`,
    ]);
    const others = async () => {
      const rules = await scene.machine.onHost(['nft', '-s', 'list', 'ruleset']);
      return rules.split(/^(?=table )/m).filter((it) => !it.includes(hostTable(scene.lab.instance)));
    };
    const before = await others();
    expect(before).toHaveLength(2);
    await ensure({ policy: { ...openPolicy, grants: [{ type: 'ip', value: NEIGHBOUR.lan }] } });
    await scene.machine.onHost(['nft', 'delete', 'table', 'inet', hostTable(scene.lab.instance)]);
    await until('our own is back', async () => {
      const tables = await scene.machine.onHost(['nft', 'list', 'tables']);
      return tables.includes(hostTable(scene.lab.instance));
    });
    expect(await others()).toEqual(before);
    expect(await status(`http://${WEB[0]}/`)).toBe('200');
    await scene.machine.onHost(['nft', 'delete table inet firewalld; delete table ip filter']);
    await ensure({});
  });
});

describe('grants', () => {
  const neighbour = `http://${NEIGHBOUR.lan}:${LAN_HTTP_PORT}/`;
  test('nothing of the neighbourhood without one', async () => {
    expect(await status(neighbour)).toBe('000');
    expect(await status(`http://${METADATA}/`)).toBe('000');
    // Nor by their public addresses, which the proxy would reach.
    expect(await status(`http://${HOST.address}:${LAN_HTTP_PORT}/`)).toBe('000');
    expect(await status(`http://${NEIGHBOUR.address}:${LAN_HTTP_PORT}/`)).toBe('000');
  });

  test('the host gets another address, and loses it: the running sandbox follows', async () => {
    const web = `http://${WEB[1]}/`;
    expect(await status(web)).toBe('200');
    const before = await singBox();
    await scene.machine.onHost(['ip', 'addr', 'add', `${WEB[1]}/32`, 'dev', 'lo']);
    await until('it is refused', async () => (await status(web)) === '000');
    const folder = `${scene.lab.dataDir}/sandboxes/${box.id}`;
    // The rules in the sandbox come first, then those of its sing-box.
    await until('sing-box is told', async () =>
      (await readFile(`${folder}/around.json`, 'utf8')).includes(WEB[1]),
    );
    await scene.machine.onHost(['ip', 'addr', 'del', `${WEB[1]}/32`, 'dev', 'lo']);
    await until('it is reached', async () => (await status(web)) === '200');
    expect(await status(`http://${WEB[0]}/`)).toBe('200');
    expect(await singBox()).toBe(before);
    expect(notices.filter((it) => it.what === 'rules.healed')).toEqual([]);
  });

  test('a range or a name that holds the host is no grant of the host; its address is', async () => {
    const host = `http://${HOST.lan}:${LAN_HTTP_PORT}/`;
    await scene.services.name(`self.${ZONE}`, HOST.lan);
    await ensure({
      policy: {
        ...openPolicy,
        grants: [
          { type: 'cidr', value: '192.168.76.0/22' },
          { type: 'domain', value: `self.${ZONE}` },
        ],
      },
    });
    expect(await status(neighbour)).toBe('200');
    expect(await status(host)).toBe('000');
    expect(await status(`http://self.${ZONE}:${LAN_HTTP_PORT}/`)).toBe('000');
    await ensure({ policy: { ...openPolicy, grants: [{ type: 'ip', value: HOST.lan }] } });
    expect(await status(host)).toBe('200');
    expect(await status(neighbour)).toBe('000');
    expect(await status(`http://${HOST.address}:${LAN_HTTP_PORT}/`)).toBe('000');
  });

  test('an address: that one only, by the own uplink', async () => {
    await ensure({ policy: { ...openPolicy, grants: [{ type: 'ip', value: NEIGHBOUR.lan }] } });
    expect(await status(neighbour)).toBe('200');
    expect(await status(`http://${HOST.lan}:${LAN_HTTP_PORT}/`)).toBe('000');
    expect(await status(`http://${METADATA}/`)).toBe('000');
    expect(await status(`http://${WEB[0]}/`)).toBe('200');
  });

  test('the LAN: its machines, not the host and not metadata', async () => {
    await ensure({ policy: { ...openPolicy, presets: ['loopback', 'lan'] } });
    expect(await status(neighbour)).toBe('200');
    expect(await status(`http://${HOST.lan}:${LAN_HTTP_PORT}/`)).toBe('000');
    expect(await status(`http://${METADATA}/`)).toBe('000');
  });

  test('a name: resolved on the host, private or not; a suffix reaches public addresses only', async () => {
    await scene.services.name(`nas.${ZONE}`, NEIGHBOUR.lan);
    await scene.services.name(`trap.home.${ZONE}`, METADATA);
    await scene.services.name(`site.home.${ZONE}`, WEB[1]);
    await ensure({
      policy: {
        ...openPolicy,
        grants: [
          { type: 'domain', value: `nas.${ZONE}` },
          { type: 'suffix', value: `home.${ZONE}` },
        ],
      },
    });
    expect(await status(`http://nas.${ZONE}:${LAN_HTTP_PORT}/`)).toBe('200');
    expect(await status(neighbour)).toBe('000');
    const before = scene.services.events.length;
    expect(await status(`http://site.home.${ZONE}/`)).toBe('200');
    expect(scene.services.events.slice(before).find((it) => it.http !== undefined)?.from).toBe(HOST.address);
    expect(await status(`http://trap.home.${ZONE}/`)).toBe('000');
    // Any other name still goes by the egress.
    const then = scene.services.events.length;
    expect(await status(`http://www.${ZONE}/`)).toBe('200');
    expect(scene.services.events.slice(then).find((it) => it.http !== undefined)?.from).toBe(proxy.exit);
  });

  test('taken back at once', async () => {
    await ensure({});
    expect(await status(`http://nas.${ZONE}:${LAN_HTTP_PORT}/`)).toBe('000');
    expect(await status(neighbour)).toBe('000');
  });
});

describe('names', () => {
  beforeAll(async () => {
    await scene.services.name(`private.good.${ZONE}`, NEIGHBOUR.lan);
    await scene.services.name(`metadata.good.${ZONE}`, METADATA);
  });

  test('allow-list: what is on it, and nothing by its address or under another name', async () => {
    await ensure({
      policy: domains('allow-list', [
        { type: 'suffix', value: `good.${ZONE}` },
        { type: 'domain', value: `one.${ZONE}` },
      ]),
    });
    expect(await status(`http://good.${ZONE}/`)).toBe('200');
    expect(await status(`http://a.b.good.${ZONE}/`)).toBe('200');
    expect(await status(`http://GOOD.${ZONE}/`)).toBe('200');
    expect(await status(`https://good.${ZONE}/`)).toBe('200');
    expect(await status(`http://one.${ZONE}/`)).toBe('200');
    expect(await status(`http://two.one.${ZONE}/`)).toBe('000');
    expect(await status(`http://notgood.${ZONE}/`)).toBe('000');
    expect(await status(`http://good.${ZONE}.evil.${ZONE}/`)).toBe('000');
    expect(await dig(`bad.${ZONE}`)).toContain('status: NXDOMAIN');
    expect(await dig('TXT', `secret.bad.${ZONE}`)).toContain('status: NXDOMAIN');
    expect(await dig('+tcp', '@8.8.8.8', `bad.${ZONE}`)).toContain('status: NXDOMAIN');
    // Its address, with and without a name that is allowed.
    expect(await status(`http://${WEB[0]}/`)).toBe('000');
    expect(await status(`https://good.${ZONE}/`, '--resolve', `good.${ZONE}:443:${WEB[0]}`)).toBe('000');
    // An allowed name as cover for another one inside.
    const { stdout } = await scene.lab.inside(box.id, 'claude', ['getent', 'ahostsv4', `good.${ZONE}`]);
    const standIn = stdout.split(/\s/)[0] ?? '';
    expect(standIn).toMatch(/^198\.19\./);
    expect(await status(`https://bad.${ZONE}/`, '--resolve', `bad.${ZONE}:443:${standIn}`)).toBe('000');
    expect(await status(`http://bad.${ZONE}/`, '--resolve', `bad.${ZONE}:80:${standIn}`)).toBe('000');
    // An allowed name with a private address.
    expect(await status(`http://private.good.${ZONE}:${LAN_HTTP_PORT}/`)).toBe('000');
    expect(await status(`http://metadata.good.${ZONE}/`)).toBe('000');
    expect(await status('http://198.19.0.200/')).toBe('000');
    // DNS over TLS would go by all that.
    const dot = await scene.lab.inside(box.id, 'claude', [
      'curl',
      '-sS',
      '-m',
      '3',
      '-k',
      'https://1.1.1.1:853/',
    ]);
    expect(dot.code).not.toBe(0);
  });

  test('one name more cuts nothing; a name less cuts what spoke to it', async () => {
    const name = (value: string) => ({ type: 'domain' as const, value: `${value}.${ZONE}` });
    await ensure({ policy: domains('allow-list', [name('good')]) });
    expect(await status(`http://more.${ZONE}/`)).toBe('000');
    let over: number | undefined;
    const url = `http://good.${ZONE}${LONG_DOWNLOAD.path}`;
    const asked = scene.services.events.length;
    const long = scene.lab
      .inside(box.id, 'claude', ['curl', ...LONG_DOWNLOAD.args, url], 60_000)
      .then(({ code }) => {
        over = code;
      });
    await until('it downloads', async () => scene.services.events.slice(asked).some((it) => it.http));
    const before = await singBox();
    notices.length = 0;
    await ensure({ policy: domains('allow-list', [name('good'), name('more')]) });
    await until('one name more', async () => (await status(`http://more.${ZONE}/`)) === '200');
    expect(await status(`http://less.${ZONE}/`)).toBe('000');
    expect(await singBox()).toBe(before);
    expect(over).toBeUndefined();
    expect(notices.filter((it) => it.what === 'tunnel.down')).toEqual([]);

    await ensure({ policy: domains('allow-list', [name('more')]) });
    expect(await singBox()).not.toBe(before);
    expect(await status(`http://more.${ZONE}/`)).toBe('200');
    expect(await status(`http://good.${ZONE}/`)).toBe('000');
    await long;
    expect(over).toBe(CUT);
  });

  test('deny-list: everything but what is on it', async () => {
    await ensure({ policy: domains('deny-list', [{ type: 'suffix', value: `bad.${ZONE}` }]) });
    expect(await status(`http://good.${ZONE}/`)).toBe('200');
    expect(await status(`http://notbad.${ZONE}/`)).toBe('200');
    expect(await status(`http://${WEB[0]}/`)).toBe('200');
    expect(await status(`http://bad.${ZONE}/`)).toBe('000');
    expect(await status(`http://x.bad.${ZONE}/`)).toBe('000');
    expect(await status(`http://X.BAD.${ZONE}./`)).toBe('000');
    expect(await status(`http://x.bad.${ZONE}/`, '--resolve', `x.bad.${ZONE}:80:${WEB[0]}`)).toBe('000');
    expect(await status(`http://private.good.${ZONE}:${LAN_HTTP_PORT}/`)).toBe('000');
  });

  test('learning refuses nothing for its name', async () => {
    await ensure({ policy: domains('allow-list', [], true) });
    expect(await status(`http://anything.${ZONE}/`)).toBe('200');
    expect(await status(`http://${WEB[0]}/`)).toBe('200');
    expect(await status(`http://private.good.${ZONE}:${LAN_HTTP_PORT}/`)).toBe('000');
  });
});

test('WireGuard in the kernel is refused with the reason where it cannot be, and nothing changes', async () => {
  const wireguard = await scene.proxies.open('wireguard');
  const network = (change: object) =>
    networkOf({ ...wireguard.egress, mode: 'kernel', ...change } as NetworkSpec['egress']);
  const ensure = (change: object) => scene.lab.call('sandbox.ensure', { ...box, network: network(change) });
  await expect(ensure({ reserved: [1, 2, 3] })).rejects.toThrow(/no reserved bytes.*userspace/);
  // What it does where it can: agent/wireguard/link.root.test.ts.
  if (!(await hasKernelWireguard('ffffffff')))
    await expect(ensure({})).rejects.toThrow(/kernel has no WireGuard.*userspace/);
  expect(await status(`http://${WEB[0]}/`)).toBe('200');
});

test('a WireGuard key that the agent made: its public half is all that leaves it', async () => {
  const { keyId, publicKey } = await scene.lab.call('wireguard.newKey', {});
  expect(publicKey).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  await scene.lab.call('wireguard.removeKey', { keyId });
});

test('a server given by name may move: the running sing-box and the host follow', async () => {
  const name = `server.${ZONE}`;
  await scene.services.name(name, proxy.exit);
  const network = networkOf({ ...proxy.egress, server: name } as NetworkSpec['egress']);
  await scene.lab.call('sandbox.ensure', { ...box, network });
  expect(await status(`http://${WEB[0]}/`)).toBe('200');
  const before = await singBox();
  const moved = '192.0.2.222';
  // The name that testlab/proxies.ts gives it.
  const server = `ccl-${scene.lab.instance}-p${Number(proxy.exit.split('.')[3]) + 1}`;
  await run(['ip', '-n', server, 'addr', 'add', `${moved}/32`, 'dev', 'eth0']);
  await scene.services.name(name, moved);
  notices.length = 0;
  await until('it is noticed', async () => {
    await scene.lab.call('sandbox.ensure', { ...box, network });
    return notices.some((it) => it.what === 'endpoint.moved' && it.detail.includes(moved));
  });
  await until('only the new address is spoken to', async () => {
    const seen = await judge(scene.machine, [framesOf(proxy.egress, moved)]);
    const reached = await status(`http://${WEB[0]}/`);
    return (await seen.verdict()).length === 0 && reached === '200';
  });
  expect(await singBox()).toBe(before);
  // ... and the host lets out no more than that.
  await until(
    'the old address is closed',
    async () => {
      const table = await scene.machine.onHost([
        'nft',
        'list',
        'table',
        'inet',
        hostTable(scene.lab.instance),
      ]);
      return table.includes(moved) && !table.includes(proxy.exit);
    },
    25_000,
  );
  expect(await status(`http://${WEB[0]}/`)).toBe('200');
});

/** The last one: the kernel remembers the flows for a while, and until then the sandbox gets no new one. */
test('a sandbox gets so many flows and no more', async () => {
  const flows = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(10000, 10000 + ${SANDBOX_FLOWS + 1_500}):
    try: s.sendto(b'x', ('${WEB[0]}', port))
    except OSError: pass`;
  await scene.lab.inside(box.id, 'root', ['python3', '-c', flows], 60_000);
  const namespace = await Namespace.ofProcess(await scene.lab.pid(box.id));
  const count = await namespace.run(['cat', '/proc/sys/net/netfilter/nf_conntrack_count']);
  await namespace.close();
  expect(Number(count.stdout)).toBeGreaterThan(SANDBOX_FLOWS / 2);
  // Those of loopback and what is ending are not counted by the rule.
  expect(Number(count.stdout)).toBeLessThan(SANDBOX_FLOWS + 500);
});
