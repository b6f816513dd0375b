// WireGuard's ways out while everything around them falls: by sing-box, and by the kernel's own links. The kernel under
// a test may have none: wireguard-go makes them in its place then, told by the same `wg` and seen by the same `ip`.
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxSpec } from '../../shared/agent-api';
import type { Egress } from '../../shared/egress';
import { uplinkNamespace, wireguardLink, wireguardNamespace } from '../../shared/names';
import { run } from '../apply/run';
import { startDaemon } from '../testlab/daemon';
import { framesOf, judge, questions } from '../testlab/judge';
import { until } from '../testlab/lab';
import { PUBLIC_RESOLVER, WEB, ZONE } from '../testlab/machine';
import type { ProxyServer } from '../testlab/proxies';
import { createScene, networkOf, type Scene, useWayOut } from '../testlab/scene';

const STAND_IN = `#!/bin/sh
case "$*" in
  *'type wireguard') [ "$1" = link ] || exit 0; exec wireguard-go "$3" 2>/dev/null ;;
esac
for it in /sbin/ip /usr/sbin/ip /bin/ip /usr/bin/ip; do [ -x $it ] && exec $it "$@"; done
`;

let scene: Scene;
let programs: string;
let box: SandboxSpec;
let peer: ProxyServer;

beforeAll(async () => {
  programs = await mkdtemp(join(tmpdir(), 'wireguard-stand-in-'));
  await chmod(programs, 0o755);
  await writeFile(join(programs, 'ip'), STAND_IN, { mode: 0o755 });
  scene = await createScene({ programs });
  box = scene.lab.newSpec();
  peer = await scene.proxies.open('wireguard');
  await scene.services.name(`peer.${ZONE}`, peer.exit);
});
afterAll(async () => {
  await scene?.close();
  await rm(programs, { recursive: true, force: true });
});

const SLOT = 1;
const link = () => wireguardLink(scene.lab.instance, SLOT);
const place = () => wireguardNamespace(scene.lab.instance, SLOT);
const namespaces = async () => (await run(['ip', 'netns', 'list'])).stdout;
const curl = ['curl', '-sS', '-m', '2', `http://${WEB[0]}/`];
const reachesWeb = async () => (await scene.lab.inside(box.id, 'claude', curl)).code === 0;
const observed = async () => (await scene.lab.call('sandbox.observe', { id: box.id })).network;
const isUp = () => until('the tunnel', async () => (await observed()).tunnel === 'up');
const revive = async () => {
  scene.daemon = await startDaemon(scene.lab, scene.machine, { programs });
};

describe.each(['userspace', 'kernel'] as const)('%s', (mode) => {
  const egress = (server = peer.exit) => ({ ...peer.egress, server, mode }) as Egress;
  const ensure = (server?: string) =>
    scene.lab.call('sandbox.ensure', { ...box, network: networkOf(egress(server)) });
  /** Ends what leads to the peer, as somebody from outside. */
  const fell = async () => {
    const [pid] = await scene.lab.wireguardPids();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    else await run(['ip', '-n', place(), 'link', 'delete', link()]);
  };

  test('carries TCP, UDP and names; root in the sandbox finds nothing of it', async () => {
    await ensure();
    const seen = await judge(scene.machine, [framesOf(egress())]);
    await until('the first handshake', reachesWeb);
    expect(
      await useWayOut(scene, box, { try: ['exit_address', 'resolver', 'udp', 'download'], bytes: 1 << 23 }),
    ).toMatchObject({
      exit_address: peer.exit,
      resolver: PUBLIC_RESOLVER.from,
      udp: [peer.exit, peer.exit],
      download: { right: true },
    });
    expect(await scene.lab.wireguardPids()).toHaveLength(mode === 'userspace' ? 1 : 0);
    const look =
      'ls /sys/class/net; ls /run/netns; for it in 127.0.0.1:1080 10.66.0.2:1080 10.66.0.1:80; do curl -sS -m 1 http://$it/ && echo reached; done';
    const { stdout } = await scene.lab.inside(box.id, 'root', ['sh', '-c', look]);
    expect(stdout.trim().split('\n').sort()).toEqual(['lo', 'tun0']);
    // Neither leads anywhere else from there.
    const elsewhere = ['ip', 'netns', 'exec', place(), 'curl', '-sS', '-m', '1', `http://${WEB[0]}/`];
    if (mode === 'userspace') expect((await run(elsewhere, { okCodes: [7] })).code).toBe(7);
    expect(await seen.verdict()).toEqual([]);
  });

  test('ended from outside: nothing else leaves, the reason is told, and it comes back', async () => {
    const seen = await judge(scene.machine, [framesOf(egress())]);
    const { restarts } = await observed();
    await fell();
    await until('the end is seen', async () => (await observed()).restarts > restarts);
    await until('the way out', reachesWeb);
    await isUp();
    expect(scene.daemon.log()).toContain('The WireGuard link was ended from outside');
    expect(await seen.verdict()).toEqual([]);
  });

  test('an agent that was killed is followed by one that takes it over', async () => {
    const standing = async () => ({
      pids: await scene.lab.singBoxPids(),
      namespace: (await stat(`/run/netns/${place()}`)).ino,
    });
    const before = await standing();
    await scene.daemon.kill('SIGKILL');
    expect(await reachesWeb()).toBe(true);
    await revive();
    await isUp();
    expect(await observed()).toMatchObject({ restarts: 0, gate: 'open' });
    expect(await standing()).toEqual(before);
    expect(await reachesWeb()).toBe(true);
  });

  test('what fell while no agent was there is made anew, and what a killed one left half-made is swept', async () => {
    const seen = await judge(scene.machine, [framesOf(egress())]);
    await scene.daemon.kill('SIGKILL');
    await fell();
    expect(await reachesWeb()).toBe(false);
    const stray = wireguardNamespace(scene.lab.instance, 999);
    const halfway = wireguardLink(scene.lab.instance, 998);
    await run(['ip', 'netns', 'add', stray]);
    await scene.machine.onHost(['ip', 'tuntap', 'add', halfway, 'mode', 'tun']);
    await revive();
    await until('the way out', reachesWeb);
    expect(await namespaces()).not.toContain(stray);
    expect(await scene.machine.onHost(['ip', '-o', 'link'])).not.toContain(halfway);
    expect(await seen.verdict()).toEqual([]);
  });

  test('another way out leaves nothing of it', async () => {
    await scene.lab.call('sandbox.ensure', { ...box, network: networkOf({ kind: 'direct' }) });
    expect(await namespaces()).not.toContain(`${uplinkNamespace(scene.lab.instance)}-wg`);
    expect(await scene.lab.wireguardPids()).toEqual([]);
    expect(await reachesWeb()).toBe(true);
  });
});
test("the kernel's follows its peer's name: the old address is left, and nothing is made anew", async () => {
  const name = `peer.${ZONE}`;
  const egress = { ...peer.egress, server: name, mode: 'kernel' } as Egress;
  const follows = async () => scene.lab.call('sandbox.ensure', { ...box, network: networkOf(egress) });
  await follows();
  await until('the way out', reachesWeb);
  const seen = await judge(scene.machine, [framesOf(egress, peer.exit), framesOf(egress, MOVED), questions]);
  const { restarts } = await observed();
  const meaning = (address: string) => async () => {
    await follows();
    const shown = await run(['ip', 'netns', 'exec', place(), 'wg', 'show', link(), 'endpoints']);
    return shown.stdout.includes(`${address}:`);
  };
  await scene.services.name(name, MOVED);
  await until('the new address', meaning(MOVED));
  expect(await reachesWeb()).toBe(false);
  await scene.services.name(name, peer.exit);
  await until('the old address again', meaning(peer.exit));
  await until('the way out', reachesWeb);
  expect((await observed()).restarts).toBe(restarts);
  expect(await seen.verdict()).toEqual([]);
});
/** Where nobody answers. */
const MOVED = '192.0.2.250';

test('stopped by a signal: ended and made again', async () => {
  await scene.lab.call('sandbox.ensure', { ...box, network: networkOf(peer.egress) });
  await until('the way out', reachesWeb);
  const [pid = -1] = await scene.lab.wireguardPids();
  process.kill(pid, 'SIGSTOP');
  await until('another one', async () => {
    const [now] = await scene.lab.wireguardPids();
    return now !== undefined && now !== pid;
  });
  await until('the way out', reachesWeb);
  expect(scene.daemon.log()).toContain('The WireGuard link was stopped by a signal');
});
