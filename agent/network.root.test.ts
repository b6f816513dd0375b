import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentNotice, directNetwork, type SandboxSpec } from '../shared/agent-api';
import { hostTable } from '../shared/names';
import { Namespace, removeNamespace } from './apply/netns';
import { links } from './apply/proc';
import { run } from './apply/run';
import { singBoxFiles, writeRangeSets } from './apply/singbox';
import { rangeSetText } from './plan/singbox';
import { startAgent } from './start';
import { capture } from './testlab/capture';
import { createLab, type Lab, quietLog, until } from './testlab/lab';
import { createWorld, type World } from './testlab/world';

/** Half a second on a machine that does nothing else. */
const BACK_MS = 10_000;

let lab: Lab;
let world: World;
let agent: { close(): Promise<void> };
let box: SandboxSpec;
let hostServer: Server;
let hostPort: number;
const notices: AgentNotice[] = [];
const unwatch = new AbortController();
let watching: Promise<unknown>;

beforeAll(async () => {
  lab = await createLab();
  world = await createWorld(lab.instance);
  agent = await startAgent({
    instance: lab.instance,
    dataDir: lab.dataDir,
    socket: lab.socket,
    owner: { uid: 0, gid: 0 },
    log: quietLog,
    // Private on purpose: the one private address that may be reached, on port 53 only.
    resolvers: [world.privateAddress],
    proofEveryMs: 1_000,
  });
  watching = lab
    .call('watch', {}, { onNotice: (notice) => notices.push(notice), signal: unwatch.signal })
    .catch(() => {});
  hostServer = createServer((_request, response) => response.end('the host\n'));
  await new Promise<void>((resolve) => hostServer.listen(0, '0.0.0.0', resolve));
  // A TCP server on a numbered port has an AddressInfo (Node's net documentation).
  hostPort = (hostServer.address() as AddressInfo).port;
  box = lab.newSpec();
  await lab.call('sandbox.ensure', box);
});
afterAll(async () => {
  hostServer?.close();
  unwatch.abort();
  await watching;
  await agent?.close();
  await lab?.clean();
  await world?.close();
});

const curl = (user: 'root' | 'claude', url: string) =>
  lab.inside(box.id, user, ['curl', '-sS', '-m', '3', '-o', '/dev/null', '-w', '%{http_code}', url]);
const reachesWeb = async () => (await curl('claude', `http://${world.address}/`)).stdout === '200';
const dig = async (...args: string[]) =>
  (await lab.inside(box.id, 'claude', ['dig', '+short', '+time=2', '+tries=1', ...args])).stdout.trim();
const noticed = (what: AgentNotice['what']) =>
  until(what, async () => notices.find((it) => it.what === what && it.sandbox === box.id) ?? null);
const observe = () => lab.call('sandbox.observe', { id: box.id });

/** Sends to `address` by every means a program has; prints how many sends the kernel took. */
const SENDER = `
import socket, sys
address, seconds = sys.argv[1], float(sys.argv[2])
import time
sent = 0
def attempt(work):
    global sent
    try:
        work()
        sent += 1
    except OSError:
        pass
def raw():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(('tun0', 0x0800)); s.send(b'\\x45' + b'\\0' * 60)
def icmp():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); s.sendto(b'\\x08\\0' * 8, (address, 0))
def ping():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP); s.sendto(b'\\x08\\0' * 8, (address, 0))
def tcp():
    s = socket.socket(); s.settimeout(0.05); s.connect((address, 80)); s.close()
def six():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.sendto(b'x', ('2001:db8::1', 9999))
def sctp():
    s = socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET, 132); s.sendto(b'x', (address, 9999))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
end = time.time() + seconds
while True:
    for target in (address, '255.255.255.255', '224.0.0.251', '169.254.169.254'):
        attempt(lambda: udp.sendto(b'canary', (target, 9999)))
    for way in (raw, icmp, ping, tcp, six, sctp):
        attempt(way)
    if time.time() > end: break
print(sent)
`;

/** Connects until one try is refused (not let through, not late); makes a file when one was let through. */
const REFUSED_AT_ONCE = `
import socket, sys, time
end = time.time() + 10
while time.time() < end:
    s = socket.socket(); s.settimeout(0.05)
    try: s.connect((sys.argv[1], 80)); open(sys.argv[2], 'w')
    except ConnectionRefusedError: print('refused'); break
    except OSError: pass
    s.close()
`;

describe('golden files', () => {
  const testdata = fileURLToPath(new URL('./plan/testdata', import.meta.url));
  const files = readdirSync(testdata);

  test('the real nft accepts every ruleset', async () => {
    const scratch = `ccw-${lab.instance}-nft`;
    await run(['ip', 'netns', 'add', scratch]);
    const namespace = await Namespace.named(scratch);
    try {
      const rulesets = files.filter((it) => it.endsWith('.nft'));
      expect(rulesets.length).toBe(10);
      for (const file of rulesets) await namespace.run(['nft', '-c', '-f', `${testdata}/${file}`]);
    } finally {
      await namespace.close();
      await removeNamespace(scratch);
    }
  });

  test('the real sing-box accepts every configuration', async () => {
    const configs = files.filter((it) => it.startsWith('sing-box-'));
    expect(configs.length).toBe(15);
    const folder = await mkdtemp(join(tmpdir(), 'agent-golden-'));
    try {
      const texts = ['around', 'kept', 'granted-host', 'names'].map((it) => [
        it,
        rangeSetText(['192.0.2.10']),
      ]);
      await writeRangeSets(singBoxFiles(folder), Object.fromEntries(texts));
      // Descriptor 4 is the folder with files that change, as for a sing-box that the agent starts.
      const check = 'exec 4<"$1"; shift; for it; do sing-box check -c "$it" || exit 1; done';
      await run(['sh', '-c', check, 'sh', folder, ...configs.map((it) => `${testdata}/${it}`)]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the way out', () => {
  test('a public web server is reached, from the address of the host', async () => {
    const { stdout } = await lab.inside(box.id, 'claude', [
      'curl',
      '-sS',
      '-m',
      '5',
      `http://${world.address}/`,
    ]);
    expect(stdout).toBe(`hello ${world.hostAddress}\n`);
  });

  test('names are answered whatever server is asked, over UDP and TCP', async () => {
    expect(await dig('one.test')).toBe(world.address);
    expect(await dig('+tcp', 'two.test')).toBe(world.address);
    expect(await dig('@10.9.8.7', 'three.test')).toBe(world.address);
    expect(await dig('+tcp', '@203.0.113.53', 'four.test')).toBe(world.address);
    expect((await curl('claude', 'http://five.test/')).stdout).toBe('200');
    expect(await dig('AAAA', 'six.test')).toBe('');
  });

  test('no question is lost: each comes from a port of its own', async () => {
    const ask = 'for i in $(seq 60); do dig +short +time=1 +tries=1 q$i.test; done';
    const { stdout } = await lab.inside(box.id, 'claude', ['bash', '-c', ask]);
    expect(stdout.trim().split('\n')).toEqual(Array.from({ length: 60 }, () => world.address));
  });

  test.each(['claude', 'root'] as const)('the neighbourhood is refused at once to %s', async (user) => {
    const { stdout } = await run(['ip', '-j', '-4', 'addr', 'show', 'scope', 'global']);
    // iproute2's own shape.
    const links = JSON.parse(stdout) as { addr_info: { local: string }[] }[];
    const own = links.flatMap((it) => it.addr_info.map((address) => address.local));
    expect(own).toContain(world.hostAddress);
    const targets = [
      ...own.map((it) => `http://${it}:${hostPort}/`),
      `http://${world.privateAddress}/`,
      'http://10.0.0.1/',
      'http://172.17.0.1/',
      'http://192.168.1.1/',
      'http://100.64.0.1/',
      'http://169.254.169.254/latest/meta-data/',
      'http://168.63.129.16/',
      'http://198.18.5.5/',
      'http://0.0.0.0:1/',
      'http://[::ffff:169.254.169.254]/',
      'http://[fd00:ec2::254]/',
    ];
    const answers = await Promise.all(targets.map(async (it) => [it, (await curl(user, it)).stdout]));
    expect(answers).toEqual(targets.map((it) => [it, '000']));
  });

  test('only TCP and UDP to public addresses leave, whatever root sends', async () => {
    const seen = await capture(`dst host ${world.address} and not port 53`);
    const { code, stderr } = await lab.inside(box.id, 'root', ['python3', '-c', SENDER, world.address, '0']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await until('the UDP canary', async () => seen.lines.some((it) => it.includes('.9999: UDP')));
    const lines = await seen.stop();
    expect(lines.filter((it) => !it.includes(`${world.address}.`))).toEqual([]);
    expect(lines.filter((it) => !/Flags|UDP/.test(it))).toEqual([]);
    // Both ends are the host's uplink and the world: the tunnel's own packets.
    expect(lines.filter((it) => !it.includes(world.hostAddress))).toEqual([]);
  });
});

test('without its own rules a sandbox still does not reach the neighbourhood: the host refuses too', async () => {
  const seen = await capture('udp and dst portrange 9996-9998');
  // Seen, not explained: a canary sent from the socket that was refused before never appears, as if sing-box judged
  // once per source port. So the last one has a socket of its own. The second canary shows that what was sent before was judged.
  const send = `
import socket, sys, time
refused = (sys.argv[1], sys.argv[2], '169.254.169.254')
def attempt(sender, target, port):
    try: sender.sendto(b'canary', (target, port))
    except OSError: pass
first, other, last = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3))
for target in refused: attempt(other, target, 9997)
attempt(first, sys.argv[3], 9996)
time.sleep(0.2)
for target in refused: attempt(first, target, 9997)
time.sleep(0.2)
attempt(last, sys.argv[3], 9998)
`;
  const namespace = await Namespace.ofProcess(await lab.pid(box.id));
  await namespace.run(['nft', 'flush', 'ruleset']);
  await namespace.close();
  const targets = [world.privateAddress, world.hostAddress, world.address];
  await lab.inside(box.id, 'root', ['python3', '-c', send, ...targets]);
  for (const canary of ['9996', '9998']) {
    const frame = `${world.address}.${canary}: UDP`;
    await until(`canary ${canary}`, async () => seen.lines.some((it) => it.includes(frame)), 5_000);
  }
  expect((await seen.stop()).filter((it) => it.includes('.9997'))).toEqual([]);
});

test('PID 1 that sends at once, as root, gets nothing out before the release', async () => {
  const racer = lab.newSpec();
  await lab.call('sandbox.ensure', racer);
  // What root in a sandbox may do: its own init, which sends until it is released.
  const init = `#!/bin/sh
python3 -c "$(cat /usr/local/lib/race.py)" ${world.address} 0 > /var/race
while ! [ -e /run/cloud-claude-release ]; do
  python3 -c "$(cat /usr/local/lib/race.py)" ${world.address} 0.05 > /dev/null
done
echo raced >> /var/race
exec /usr/local/lib/cloud-claude/init.real
`;
  const lib = '/usr/local/lib';
  const put = (path: string, text: string) =>
    lab.inside(racer.id, 'root', [
      'python3',
      '-c',
      'import sys; open(sys.argv[1], "w").write(sys.argv[2])',
      path,
      text,
    ]);
  await put(`${lib}/race.py`, SENDER);
  await lab.inside(racer.id, 'root', ['mv', `${lib}/cloud-claude/init`, `${lib}/cloud-claude/init.real`]);
  await put(`${lib}/cloud-claude/init`, init);
  await lab.inside(racer.id, 'root', ['chmod', '755', `${lib}/cloud-claude/init`]);
  await lab.call('sandbox.ensure', { ...racer, power: 'stopped' });

  const seen = await capture(`(host ${world.address} and not port 53) or port 9999`);
  let before: string[] = [];
  await lab.call('sandbox.ensure', racer, {
    onStep: (step) => {
      if (step.step === 'container.release' && step.state === 'started') before = [...seen.lines];
    },
  });
  expect(before).toEqual([]);
  await seen.stop();
  expect((await lab.inside(racer.id, 'root', ['cat', '/var/race'])).stdout).toMatch(/^\d+\nraced\n$/);
  await lab.call('sandbox.remove', { id: racer.id, home: true });
});

describe('healing', () => {
  test('sing-box killed: nothing leaves, then it comes back by itself', async () => {
    notices.length = 0;
    const [pid] = await lab.singBoxPids();
    if (pid === undefined) throw new Error('no sing-box runs');
    const container = await lab.pid(box.id);
    // Under load: requests all the time, each of them through the tunnel or not at all.
    const seen = await capture(
      `host ${world.address} and not src ${world.hostAddress} and not dst ${world.hostAddress}`,
    );
    const load = lab.inside(box.id, 'root', ['python3', '-c', SENDER, world.address, '2']);
    // Without the tun a connection is refused at once, not after the patience of TCP.
    const namespace = await Namespace.ofProcess(container);
    const began = join(lab.folder, 'connected');
    const refused = namespace.run(['python3', '-c', REFUSED_AT_ONCE, world.address, began]);
    await until('the first connection', async () => existsSync(began));
    process.kill(pid, 'SIGKILL');
    await until('no tun', async () => (await links(container)).every((it) => it.name !== 'tun0'));
    expect((await refused).stdout).toBe('refused\n');
    await namespace.close();
    const down = await noticed('tunnel.down');
    expect(down.detail).toMatch(/\.$/);
    const up = await noticed('tunnel.up');
    expect(Date.parse(up.at) - Date.parse(down.at)).toBeLessThan(BACK_MS);
    await load;
    expect(await seen.stop()).toEqual([]);
    expect(await reachesWeb()).toBe(true);
    expect((await observe()).network).toMatchObject({ tunnel: 'up', restarts: 1, rules: true });
  });

  test('rules flushed by somebody are loaded again', async () => {
    notices.length = 0;
    const namespace = await Namespace.ofProcess(await lab.pid(box.id));
    const flushed = Date.now();
    await namespace.run(['nft', 'flush', 'ruleset']);
    await namespace.close();
    // sing-box itself still refuses meanwhile.
    const meanwhile = curl('root', `http://${world.privateAddress}/`);
    const healed = await noticed('rules.healed');
    expect(Date.parse(healed.at) - flushed).toBeLessThan(2_000);
    expect((await meanwhile).stdout).toBe('000');
    expect((await observe()).network.rules).toBe(true);
  });

  test('one rule more, by somebody: taken away', async () => {
    notices.length = 0;
    const namespace = await Namespace.ofProcess(await lab.pid(box.id));
    const added = Date.now();
    await namespace.run(['nft', 'insert', 'rule', 'inet', 'cloud_claude', 'output', 'accept']);
    await namespace.close();
    expect(Date.parse((await noticed('rules.healed')).at) - added).toBeLessThan(2_000);
    expect((await observe()).network.rules).toBe(true);
  });

  test('the host table, when flushed, is loaded again; the sandbox still cannot reach the host', async () => {
    const table = hostTable(lab.instance);
    await run(['nft', 'delete', 'table', 'inet', table]);
    const meanwhile = curl('root', `http://172.17.0.1:${hostPort}/`);
    const there = async () =>
      (await run(['nft', 'list', 'table', 'inet', table], { okCodes: [0, 1] })).code === 0;
    await until('the host table', there, 2_000);
    expect((await meanwhile).stdout).toBe('000');
  });

  test('a link that must not be there fences the sandbox', async () => {
    notices.length = 0;
    const namespace = await Namespace.ofProcess(await lab.pid(box.id));
    await namespace.run(['ip', 'link', 'add', 'dummy0', 'type', 'veth', 'peer', 'name', 'dummy1']);
    await noticed('tunnel.down');
    expect((await observe()).network).toMatchObject({
      tunnel: 'fenced',
      reason: expect.stringContaining('dummy0'),
    });
    expect(await lab.singBoxPids()).toEqual([]);
    await expect(lab.call('sandbox.ensure', box)).rejects.toThrow('dummy0');
    await namespace.run(['ip', 'link', 'delete', 'dummy0']);
    await namespace.close();
    expect((await lab.call('sandbox.ensure', box)).network.tunnel).toBe('up');
    expect(await reachesWeb()).toBe(true);
  });

  test('a container that dies takes its tunnel with it, and is told', async () => {
    notices.length = 0;
    await run(['docker', 'kill', lab.name(box.id)]);
    expect((await noticed('container.died')).detail).toContain('137');
    await until('no sing-box', async () => (await lab.singBoxPids()).length === 0);
    expect(await observe()).toMatchObject({ power: 'stopped', exitCode: 137, network: { tunnel: 'absent' } });
    await lab.call('sandbox.ensure', box);
    await noticed('container.started');
    expect(await reachesWeb()).toBe(true);
  });

  test('paused, it is frozen and its rules and tunnel stay', async () => {
    await lab.call('sandbox.ensure', { ...box, power: 'paused' });
    expect((await observe()).network).toMatchObject({ rules: true, tunnel: 'up' });
    await lab.call('sandbox.ensure', box);
    expect(await reachesWeb()).toBe(true);
  });
});

describe('mode `watch`', () => {
  test('is proven at the start, and again by itself', async () => {
    await lab.call('sandbox.ensure', { ...box, network: { ...directNetwork, proof: 'watch' } });
    await until(
      'a proof by the timer',
      async () => {
        const all = await lab.call('sandbox.proofs', { id: box.id, after: null });
        return all.some((it) => it.cause === 'timer');
      },
      40_000,
    );
    // Without echo services nothing is proven, and nothing is wrong.
    expect((await observe()).network).toMatchObject({ gate: 'open', proof: { verdict: 'incomplete' } });
  });

  test('a leak fences, and a proof that finds none opens again', async () => {
    notices.length = 0;
    const namespace = await Namespace.ofProcess(await lab.pid(box.id));
    await namespace.run(['ip', 'link', 'add', 'leak0', 'type', 'veth', 'peer', 'name', 'leak1']);
    const proof = await lab.call('sandbox.prove', { id: box.id });
    expect(proof.verdict).toBe('red');
    expect(proof.reason).toContain('leak0');
    expect((await noticed('network.fenced')).detail).toContain('leak0');
    expect((await observe()).network).toMatchObject({ gate: 'closed', tunnel: 'fenced' });
    expect(await lab.singBoxPids()).toEqual([]);
    expect(await reachesWeb()).toBe(false);
    await namespace.run(['ip', 'link', 'delete', 'leak0']);
    await namespace.close();
    await lab.call('sandbox.prove', { id: box.id });
    expect((await observe()).network).toMatchObject({ gate: 'open', tunnel: 'up' });
    expect(await reachesWeb()).toBe(true);
  });
});
