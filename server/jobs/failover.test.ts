import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProofCheck, ProofCheckName } from '../../shared/proof';
import type { Identity } from '../contracts';
import { until } from '../tasks/testing/bench';
import { createEgressHealthJob } from './egress-health';
import { PAUSE_MAX_MS, pauseBefore, TUNNEL_GRACE_MS } from './failover';
import { openRuntimeTest, type RuntimeTest } from './testing';

let t: RuntimeTest;
let ann: Identity;
beforeEach(async () => {
  t = await openRuntimeTest();
  ann = await t.person('ann');
});
afterEach(() => t.close());

/** A running sandbox of a pool of three. */
async function pooled(over: object = {}) {
  const [a, b, c] = [await t.make('A'), await t.make('B'), await t.make('C')];
  const pool = await t.pool([a.id, b.id, c.id], over);
  await t.bind('everyone', '', { poolId: pool.id });
  const box = await t.running(ann);
  expect(box.egressId).toBe(a.id);
  return { box, pool, a, b, c };
}
async function turnsRed(box: { id: string }, egress: { id: string }, reason: string) {
  t.peer.prove(box.id, t.red(reason));
  await until('red', async () => (await t.egress.get(t.root, egress.id)).health.verdict === 'red');
  await until('fenced', async () => (await t.row(box.id)).fenced);
}

test('each other one is taken once at once; then the pause doubles, up to its end', () => {
  const pauses = [0, 1, 2, 3, 4, 5, 20].map((it) => pauseBefore(it, 3, 1000));
  expect(pauses).toEqual([0, 0, 1000, 2000, 4000, 8000, PAUSE_MAX_MS]);
  expect([0, 1, 2].map((it) => pauseBefore(it, 1, 1000))).toEqual([0, 1000, 2000]);
});

describe('a red proof', () => {
  test('takes it to the next that is not red; the state, its sessions and the reasons stay told', async () => {
    const { box, a, b } = await pooled();
    await turnsRed(box, a, 'No answer.');
    await t.failover.run();
    await t.rests(box.id, 'running');
    expect(t.asked(box.id)?.egressId).toBe(b.id);
    expect(await t.row(box.id)).toMatchObject({ egressId: b.id, fenced: false, boundBy: 'everyone' });
    const [failover] = await t.audits('egress.failover');
    expect(failover).toMatchObject({ actor: 'system:failover', target: box.name });
    expect(failover?.message).toBe(`${box.name} leaves A for B: No answer.`);
    const [switched] = await t.audits('egress.switched');
    expect(JSON.parse(switched?.before ?? '')).toEqual({ egressId: a.id, label: 'A' });
    expect(JSON.parse(switched?.after ?? '')).toMatchObject({ egressId: b.id, label: 'B' });
    expect(t.dropped).toEqual([]);
    // It stays there, whatever becomes of A.
    await t.proofs.store(t.peer.egress.makeProof({ egressId: a.id }));
    await t.failover.run();
    expect((await t.row(box.id)).egressId).toBe(b.id);
  });

  test('does nothing without the policy', async () => {
    const { box, a } = await pooled({ failover: false });
    await turnsRed(box, a, 'No answer.');
    await t.failover.run();
    expect(await t.rests(box.id, 'unavailable')).toMatchObject({ egressId: a.id, stateReason: 'No answer.' });
    expect(await t.db.task.count()).toBe(1);
  });

  test('walks on within one task while the next ones are red too; when none is left it says so', async () => {
    const { box, a, b, c } = await pooled();
    for (const it of [b, c]) t.peer.egress.ways.set(it.id, t.red(`${it.label} is blocked.`));
    await turnsRed(box, a, 'No answer.');
    await t.failover.run();
    const row = await t.rests(box.id, 'unavailable');
    const reason =
      'Every way out of the pool Exits is red. A: No answer. B: B is blocked. C: C is blocked. It opens again when one of them works.';
    expect(row).toMatchObject({ egressId: c.id, fenced: true, stateReason: reason });
    expect(t.peer.asked.map((it) => it.network.egressId)).toEqual([a.id, b.id, c.id]);
    const task = await t.db.task.findFirstOrThrow({
      where: { kind: 'sandbox.network' },
      include: { steps: true },
    });
    expect(task).toMatchObject({ state: 'failed', attempt: 2, errorCode: 'proof_failed' });
    expect(task.steps.find((it) => it.name === 'network.proof')?.state).toBe('failed');
    // Nobody goes round and round; that it has no other way is told once.
    for (let n = 0; n < 5; n++) await t.failover.run();
    await t.reconciler.sweep();
    expect(await t.row(box.id)).toMatchObject({ egressId: c.id, stateReason: reason });
    expect(t.peer.asked).toHaveLength(3);
    expect(await t.audits('egress.failover.exhausted')).toHaveLength(1);

    // Those that a cut-off sandbox waits for are tried soon, and one that works again is taken.
    const clock = { now: Date.now() + 61_000 };
    const health = createEgressHealthJob({
      ...{ db: t.db, log: t.log, everyMs: 900_000, test: t.egress.testSaved },
      now: () => clock.now,
    });
    expect((await health.due()).sort()).toEqual([a.id, b.id].sort());
    t.peer.egress.ways.delete(b.id);
    t.peer.egress.next = {};
    await t.egress.testSaved(b.id, new AbortController().signal);
    await t.failover.run();
    await t.rests(box.id, 'running');
    expect((await t.row(box.id)).egressId).toBe(b.id);
    await health.close();
  });
});

test('two that come and go are not changed for each other all day', async () => {
  const [a, b] = [await t.make('A'), await t.make('B')];
  const pool = await t.pool([a.id, b.id]);
  await t.bind('everyone', '', { poolId: pool.id });
  const box = await t.running(ann);
  let changes = 0;
  const look = async () => {
    const row = await t.row(box.id);
    const [now, other] = row.egressId === a.id ? [a, b] : [b, a];
    // The other one always looks fine, the present one never.
    await t.proofs.store(t.peer.egress.makeProof({ egressId: other.id }));
    await turnsRed(box, now, 'Flaps.');
    await t.failover.run();
    await t.idle(box.id);
    if ((await t.row(box.id)).egressId !== now.id) changes += 1;
  };
  await look();
  expect(changes).toBe(1);
  await look();
  expect(changes).toBe(1);
  t.clock.ahead = 61_000;
  await look();
  expect(changes).toBe(2);
  await look();
  t.clock.ahead = 110_000;
  await look();
  expect(changes).toBe(2);
  t.clock.ahead = 125_000;
  await look();
  expect(changes).toBe(3);
});

test('a tunnel that stays down longer than its grace is left, a shorter fall is not', async () => {
  const { box, a, b } = await pooled();
  const down = { tunnel: 'restarting', gate: 'closed', reason: 'sing-box ended.' };
  t.peer.disturb(box.id, (it) => Object.assign(it.network, down), 'tunnel.down');
  await t.rests(box.id, 'unavailable');
  await t.failover.run();
  t.clock.ahead = TUNNEL_GRACE_MS - 1000;
  await t.failover.run();
  expect((await t.row(box.id)).egressId).toBe(a.id);
  t.clock.ahead = TUNNEL_GRACE_MS + 1000;
  await t.failover.run();
  await t.rests(box.id, 'running');
  expect((await t.row(box.id)).egressId).toBe(b.id);
});

test('a start that is not let out takes the next way of its pool by itself', async () => {
  const { box, a, b } = await pooled();
  await t.sandboxes.request(ann, { id: box.id, action: 'stop' });
  await t.rests(box.id, 'stopped');
  t.peer.egress.ways.set(a.id, t.red('No answer.'));
  await t.sandboxes.request(ann, { id: box.id, action: 'start' });
  await t.rests(box.id, 'running');
  expect((await t.row(box.id)).egressId).toBe(b.id);
  const task = await t.db.task.findFirstOrThrow({ where: { kind: 'sandbox.start' } });
  expect(task).toMatchObject({ state: 'succeeded', attempt: 2 });
  expect(await t.audits('egress.switched')).toHaveLength(1);
});

describe('a leak of one sandbox', () => {
  const check = (name: ProofCheckName, result: ProofCheck['result']) => ({
    ...{ name, result, ms: 1 },
    detail: `${name}: ${result}.`,
  });
  const leak = {
    ...{ verdict: 'red' as const, reason: 'The host answered.' },
    checks: [check('connect', 'pass'), check('exit-address', 'pass'), check('refused.host', 'fail')],
  };

  test('fences this one only: the way out stays green and nobody leaves it', async () => {
    const { box, a } = await pooled();
    const other = await t.running(ann);
    t.peer.prove(box.id, leak);
    await t.rests(box.id, 'unavailable');
    for (const ahead of [0, TUNNEL_GRACE_MS + 1000, 2 * TUNNEL_GRACE_MS]) {
      t.clock.ahead = ahead;
      await t.failover.run();
    }
    expect(await t.row(box.id)).toMatchObject({ egressId: a.id, fenced: true, stateReason: leak.reason });
    expect(await t.row(other.id)).toMatchObject({ egressId: a.id, fenced: false, state: 'running' });
    expect((await t.egress.get(t.root, a.id)).health).toMatchObject({ verdict: 'green', reason: null });
    expect(await t.audits('egress.failover')).toEqual([]);
    expect((await t.audits('proof.red'))[0]).toMatchObject({ target: box.name });
  });

  test('holds a start back instead of trying the next way out', async () => {
    const { box, a } = await pooled();
    await t.sandboxes.request(ann, { id: box.id, action: 'stop' });
    await t.rests(box.id, 'stopped');
    t.peer.egress.ways.set(a.id, leak);
    await t.sandboxes.request(ann, { id: box.id, action: 'start' });
    await until('refused', async () => {
      const task = await t.db.task.findFirst({ where: { kind: 'sandbox.start' } });
      return task?.state === 'failed' && task.errorCode === 'proof_failed';
    });
    expect((await t.row(box.id)).egressId).toBe(a.id);
  });

  test('with a dead way out both are told, each where it belongs', async () => {
    const { box, a, b } = await pooled();
    const checks = [check('connect', 'fail'), check('refused.host', 'fail')];
    t.peer.prove(box.id, { ...leak, checks });
    await until('red', async () => (await t.egress.get(t.root, a.id)).health.verdict === 'red');
    expect((await t.egress.get(t.root, a.id)).health.reason).toBe('connect: fail.');
    await t.rests(box.id, 'unavailable');
    await t.failover.run();
    await t.rests(box.id, 'running');
    expect((await t.row(box.id)).egressId).toBe(b.id);
  });
});
