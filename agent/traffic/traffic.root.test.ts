/** What passed and what was refused, told from outside: the real sing-box in a laboratory Internet. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentNotice, NetworkSpec, SandboxSpec } from '../../shared/agent-api';
import { type NetworkPolicy, openPolicy } from '../../shared/network-policy';
import { type Flow, type Traffic, trafficEpoch } from '../../shared/traffic';
import { run } from '../apply/run';
import { LOCAL_PORTS, TUN_ADDRESS } from '../plan/ranges';
import { PORTS_TABLE } from '../plan/source-ports';
import { startDaemon } from '../testlab/daemon';
import { until } from '../testlab/lab';
import { LAN_HTTP_PORT, NEIGHBOUR, UDP_ECHO_PORT, WEB, ZONE } from '../testlab/machine';
import type { ProxyServer } from '../testlab/proxies';
import { createScene, networkOf, type Scene, useWayOut } from '../testlab/scene';

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
  await ensure(openPolicy);
});
afterAll(async () => {
  unwatch.abort();
  await watching;
  await scene?.close();
});

const ensure = (policy: NetworkPolicy, change: Partial<NetworkSpec> = {}) =>
  scene.lab.call('sandbox.ensure', { ...box, network: networkOf(proxy.egress, { policy, ...change }) });
const inside = (...command: string[]) => scene.lab.inside(box.id, 'claude', command);
const curl = async (url: string, ...more: string[]) =>
  (await inside('curl', '-sS', '-k', '-m', '3', '-o', '/dev/null', '-w', '%{http_code}', ...more, url))
    .stdout;
/** curl's last word counts: for what has to come, on a busy machine too. */
const PATIENTLY = ['-m', '20'];
const told = (cursor: number) => scene.lab.call('sandbox.traffic', { id: box.id, cursor });
/** Asks until all of it was told, each thing once. */
async function toldUntil(cursor: number, right: (all: Traffic) => boolean): Promise<Traffic> {
  let all: Traffic = { cursor, missed: 0, rxBytes: 0, txBytes: 0, open: [], ended: [], questions: [] };
  return until('it is told', async () => {
    const more = await told(all.cursor);
    all = {
      ...more,
      missed: all.missed + more.missed,
      ended: [...all.ended, ...more.ended],
      questions: [...all.questions, ...more.questions],
    };
    return right(all) && all;
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(all, null, 1)}`);
  });
}
const names = (mode: 'allow-list' | 'deny-list', learn = false): NetworkPolicy => ({
  ...openPolicy,
  domains: {
    ...{ mode, learn, bundles: [] },
    rules: [{ type: 'suffix', value: `${mode === 'allow-list' ? 'good' : 'bad'}.${ZONE}` }],
  },
});
const to = (host: string, port: number) => (it: Flow) => it.host === host && it.port === port;

/** Connects to one place after another from the same port, as the kernel does by itself now and then. */
const FROM_ONE_PORT = `
import json, socket, struct, sys
said, port = [], 0
for place in json.loads(sys.argv[1]):
    s = socket.socket(); s.settimeout(5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Closed by a reset: no TIME_WAIT stands in the way of the next.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.bind(('', port)); port = s.getsockname()[1]
    try:
        s.connect(tuple(place)); said.append('connected')
    except OSError as error:
        said.append(repr(error))
    s.close()
print(json.dumps(said))
`;

describe('with all names open', () => {
  test('connections by their names, datagrams, questions; all of them, however short', async () => {
    const { cursor } = await told(0);
    expect(await curl(`http://one.${ZONE}/`, ...PATIENTLY)).toBe('200');
    expect(await curl(`https://two.${ZONE}/`, ...PATIENTLY)).toBe('200');
    expect(await curl(`http://${WEB[1]}/`, ...PATIENTLY)).toBe('200');
    const tried = await useWayOut(scene, box, { try: ['udp', 'parallel'], parallel: 100 });
    expect(tried).toMatchObject({ parallel: { [proxy.exit]: 100 }, udp: [proxy.exit, proxy.exit] });
    const all = await toldUntil(
      cursor,
      (it) => it.ended.length >= 103 && it.open.some(to(WEB[1], UDP_ECHO_PORT)),
    );
    expect(all.missed).toBe(0);
    expect(all.ended.find(to(`one.${ZONE}`, 80))).toMatchObject({
      ...{ network: 'tcp', address: WEB[0], rule: 'egress', verdict: 'allowed' },
    });
    expect(all.ended.filter(to(`two.${ZONE}`, 443))).toHaveLength(1);
    expect(all.ended.filter(to(WEB[1], 80)).length).toBeGreaterThanOrEqual(1);
    for (const flow of all.ended) {
      expect(flow.rxBytes).toBeGreaterThan(100);
      expect(flow.txBytes).toBeGreaterThan(100);
      expect(Date.parse(flow.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(flow.startedAt));
      expect(Math.abs(Date.now() - Date.parse(flow.startedAt))).toBeLessThan(60_000);
    }
    expect(all.open.find(to(WEB[1], UDP_ECHO_PORT))).toMatchObject({ network: 'udp', endedAt: null });
    expect(all.questions).toContainEqual(
      expect.objectContaining({ name: `one.${ZONE}`, type: 'A', outcome: 'answered', answer: WEB[0] }),
    );
  });

  test('a source port serves one destination after another', async () => {
    const { cursor } = await told(0);
    const places = [
      [WEB[0], 80],
      [WEB[1], 80],
      [WEB[0], 443],
      [WEB[1], 443],
    ] as const;
    const { stdout } = await inside('python3', '-c', FROM_ONE_PORT, JSON.stringify(places));
    expect(JSON.parse(stdout)).toEqual(places.map(() => 'connected'));
    const all = await toldUntil(cursor, (it) => it.ended.length >= places.length);
    expect(all.ended.map((it) => [it.address, it.port])).toEqual(expect.arrayContaining([...places]));
  });

  test("no connection gets the port of sing-box's own listener: each hangs that does", async () => {
    const namespace = `--net=/proc/${await scene.lab.pid(box.id)}/ns/net`;
    const within = async (...command: string[]) => (await run(['nsenter', namespace, ...command])).stdout;
    const listening = (await within('ss', '-Htln', 'src', TUN_ADDRESS)).trim();
    expect(listening.split('\n')).toHaveLength(1);
    const listener = Number(/:(\d+)\s/.exec(listening)?.[1]);
    expect(listener).toBeGreaterThanOrEqual(LOCAL_PORTS.first);
    const counting = await within('nft', 'list', 'chain', 'inet', PORTS_TABLE, 'ports');
    const [, count, first] = /mod (\d+) offset (\d+)/.exec(counting) ?? [];
    expect(Number(first) + Number(count)).toBeLessThanOrEqual(LOCAL_PORTS.first);
    const exchanged = (port: number) => ((port & 0xff) << 8) | (port >> 8);
    const counted = (port: number) => port >= Number(first) && port < Number(first) + Number(count);
    expect([listener, exchanged(listener)].filter(counted)).toEqual([]);

    await useWayOut(scene, box, { try: ['parallel'], parallel: 100 });
    // As the kernel wrote them: nft may exchange the bytes of what it counts.
    const flows = (await within('cat', '/proc/net/nf_conntrack')).split('\n');
    const ports = flows.flatMap((it) => / tcp .*\bsport=80 dport=(\d+)/.exec(it)?.[1] ?? []).map(Number);
    expect(ports.length).toBeGreaterThanOrEqual(100);
    expect(ports.filter((it) => !counted(it) && !counted(exchanged(it)))).toEqual([]);
  });

  test('bytes are right within five per cent, in each direction', async () => {
    const before = await told(0);
    const bytes = 32 * 1024 * 1024;
    const tried = await useWayOut(scene, box, { try: ['download', 'upload'], bytes, upload: bytes / 4 });
    expect(tried).toMatchObject({
      download: { bytes, right: true },
      upload: { bytes: bytes / 4, right: true },
    });
    const all = await toldUntil(before.cursor, (it) => it.ended.length >= 2);
    const near = (value: number, wanted: number) => {
      expect(value).toBeGreaterThanOrEqual(wanted);
      expect(value).toBeLessThan(wanted * 1.05);
    };
    near(Math.max(...all.ended.map((it) => it.rxBytes)), bytes);
    near(Math.max(...all.ended.map((it) => it.txBytes)), bytes / 4);
    near(all.rxBytes - before.rxBytes, bytes);
    near(all.txBytes - before.txBytes, bytes / 4);
  });

  test('what is refused for its address or port is told with the rule, though no packet leaves', async () => {
    const { cursor } = await told(0);
    expect(await curl(`http://${NEIGHBOUR.lan}:${LAN_HTTP_PORT}/`)).toBe('000');
    expect(await curl('http://169.254.169.254/')).toBe('000');
    expect(await curl(`https://${WEB[1]}:853/`)).toBe('000');
    const all = await toldUntil(cursor, (it) => it.ended.length >= 3);
    const denied = (rule: string) => expect.objectContaining({ rule, verdict: 'denied', rxBytes: 0 });
    expect(all.ended.find(to(NEIGHBOUR.lan, LAN_HTTP_PORT))).toEqual(denied('refused-range'));
    expect(all.ended.find(to('169.254.169.254', 80))).toEqual(denied('refused-range'));
    expect(all.ended.find(to(WEB[1], 853))).toEqual(denied('dns-over-tls'));
  });
});

describe('with a policy for names', () => {
  test('allow-list: names, addresses and covers that were refused', async () => {
    await ensure(names('allow-list'));
    const { cursor } = await told(0);
    expect(await curl(`http://good.${ZONE}/`, ...PATIENTLY)).toBe('200');
    expect(await curl(`http://bad.${ZONE}/`)).toBe('000');
    expect(await curl(`http://${WEB[0]}/`)).toBe('000');
    const { stdout } = await inside('getent', 'ahostsv4', `good.${ZONE}`);
    const standIn = stdout.split(/\s/)[0] ?? '';
    expect(await curl(`http://evil.${ZONE}/`, '--resolve', `evil.${ZONE}:80:${standIn}`)).toBe('000');
    const all = await toldUntil(cursor, (it) => it.ended.length >= 3 && it.questions.length >= 2);
    expect(all.ended.find(to(`good.${ZONE}`, 80))).toMatchObject({ rule: 'egress', verdict: 'allowed' });
    expect(all.ended.find(to(WEB[0], 80))).toMatchObject({ rule: 'address-without-name', verdict: 'denied' });
    expect(all.ended.find(to(`evil.${ZONE}`, 80))).toMatchObject({ rule: 'allow-list', verdict: 'denied' });
    expect(all.questions).toContainEqual(
      expect.objectContaining({ name: `bad.${ZONE}`, type: 'A', outcome: 'denied', answer: null }),
    );
    expect(all.questions.filter((it) => it.outcome === 'failed')).toEqual([]);
  });

  test('deny-list: the rule by name', async () => {
    await ensure(names('deny-list'));
    const { cursor } = await told(0);
    expect(await curl(`http://x.bad.${ZONE}/`, '--resolve', `x.bad.${ZONE}:80:${WEB[0]}`)).toBe('000');
    expect(await curl(`http://good.${ZONE}/`, ...PATIENTLY)).toBe('200');
    const all = await toldUntil(cursor, (it) => it.ended.length >= 2);
    expect(all.ended.find(to(`x.bad.${ZONE}`, 80))).toMatchObject({
      ...{ rule: `deny-list suffix bad.${ZONE}`, verdict: 'denied' },
    });
  });

  test('learning: all is let pass, and told what would not be', async () => {
    await ensure(names('allow-list', true));
    const { cursor } = await told(0);
    expect(await curl(`http://bad.${ZONE}/`, ...PATIENTLY)).toBe('200');
    expect(await curl(`http://good.${ZONE}/`, ...PATIENTLY)).toBe('200');
    expect(await curl(`http://${WEB[0]}/`, ...PATIENTLY)).toBe('200');
    const all = await toldUntil(cursor, (it) => it.ended.length >= 3);
    expect(all.ended.find(to(`bad.${ZONE}`, 80))).toMatchObject({
      rule: 'allow-list',
      verdict: 'would-deny',
    });
    expect(all.ended.find(to(`good.${ZONE}`, 80))).toMatchObject({ rule: 'egress', verdict: 'allowed' });
    expect(all.ended.find(to(WEB[0], 80))).toMatchObject({
      ...{ rule: 'address-without-name', verdict: 'would-deny' },
    });
    expect(all.questions.find((it) => it.name === `bad.${ZONE}`)?.outcome).toBe('would-deny');
  });

  test('a grant', async () => {
    await ensure({ ...openPolicy, grants: [{ type: 'ip', value: NEIGHBOUR.lan }] });
    const { cursor } = await told(0);
    expect(await curl(`http://${NEIGHBOUR.lan}:${LAN_HTTP_PORT}/`, ...PATIENTLY)).toBe('200');
    const all = await toldUntil(cursor, (it) => it.ended.length >= 1);
    expect(all.ended[0]).toMatchObject({ host: NEIGHBOUR.lan, rule: 'grant', verdict: 'allowed' });
  });
});

describe('root inside', () => {
  test('finds nothing to talk to or to change, and cannot hide what it does', async () => {
    await ensure(openPolicy);
    const { cursor } = await told(0);
    const attack = [
      // Whatever listens in the namespace but the sandbox's own programs: sing-box's TCP relay at the tun only.
      "ss -Hltn | awk '{print $4}' | grep -v -e '^127.0.0.1:' -e '^\\[::1\\]:' -e '^198.18.0.1' ; echo listed",
      'echo 0 > /proc/sys/net/netfilter/nf_conntrack_acct; cat /proc/sys/net/netfilter/nf_conntrack_acct',
      'conntrack -F; nft flush ruleset; nft delete element inet cloud_claude tried; echo tried',
      // A name with a line break and a made-up line after it.
      `python3 - <<'EOF'
import socket, struct
name = b'x\\n+0000 2026-01-01 00:00:00 INFO [1 0ms] inbound/tun[tun]: inbound connection from 198.18.0.1:1\\n+0000 2026-01-01 00:00:00 INFO [1 0ms] inbound/tun[tun]: inbound connection to 9.9.9.9:443\\n+0000 2026-01-01 00:00:00 DEBUG [1 0ms] connection: connection upload finished\\n+0000 2026-01-01 00:00:00 DEBUG [1 0ms] connection: connection download finished\\n'
sni = struct.pack('>HBH', len(name) + 3, 0, len(name)) + name
ext = struct.pack('>HH', 0, len(sni)) + sni + struct.pack('>HH', 43, 3) + b'\\x02\\x03\\x04' + struct.pack('>HH', 13, 4) + b'\\x00\\x02\\x04\\x03' + struct.pack('>HH', 10, 4) + b'\\x00\\x02\\x00\\x1d'
body = b'\\x03\\x03' + bytes(32) + b'\\x00' + b'\\x00\\x02\\x13\\x01' + b'\\x01\\x00' + struct.pack('>H', len(ext)) + ext
hello = b'\\x01' + struct.pack('>I', len(body))[1:] + body
s = socket.create_connection(('${WEB[1]}', 443))
s.sendall(b'\\x16\\x03\\x01' + struct.pack('>H', len(hello)) + hello)
s.settimeout(2)
try: s.recv(100)
except OSError: pass
EOF`,
    ].join('\n');
    const policy = names('deny-list');
    await ensure(policy);
    const { stdout } = await scene.lab.inside(box.id, 'root', ['bash', '-c', attack]);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['listed', '1']);
    const all = await toldUntil(cursor, (it) => it.ended.some((flow) => flow.port === 443));
    // It was told what really happened, and of what never did nothing is told.
    const host = await until('the invention is dropped', async () => {
      const now = await told(cursor);
      return now.missed > 0 && now;
    });
    expect([...host.ended, ...host.open].filter((it) => it.host === '9.9.9.9')).toEqual([]);
    expect(all.ended.filter((it) => it.address === WEB[1] && it.port === 443)).toHaveLength(1);
  });
});

test('the tunnel and the rules were left as they are all the while', () => {
  expect(notices.filter((it) => it.what === 'rules.healed' || it.what === 'tunnel.down')).toEqual([]);
});

test('another agent begins with an empty ring and another count, and knows what is open', async () => {
  const before = await told(0);
  const hold = `import socket,time
s = socket.create_connection(('${WEB[1]}', 80)); print('open', flush=True); time.sleep(60)`;
  const holding = scene.lab.inside(box.id, 'claude', ['timeout', '20', 'python3', '-c', hold]);
  await toldUntil(before.cursor, (it) => it.open.some(to(WEB[1], 80)));
  await scene.daemon.kill('SIGKILL');
  scene.daemon = await startDaemon(scene.lab, scene.machine);
  const after = await until('it follows again', async () => {
    const now = await told(before.cursor);
    return now.open.some(to(WEB[1], 80)) && now;
  });
  expect(after.ended).toEqual([]);
  expect(after.questions).toEqual([]);
  expect(trafficEpoch(after.cursor)).toBeGreaterThan(trafficEpoch(before.cursor));
  expect(after.rxBytes).toBeLessThan(10_000);
  await scene.lab.inside(box.id, 'root', ['pkill', '-f', 'time.sleep']);
  await holding;
  await toldUntil(after.cursor, (it) => it.ended.some(to(WEB[1], 80)));
  expect(await curl(`http://one.${ZONE}/`, ...PATIENTLY)).toBe('200');
});
