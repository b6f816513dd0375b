/**
 * The whole gateway with the real agent on a laboratory host: one sandbox is bound, switched, failed over and cut off
 * while a judge looks at every frame that leaves the host.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon } from '../agent/testlab/daemon';
import { framesOf, judge } from '../agent/testlab/judge';
import { PUBLIC_RESOLVER, WEB, ZONE } from '../agent/testlab/machine';
import type { ProxyServer } from '../agent/testlab/proxies';
import { createScene, type Scene } from '../agent/testlab/scene';
import { bindSchema, createEgressSchema, savePoolSchema } from '../shared/egress-views';
import { createSandboxSchema } from '../shared/views';
import { type Gateway, startGateway } from './compose';
import { loadConfig } from './config';
import type { Identity } from './contracts';
import { until } from './tasks/testing/bench';

let scene: Scene;
let gateway: Gateway;
let folder: string;
let root: Identity;
let first: ProxyServer;
let second: ProxyServer;
let box: string;
const ways = { first: '', second: '' };

beforeAll(async () => {
  scene = await createScene();
  [first, second] = await Promise.all([scene.proxies.open('trojan'), scene.proxies.open('socks5')]);
  folder = await mkdtemp(join(tmpdir(), 'cc-network-'));
  await open();
  const admin = await gateway.parts.db.user.findFirstOrThrow();
  root = {
    ...{ userId: admin.id, username: admin.username, role: 'admin', via: 'browser', credentialId: 'test' },
    ...{ scopes: null, sandboxId: null, endsAt: null },
    ...{ mustChangePassword: false, address: '127.0.0.1', userAgent: 'test' },
  };
});
afterAll(async () => {
  await gateway?.close();
  await scene?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  const config = loadConfig({
    DATA_DIR: folder,
    PORT: '0',
    HOST_AGENT_SOCKET: scene.lab.socket,
    SANDBOX_IMAGE: scene.lab.image,
    CONNECT_URL: `http://${WEB[0]}/generate_204`,
    ECHO_URLS: `http://${WEB[0]}/ip,http://${WEB[1]}/json`,
    DNS_ECHO: `{unique}.who.${ZONE}`,
    EGRESS_DNS: `tcp://${PUBLIC_RESOLVER.address}`,
    // Tests of ways out that serve nobody would be told from the sandbox's own frames by nothing.
    EGRESS_HEALTH_INTERVAL: '0',
  });
  const log = pino({ level: process.env.TEST_LOG ?? 'silent' }, pino.destination(2));
  gateway = await startGateway({ config, log, version: 'test' });
}

const card = async () => gateway.services.sandboxes.get(root, box);
const settled = (state: string, label: string) =>
  until(`${state} by ${label}`, async () => {
    const { db } = gateway.parts;
    const busy = await db.task.count({ where: { sandboxId: box, state: { in: ['queued', 'running'] } } });
    const it = await card();
    return busy === 0 && it.state === state && it.egress.label === label ? it : null;
  });
/** What the web server sees the sandbox come from; empty when nothing passes. */
async function exitAddress(): Promise<string> {
  const command = ['curl', '-sS', '-m', '3', `http://${WEB[0]}/ip`];
  return (await scene.lab.inside(box, 'claude', command)).stdout.trim();
}
const bind = (to: { egressId?: string; poolId?: string }) =>
  gateway.services.egress.bind(
    root,
    bindSchema.parse({ target: 'sandbox', targetId: box, egressId: null, poolId: null, ...to }),
  );
async function prove() {
  let last: unknown;
  for await (const it of gateway.services.network.prove(root, box, new AbortController().signal)) last = it;
  return last;
}
const audits = async (type: string) =>
  (await gateway.parts.db.auditEvent.findMany({ where: { type }, orderBy: { at: 'asc' } })).map(
    (it) => it.message,
  );

test('nobody bound anything: direct, open at once, and its proof is on the card a little later', async () => {
  const made = await gateway.services.sandboxes.create(
    root,
    createSandboxSchema.parse({ openClaude: false }),
  );
  box = made.id;
  const now = await settled('running', 'Direct');
  expect(now.task).toBeNull();
  expect(await exitAddress()).toBe('198.51.100.10');
  const proven = await until('its proof', async () => {
    const { egress } = await card();
    return egress.verdict === null ? null : egress;
  });
  expect(proven).toMatchObject({ verdict: 'green', exitAddress: '198.51.100.10', kind: 'direct' });
  expect(proven.latencyMs).toBeGreaterThan(0);
});

test('bound to a pool while it runs: the same container, proven, and no frame by another way', async () => {
  const make = async (label: string, proxy: ProxyServer) =>
    gateway.services.egress.create(
      root,
      createEgressSchema.parse({ label, config: proxy.egress, expectedAddress: proxy.exit }),
    );
  ways.first = (await make('First', first)).id;
  ways.second = (await make('Second', second)).id;
  const pool = await gateway.services.egress.savePool(
    root,
    savePoolSchema.parse({
      ...{ label: 'Exits', strategy: 'order', failover: true, egressIds: [ways.first, ways.second] },
    }),
  );
  const container = await scene.lab.pid(box);
  const ssh = await scene.lab.openSsh(box);
  const [task] = await bind({ poolId: pool.id });
  expect(task?.kind).toBe('sandbox.network');
  await settled('running', 'First');
  expect(await exitAddress()).toBe(first.exit);
  const { egress } = await until('proven', async () => {
    const it = await card();
    return it.egress.verdict === 'green' ? it : null;
  });
  expect(egress).toMatchObject({ exitAddress: first.exit, kind: 'trojan' });
  expect(await scene.lab.pid(box)).toBe(container);
  expect(ssh.destroyed).toBe(false);
  ssh.destroy();
  expect((await audits('egress.switched')).at(-1)).toMatch(/ went from Direct to First$/);
});

test('its way out dies: fenced, the next one proven, then open; nothing leaves by another way', async () => {
  const seen = await judge(scene.machine, [framesOf(first.egress), framesOf(second.egress)]);
  await first.stop();
  expect(await prove()).toMatchObject({ type: 'proof', proof: { verdict: 'red' } });
  await settled('running', 'Second');
  expect(await exitAddress()).toBe(second.exit);
  expect((await audits('egress.failover')).at(-1)).toContain(' leaves First for Second: ');
  expect(await audits('network.fenced')).toHaveLength(1);
  const proofs = await gateway.services.network.proofs(root, { sandboxId: box, limit: 3 });
  expect(proofs[0]).toMatchObject({ verdict: 'green', cause: 'switch', egressId: ways.second });
  expect(await seen.verdict()).toEqual([]);
});

test('all of them dead: cut off, with a reason that names each; one is back, and so is the sandbox', async () => {
  await second.stop();
  await prove();
  const dead = await until('the reason', async () => {
    const it = await card();
    return it.state === 'unavailable' && it.reason?.startsWith('Every way out') ? it : null;
  });
  expect(dead.reason).toMatch(/^Every way out of the pool Exits is red\. First: .+ Second: .+ works\.$/);
  expect(await exitAddress()).toBe('');
  expect(await gateway.services.network.ofSandbox(root, box)).toMatchObject({
    fenced: true,
    proof: { verdict: 'red' },
  });
  await second.start();
  expect(await prove()).toMatchObject({ type: 'proof', proof: { verdict: 'green' } });
  await settled('running', 'Second');
  expect(await exitAddress()).toBe(second.exit);
});

test('the agent is killed in the middle of a switch, the gateway restarted: it ends where it should', async () => {
  await first.start();
  const seen = await judge(scene.machine, [framesOf(first.egress), framesOf(second.egress)]);
  const before = (await audits('egress.switched')).length;
  await bind({ egressId: ways.first });
  await until('the proof began', async () =>
    gateway.parts.db.taskStep.findFirst({
      where: { name: 'network.proof', state: 'running', task: { kind: 'sandbox.network', state: 'running' } },
    }),
  );
  await scene.daemon.kill('SIGKILL');
  await gateway.close();
  expect(['', first.exit, second.exit]).toContain(await exitAddress());
  scene.daemon = await startDaemon(scene.lab, scene.machine);
  await open();
  await settled('running', 'First');
  expect(await exitAddress()).toBe(first.exit);
  expect((await audits('egress.switched')).slice(before)).toEqual([
    expect.stringMatching(/ went from Second to First$/),
  ]);
  expect(await seen.verdict()).toEqual([]);
});
