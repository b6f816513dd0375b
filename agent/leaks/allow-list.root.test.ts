/** An allow-list of names under attack: root in the sandbox reaches what is on it and nothing else, by no trick. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxSpec } from '../../shared/agent-api';
import { openPolicy } from '../../shared/network-policy';
import { type Attacker, attackPolicy } from '../testlab/flood';
import { framesOf, judge, judgeExit } from '../testlab/judge';
import { until } from '../testlab/lab';
import { PUBLIC_RESOLVER, UDP_ECHO_PORT, WEB, ZONE } from '../testlab/machine';
import type { ProxyServer } from '../testlab/proxies';
import { createScene, networkOf, type Scene } from '../testlab/scene';

const ALLOWED = `good.${ZONE}`;
const DENIED = `bad.${ZONE}`;

let scene: Scene;
let box: SandboxSpec;
let proxy: ProxyServer;

beforeAll(async () => {
  scene = await createScene();
  proxy = await scene.proxies.open('ss-aead');
  const rules = [{ type: 'suffix' as const, value: ALLOWED }];
  const domains = { mode: 'allow-list' as const, rules, bundles: [], learn: false };
  box = {
    ...scene.lab.newSpec(),
    network: networkOf(proxy.egress, { policy: { ...openPolicy, domains } }),
  };
  await scene.lab.call('sandbox.ensure', box);
});
afterAll(async () => {
  await scene?.close();
});

const inside = (command: string[]) => scene.lab.inside(box.id, 'claude', command);
/** What is on the list works, by TCP and by UDP; a datagram may be lost, and a busy machine may take its time. */
async function works() {
  const echo = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
s.sendto(b'hello', ('${ALLOWED}', ${UDP_ECHO_PORT})); print(s.recv(100).decode())`;
  const said = async (command: string[]) => (await inside(command)).stdout.trim();
  await until('TCP', async () => {
    return (await said(['curl', '-sS', '-m', '5', `http://www.${ALLOWED}/ip`])) === proxy.exit;
  });
  await until('UDP', async () => (await said(['python3', '-c', echo])) === `${proxy.exit} hello`);
}

test.each<[Attacker]>([['root'], ['net-raw']])('every trick, as %s', async (attacker) => {
  await works();
  const before = scene.services.events.length;
  const [seen, exit] = await Promise.all([
    judge(scene.machine, [framesOf(proxy.egress)]),
    judgeExit(scene.machine, proxy.exit, [
      `dst host ${WEB[0]}`,
      `dst host ${PUBLIC_RESOLVER.address} and tcp dst port 53`,
    ]),
  ]);
  const attack = await attackPolicy(scene, box, attacker, { allowed: ALLOWED, denied: DENIED });
  const report = await attack.done;
  await works();
  const events = scene.services.events.slice(before);
  const onList = (name = '') => name === ALLOWED || name.endsWith(`.${ALLOWED}`);
  const verdict = {
    reached: report.reached,
    // What was used of the way out, each destination once.
    left: [...new Set((await exit.verdict()).map((it) => /> ([^:]+):/.exec(it)?.[1] ?? it))].sort(),
    asked: events.flatMap((it) => (it.dns === undefined || onList(it.dns) ? [] : [it.dns])),
    spokenTo: events.flatMap((it) => (it.http === undefined || onList(it.host) ? [] : [it])),
    besides: (await seen.verdict()).slice(0, 6),
  };
  expect(verdict).toEqual({ reached: [], left: [], asked: [], spokenTo: [], besides: [] });
  // It did try: sessions with the allowed server were there to be used for others.
  for (const way of ['dns', 'reuse', 'reuse-53', 'cover-host', 'late-sni'])
    expect(report.tried, way).toHaveProperty(way);
  expect(report.tried.reuse).toBe(1);
});
