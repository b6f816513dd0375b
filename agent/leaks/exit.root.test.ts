/** A way out that changes under a running sandbox: its traffic leaves by another address, its server moves. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AgentNotice, NetworkSpec, SandboxSpec } from '../../shared/agent-api';
import type { Egress } from '../../shared/egress';
import { hostTable } from '../../shared/names';
import type { ProbeSettings } from '../../shared/proof';
import { run } from '../apply/run';
import { answersTo, framesOf, judge } from '../testlab/judge';
import { until } from '../testlab/lab';
import { WEB, ZONE } from '../testlab/machine';
import type { ProxyServer } from '../testlab/proxies';
import { CUT, createScene, LONG_DOWNLOAD, networkOf, type Scene } from '../testlab/scene';

/** Addresses that no server of the laboratory has. */
const OTHER_EXIT = '192.0.2.222';
const MOVED = '192.0.2.223';
/** Nobody asks the agent anything meanwhile: it follows by its own timer. */
const NAMES_EVERY_MS = 1_000;
const SERVER = `server.${ZONE}`;
/** From the moment a proof begins until nothing passes any more, on a busy machine. */
const FENCED_MS = 10_000;

const probes: ProbeSettings = {
  connectUrl: `http://${WEB[0]}/generate_204`,
  echoUrls: [`http://${WEB[0]}/ip`, `http://${WEB[1]}/json`],
  dnsEcho: { name: `{unique}.who.${ZONE}`, type: 'A' },
  intervalSeconds: 900,
};
let scene: Scene;
let box: SandboxSpec;
let proxy: ProxyServer;
const notices: AgentNotice[] = [];
const unwatch = new AbortController();
let watching: Promise<unknown>;

beforeAll(async () => {
  scene = await createScene({ namesEveryMs: NAMES_EVERY_MS });
  proxy = await scene.proxies.open('trojan');
  await scene.services.name(SERVER, proxy.exit);
  watching = scene.lab
    .call('watch', {}, { onNotice: (it) => notices.push(it), signal: unwatch.signal })
    .catch(() => {});
  const egress = { ...proxy.egress, server: SERVER } as Egress;
  const proven: Partial<NetworkSpec> = { proof: 'gate', probes, expectedAddress: proxy.exit };
  box = { ...scene.lab.newSpec(), network: networkOf(egress, proven) };
  await scene.lab.call('sandbox.ensure', box);
});
afterAll(async () => {
  unwatch.abort();
  await watching;
  await scene?.close();
});

const observe = () => scene.lab.call('sandbox.observe', { id: box.id });
const curl = (...args: string[]) => scene.lab.inside(box.id, 'claude', ['curl', '-sS', ...args], 60_000);
const exitAddress = async () => (await curl('-m', '3', `http://${WEB[0]}/ip`)).stdout.trim();
const atServer = (...command: string[]) => run(['ip', '-n', proxy.namespace ?? '', ...command]);
const leaveBy = (address: string) =>
  atServer('route', 'replace', '192.0.2.0/24', 'dev', 'eth0', 'src', address);

test('it leaves by another address: the next proof cuts it off within seconds and says what to do', async () => {
  expect(await exitAddress()).toBe(proxy.exit);
  await atServer('addr', 'add', `${OTHER_EXIT}/32`, 'dev', 'eth0');
  await leaveBy(OTHER_EXIT);
  expect(await exitAddress()).toBe(OTHER_EXIT);
  const flow = curl(...LONG_DOWNLOAD.args, `http://${WEB[1]}${LONG_DOWNLOAD.path}`);
  const isFlow = (it: { http?: string }) => it.http === LONG_DOWNLOAD.path;
  await until('the flow', async () => scene.services.events.some(isFlow));

  notices.length = 0;
  const began = Date.now();
  const proof = await scene.lab.call('sandbox.prove', { id: box.id });
  const fenced = await until(
    'the fence',
    async () => notices.find((it) => it.what === 'network.fenced') ?? null,
  );
  expect(Date.parse(fenced.at) - began).toBeLessThan(FENCED_MS);
  expect(proof).toMatchObject({ verdict: 'red', exitAddress: OTHER_EXIT });
  for (const told of [fenced.detail, (await observe()).network.reason]) {
    expect(told).toContain(OTHER_EXIT);
    expect(told).toMatch(new RegExp(`must be ${proxy.exit}.*Correct the expected address`));
  }
  expect((await observe()).network).toMatchObject({ gate: 'closed', tunnel: 'fenced' });

  const seen = await judge(scene.machine, []);
  expect(await exitAddress()).toBe('');
  expect((await scene.lab.inside(box.id, 'root', ['dig', '+time=1', '+tries=1', `x.${ZONE}`])).code).not.toBe(
    0,
  );
  // The flow of before is dead; the sandbox lives, and its people get in.
  expect((await flow).code).toBe(CUT);
  (await scene.lab.openSsh(box.id)).destroy();
  // Questions for the server's own name are the agent's.
  expect((await seen.verdict()).filter((it) => !it.includes(SERVER))).toEqual([]);
});

test('it leaves by the right address again: the next proof opens it', async () => {
  await leaveBy(proxy.exit);
  expect(await scene.lab.call('sandbox.prove', { id: box.id })).toMatchObject({ verdict: 'green' });
  expect((await observe()).network).toMatchObject({ gate: 'open', tunnel: 'up' });
  expect(await exitAddress()).toBe(proxy.exit);
});

test("the server's name moves: sing-box and the host's rule follow, the old address is closed, the proof is green", async () => {
  const singBox = await scene.lab.singBoxPids();
  await atServer('addr', 'add', `${MOVED}/32`, 'dev', 'eth0');
  await scene.services.name(SERVER, MOVED);
  notices.length = 0;
  // Every look at the host's rules meanwhile: the old address, then both, then the new one, and never neither.
  const states: string[] = [];
  const table = () => scene.machine.onHost(['nft', 'list', 'table', 'inet', hostTable(scene.lab.instance)]);
  await until(
    'the old address is closed',
    async () => {
      const rules = await table();
      const state = [proxy.exit, MOVED].filter((it) => rules.includes(it)).join(' ');
      if (states.at(-1) !== state) states.push(state);
      return state === MOVED;
    },
    25_000,
  );
  expect(states).toEqual([proxy.exit, `${proxy.exit} ${MOVED}`, MOVED]);
  expect(notices.filter((it) => it.what === 'endpoint.moved')).toMatchObject([
    { detail: expect.stringContaining(MOVED) },
  ]);
  const seen = await judge(scene.machine, [framesOf(proxy.egress, MOVED), answersTo(proxy.exit)]);
  expect(await exitAddress()).toBe(proxy.exit);
  expect(await scene.lab.call('sandbox.prove', { id: box.id })).toMatchObject({ verdict: 'green' });
  expect((await seen.verdict()).filter((it) => !it.includes(SERVER))).toEqual([]);
  expect(await scene.lab.singBoxPids()).toEqual(singBox);
});
