import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sandboxNetworkViewSchema, trafficViewSchema } from '../../../shared/egress-views';
import type { Flow } from '../../../shared/traffic';
import type { Identity } from '../../contracts';
import { createTrimJob, PROOFS_KEPT_MS } from '../../jobs/trim';
import { type EgressTest, openEgressTest } from '../egress/testing';

let t: EgressTest;
let ann: Identity;
beforeEach(async () => {
  t = await openEgressTest();
  ann = await t.person('ann');
});
afterEach(() => t.close());

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (thrown) => thrown.code,
  );
async function prove(who: Identity, id: string) {
  const seen = [];
  for await (const it of t.networks.prove(who, id, new AbortController().signal)) seen.push(it);
  return seen;
}

test('a proof that was asked for is streamed, kept and shown', async () => {
  const box = await t.running(ann);
  const before = sandboxNetworkViewSchema.parse(await t.networks.ofSandbox(ann, box.id));
  expect(before).toMatchObject({
    egressId: null,
    label: 'Direct',
    kind: 'direct',
    boundBy: 'nobody',
    proof: null,
  });
  const seen = await prove(ann, box.id);
  expect(seen.at(-1)).toMatchObject({ type: 'proof', proof: { sandboxId: box.id, cause: 'asked' } });
  expect((await t.networks.ofSandbox(ann, box.id)).proof).toMatchObject({ exitAddress: '198.51.100.9' });
  expect((await t.sandboxes.get(ann, box.id)).egress).toMatchObject({
    exitAddress: '198.51.100.9',
    verdict: 'green',
    latencyMs: 12.5,
  });
  expect(await t.networks.proofs(ann, { sandboxId: box.id, limit: 5 })).toHaveLength(1);
  expect(await t.auditTypes()).toEqual(expect.arrayContaining(['proof.asked', 'proof.green']));
});

test('a proof of the way out it had before is not shown for the one it has', async () => {
  const box = await t.running(ann);
  await prove(ann, box.id);
  const a = await t.make('A');
  await t.bind('sandbox', box.id, { egressId: a.id });
  await t.rests(box.id, 'running');
  expect(await t.networks.ofSandbox(ann, box.id)).toMatchObject({
    label: 'A',
    boundBy: 'sandbox',
    proof: null,
  });
});

describe('who sees what', () => {
  test('strangers nothing, guests no traffic, administrators all', async () => {
    const box = await t.running(ann);
    const bob = await t.person('bob');
    const all = (who: Identity) =>
      Promise.all([
        code(t.networks.ofSandbox(who, box.id)),
        code(t.networks.proofs(who, { sandboxId: box.id, limit: 1 })),
        code(t.networks.traffic(who, box.id)),
        code(prove(who, box.id)),
      ]);
    expect(await all(bob)).toEqual(Array(4).fill('not_found'));
    const workspaceId = await t.personalWorkspace(ann);
    await t.db.member.create({ data: { workspaceId, userId: bob.userId, role: 'guest' } });
    expect(await all(bob)).toEqual(['ok', 'ok', 'forbidden', 'forbidden']);
    expect(await all(t.root)).toEqual(Array(4).fill('ok'));
  });

  test('what does not run is not proven', async () => {
    const box = await t.running(ann);
    await t.sandboxes.request(ann, { id: box.id, action: 'stop' });
    await t.rests(box.id, 'stopped');
    expect(await code(prove(ann, box.id))).toBe('sandbox_not_running');
    trafficViewSchema.parse(await t.networks.traffic(ann, box.id));
  });
});

test('traffic is what the agent has now and what was counted over the day', async () => {
  const box = await t.running(ann);
  const flow = (id: string): Flow => ({
    id,
    network: 'tcp',
    host: 'a.test',
    address: null,
    port: 443,
    rule: 'egress',
    verdict: 'allowed',
    startedAt: '',
    endedAt: '',
    rxBytes: 1,
    txBytes: 2,
  });
  const now = { cursor: 3, missed: 0, rxBytes: 10, txBytes: 20, open: [flow('1')], questions: [] };
  t.peer.egress.traffic.set(box.id, { ...now, ended: [flow('2'), flow('3')] });
  const hour = new Date(Date.now() - 3_600_000);
  await t.db.trafficMinute.create({ data: { sandboxId: box.id, minute: hour, rx: 5_000_000_000n, tx: 6n } });
  const row = { sandboxId: box.id, rule: 'egress', rx: 7n, tx: 8n, firstAt: hour, lastAt: hour };
  const old = new Date(Date.now() - 7_200_000);
  await t.db.trafficHost.createMany({
    data: [
      { ...row, hour, host: 'a.test', verdict: 'allowed', count: 2 },
      { ...row, hour: old, host: 'a.test', verdict: 'allowed', count: 3 },
      { ...row, hour, host: 'b.test', verdict: 'denied', rule: 'allow-list', count: 4 },
    ],
  });
  expect(trafficViewSchema.parse(await t.networks.traffic(ann, box.id))).toMatchObject({
    rxBytes: 5_000_000_010,
    txBytes: 26,
    series: [
      { rxBytes: 5_000_000_000, txBytes: 6 },
      { rxBytes: 10, txBytes: 20 },
    ],
    open: [{ id: '1' }],
    recent: [{ id: '3' }, { id: '2' }],
    hosts: [{ host: 'a.test', count: 7, rxBytes: 16, txBytes: 20 }],
    denied: [{ host: 'b.test', verdict: 'denied', count: 4, lastAt: hour.toISOString() }],
  });
});

describe('the store of proofs', () => {
  test('keeps each once, the newest counts, and a timer is written down only when something changed', async () => {
    const box = await t.running(ann);
    const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    const proof = (seconds: number, over: object = {}) =>
      t.peer.egress.makeProof({ sandboxId: box.id, cause: 'timer', finishedAt: at(seconds), ...over });
    const first = proof(1);
    expect(await t.proofs.store(first)).toBe(true);
    expect(await t.proofs.store(first)).toBe(false);
    const red = proof(9, { verdict: 'red', reason: 'Leak.' });
    await t.proofs.store(red);
    await t.proofs.store(proof(5));
    await t.proofs.store(proof(10, { verdict: 'red' }));
    const row = await t.row(box.id);
    const newest = await t.db.proof.findUniqueOrThrow({ where: { id: row.proofId ?? '' } });
    expect([newest.verdict, newest.at > new Date(red.finishedAt)]).toEqual(['red', true]);
    const told = (await t.auditTypes()).filter((it) => it.startsWith('proof.'));
    expect(told).toEqual(['proof.green', 'proof.red', 'proof.green']);
  });

  test('old ones are trimmed, but not the one that is shown', async () => {
    const box = await t.running(ann);
    const finishedAt = new Date(Date.now() - PROOFS_KEPT_MS - 60_000).toISOString();
    const shown = t.peer.egress.makeProof({ sandboxId: box.id, finishedAt });
    await t.proofs.store(shown);
    await t.proofs.store(t.peer.egress.makeProof({ finishedAt }));
    await createTrimJob({ db: t.db, log: t.log }).run();
    expect((await t.db.proof.findMany()).map((it) => it.id)).toEqual([shown.id]);
  });

  test('what is for a sandbox that is gone goes too', async () => {
    const box = await t.running(ann);
    const place = { target: 'sandbox', targetId: box.id, version: 1, body: '{}' };
    await t.db.networkPolicy.create({ data: { ...place, updatedBy: 'root' } });
    await t.db.networkPolicyVersion.create({ data: { ...place, by: 'root' } });
    const a = await t.make('A');
    await t.bind('sandbox', box.id, { egressId: a.id });
    const trim = createTrimJob({ db: t.db, log: t.log });
    const left = async () => [
      await t.db.egressBinding.count(),
      await t.db.networkPolicy.count(),
      await t.db.networkPolicyVersion.count(),
    ];
    await trim.run();
    expect(await left()).toEqual([1, 1, 1]);
    await t.engine.close();
    await t.db.sandbox.delete({ where: { id: box.id } });
    await trim.run();
    expect(await left()).toEqual([0, 0, 0]);
  });

  test('a changed word breaks the seal', async () => {
    const proof = t.peer.egress.makeProof({ verdict: 'red' });
    expect(await code(t.proofs.store({ ...proof, verdict: 'green' }))).toBe('agent_failed');
  });
});
