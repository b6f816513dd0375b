/** Every kind of way out, end to end through a real server; one running sandbox is switched from one to the next. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxSpec } from '../../shared/agent-api';
import { carriesUdp } from '../../shared/egress';
import { framesOf, type Judge, judge } from '../testlab/judge';
import { until } from '../testlab/lab';
import { HOST, HOST_RESOLVER, PUBLIC_RESOLVER, WEB } from '../testlab/machine';
import { type ProxyName, type ProxyServer, proxyNames } from '../testlab/proxies';
import { createScene, networkOf, type Scene, useWayOut } from '../testlab/scene';

const MiB = 1 << 20;
const DOWNLOAD = 16 * MiB;
const UPLOAD = 8 * MiB;
const PARALLEL = 100;
/** The largest download, through one kind that is quick. */
const LARGE = { name: 'ss-2022', bytes: 1024 * MiB } as const;
/** microsocks has no UDP ASSOCIATE (its README). */
const WITHOUT_UDP: readonly ProxyName[] = ['microsocks'];

let scene: Scene;
let box: SandboxSpec;

beforeAll(async () => {
  scene = await createScene();
  box = scene.lab.newSpec();
  await scene.lab.call('sandbox.ensure', { ...box, network: networkOf({ kind: 'direct' }) });
});
afterAll(async () => {
  await scene?.close();
});

const reachesWeb = async () =>
  (await scene.lab.inside(box.id, 'claude', ['curl', '-sS', '-m', '2', `http://${WEB[0]}/`])).code === 0;

describe.each(proxyNames)('%s', (name) => {
  let proxy: ProxyServer;
  let seen: Judge;
  let container: number;

  beforeAll(async () => {
    proxy = await scene.proxies.open(name);
    container = await scene.lab.pid(box.id);
    await scene.lab.call('sandbox.ensure', { ...box, network: networkOf(proxy.egress) });
    seen = await judge(scene.machine, [framesOf(proxy.egress)]);
  });
  afterAll(async () => {
    await seen?.verdict();
    await proxy?.stop();
  });

  test('carries TCP, UDP where it can, and names, with the exit address of the server', async () => {
    // The same container as before the switch.
    expect(await scene.lab.pid(box.id)).toBe(container);
    const before = scene.services.events.length;
    const udp = carriesUdp(proxy.egress) && !WITHOUT_UDP.includes(name);
    const tried = await useWayOut(scene, box, {
      try: ['exit_address', 'resolver', 'udp', 'parallel'],
      parallel: PARALLEL,
      udpTries: udp ? 3 : 1,
    });
    const { udp: _, ...rest } = tried;
    expect(rest).toEqual({
      exit_address: proxy.exit,
      resolver: PUBLIC_RESOLVER.from,
      parallel: { [proxy.exit]: PARALLEL },
    });
    if (udp) expect(tried.udp).toEqual([proxy.exit, proxy.exit]);
    else expect(JSON.stringify(tried.udp)).not.toContain(proxy.exit);
    const events = scene.services.events.slice(before);
    expect(events.filter((it) => it.from === HOST.address || it.from === HOST_RESOLVER.from)).toEqual([]);
  });

  test('loses no byte of a download or an upload', async () => {
    const bytes = name === LARGE.name ? LARGE.bytes : DOWNLOAD;
    const tried = await useWayOut(scene, box, { try: ['download', 'upload'], bytes, upload: UPLOAD });
    expect(tried).toMatchObject({
      download: { bytes, right: true },
      upload: { bytes: UPLOAD, right: true },
    });
  });

  test('server gone: nothing gets out; back: it works again', async () => {
    await proxy.stop();
    expect(await reachesWeb()).toBe(false);
    await proxy.start();
    await until('the way out', reachesWeb, 40_000);
  });

  test('no frame left the host but to the server', async () => {
    expect(await seen.verdict()).toEqual([]);
  });
});

test('back to the own uplink, the exit address is the host again', async () => {
  const network = networkOf({ kind: 'direct' });
  await scene.lab.call('sandbox.ensure', { ...box, network });
  const seen = await judge(scene.machine, [framesOf(network.egress)]);
  const tried = await useWayOut(scene, box, { try: ['exit_address', 'resolver', 'udp'] });
  expect(tried).toEqual({
    exit_address: HOST.address,
    resolver: HOST_RESOLVER.from,
    udp: [HOST.address, HOST.address],
  });
  expect(await seen.verdict()).toEqual([]);
});
