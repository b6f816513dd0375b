import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Identity } from '../contracts';
import { until } from '../tasks/testing/bench';
import { createEgressHealthJob } from './egress-health';
import { openRuntimeTest, type RuntimeTest } from './testing';

let t: RuntimeTest;
let ann: Identity;
beforeEach(async () => {
  t = await openRuntimeTest();
  ann = await t.person('ann');
});
afterEach(() => t.close());

const told = async () => (await t.auditTypes()).filter((it) => /^(proof|network)\./.test(it));

test('a proof that the agent took is on the card as soon as it tells; its fence too, and its end', async () => {
  const box = await t.running(ann);
  t.peer.prove(box.id, { exitAddress: '198.51.100.7', latencyMs: 5 });
  await until('on the card', async () => (await t.card(ann, box.id)).exitAddress === '198.51.100.7');
  expect(await t.card(ann, box.id)).toMatchObject({ verdict: 'green', latencyMs: 5, kind: 'direct' });

  t.peer.prove(box.id, t.red('Another address was seen.'));
  const row = await t.rests(box.id, 'unavailable');
  expect(row).toMatchObject({ fenced: true, stateReason: 'Another address was seen.' });
  expect(await t.networks.ofSandbox(ann, box.id)).toMatchObject({
    fenced: true,
    reason: 'Another address was seen.',
  });
  await until('red on the card', async () => (await t.card(ann, box.id)).verdict === 'red');

  t.peer.prove(box.id, {});
  t.peer.disturb(
    box.id,
    (it) => Object.assign(it.network, { tunnel: 'up', gate: 'open', reason: null }),
    'network.unfenced',
  );
  expect(await t.rests(box.id, 'running')).toMatchObject({ fenced: false, networkReason: null });
  await until('green on the card', async () => (await t.card(ann, box.id)).verdict === 'green');
  // Each word once: nobody reads a log of greens.
  for (let n = 0; n < 3; n++) t.peer.prove(box.id, {});
  await until('all kept', async () => (await t.db.proof.count()) === 6);
  expect((await told()).sort()).toEqual(
    ['proof.green', 'proof.red', 'network.fenced', 'network.unfenced', 'proof.green'].sort(),
  );
  expect(await t.db.task.count()).toBe(1);
});

test('what was proven while the gateway was away is fetched at its start, each once', async () => {
  const box = await t.running(ann);
  await t.reconciler.close();
  const made = [1, 2, 3].map(() => t.peer.prove(box.id, {}));
  await t.pulled.run();
  await t.pulled.run();
  expect((await t.networks.proofs(ann, { sandboxId: box.id, limit: 9 })).map((it) => it.id).sort()).toEqual(
    made.map((it) => it.id).sort(),
  );
  expect((await t.row(box.id)).proofId).toBe(made.at(-1)?.id);
});

test('one that ended just before another that was asked for is not lost', async () => {
  const box = await t.running(ann);
  await t.reconciler.close();
  const before = t.peer.prove(box.id, { finishedAt: new Date(Date.now() - 50).toISOString() });
  await t.proofs.store(t.peer.egress.makeProof({ sandboxId: box.id, cause: 'asked' }));
  await t.pulled.run();
  expect(await t.db.proof.count({ where: { id: before.id } })).toBe(1);
});

test('a forged one is not taken, and stops none of the others; nor one of another sandbox', async () => {
  const box = await t.running(ann);
  const forged = t.peer.prove(box.id, { signature: Buffer.alloc(64).toString('base64') });
  const foreign = t.peer.prove(box.id, { sandboxId: 'z234567890123456' });
  const right = t.peer.prove(box.id, {});
  await until('the right one', async () => (await t.db.proof.count({ where: { id: right.id } })) === 1);
  expect(await t.db.proof.count({ where: { id: { in: [forged.id, foreign.id] } } })).toBe(0);
});

test('ways out that serve nobody are tried, few at once, and never those that serve somebody', async () => {
  const box = await t.running(ann);
  const [a, b, c] = [await t.make('A'), await t.make('B'), await t.make('C')];
  await t.bind('sandbox', box.id, { egressId: a.id });
  await t.idle(box.id);
  await t.egress.update(t.root, { id: c.id, enabled: false });
  const clock = { now: Date.now() };
  const job = createEgressHealthJob({
    ...{ db: t.db, log: t.log, everyMs: 600_000, test: t.egress.testSaved },
    now: () => clock.now,
  });
  await job.run();
  expect(await t.egress.history(t.root, b.id)).toMatchObject({
    uptime: 1,
    samples: [{ ok: true, latencyMs: 12.5 }],
  });
  expect((await t.egress.get(t.root, b.id)).health.verdict).toBe('green');
  await job.run();
  expect(t.peer.egress.asked.map((it) => it.input.egressId)).toEqual([b.id]);

  // It does not even come to a proof: that is known all the same, and told once.
  clock.now += 700_000;
  t.peer.egress.fail = { code: 'egress_failed', message: 'Its name has no address.' };
  await job.run();
  expect((await t.egress.get(t.root, b.id)).health).toMatchObject({
    verdict: 'red',
    reason: 'Its name has no address.',
  });
  expect((await t.egress.history(t.root, b.id)).samples.map((it) => it.ok)).toEqual([true, false]);
  // Nobody waits for it: not before its time.
  clock.now += 120_000;
  expect(await job.due()).toEqual([]);
  await job.close();
  const off = createEgressHealthJob({ db: t.db, log: t.log, everyMs: 0, test: t.egress.testSaved });
  expect(await off.due()).toEqual([]);
});
