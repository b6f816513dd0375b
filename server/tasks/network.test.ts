/** Switching the network of a sandbox that runs: the last choice gets there, whatever dies on the way. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Identity } from '../contracts';
import { type EgressTest, openEgressTest } from '../services/egress/testing';
import { until } from './testing/bench';
import { buildEngineProgram, openEngineChildren } from './testing/engine-children';
import type { StepName } from './testing/scripted-agent';

const switchSteps: StepName[] = [
  'network.rules',
  'network.tunnel',
  'network.verify',
  'network.proof',
  'container.release',
];
let t: EgressTest;
let ann: Identity;

const idle = (id: string) =>
  until('no task works', async () => {
    const where = { sandboxId: id, state: { in: ['queued', 'running'] } };
    return (await t.db.task.count({ where })) === 0;
  });
const switched = async () =>
  (await t.db.auditEvent.findMany({ where: { type: 'egress.switched' }, orderBy: { at: 'asc' } })).map(
    (it) => {
      const label = (json: string | null) => JSON.parse(json ?? '{}').label;
      return `${label(it.before)} -> ${label(it.after)}`;
    },
  );

describe('one gateway', () => {
  beforeEach(async () => {
    t = await openEgressTest();
    ann = await t.person('ann');
  });
  afterEach(() => t.close());

  test('its steps say what is done, the checks what is seen; its sessions and its state stay', async () => {
    const box = await t.running(ann);
    const a = await t.make('A');
    t.peer.egress.ways.set(a.id, {});
    const [made] = await t.bind('sandbox', box.id, { egressId: a.id });
    expect(made?.steps.map((it) => it.title)).toEqual([
      'Getting ready',
      'Looking at its fence',
      'Fencing it, then starting the new way out',
      'Verifying the new way out',
      'Proving the new way out',
      'Opening the new way out',
      'Finishing',
    ]);
    await idle(box.id);
    const [task] = await t.tasks.list(ann, { sandboxId: box.id, limit: 1 });
    expect(task).toMatchObject({ kind: 'sandbox.network', state: 'succeeded', requestedBy: 'root' });
    expect(task?.steps.map((it) => it.state)).toEqual(Array(7).fill('done'));
    expect(await t.row(box.id)).toMatchObject({ state: 'running', egressId: a.id });
    expect(t.dropped).toEqual([]);
    expect(t.peer.created.get(box.id)).toBe(1);
    expect(await switched()).toEqual(['Direct -> A']);
    const view = await t.sandboxes.get(ann, box.id);
    expect(view).toMatchObject({ task: null, egress: { label: 'A', kind: 'socks5' } });
  });

  test('quick changes end in the last one', async () => {
    const box = await t.running(ann);
    const [a, b, c] = [await t.make('A'), await t.make('B'), await t.make('C')];
    for (const it of [a, b, c, a, b]) await t.bind('sandbox', box.id, { egressId: it.id });
    await idle(box.id);
    expect(t.asked(box.id)?.egressId).toBe(b.id);
    expect(t.peer.sandboxes.get(box.id)?.network.egressId).toBe(b.id);
    expect((await switched()).at(-1)).toMatch(/-> B$/);
  });

  test('the agent dies at every step: it is done all the same', async () => {
    const box = await t.running(ann);
    const ways = [await t.make('A'), await t.make('B')];
    const seen: string[] = [];
    for (const [n, step] of switchSteps.entries()) {
      const to = ways[n % 2];
      if (!to) throw new Error('no way');
      t.peer.at(step, { type: 'die' });
      const reached = t.peer.reached(step);
      await t.bind('sandbox', box.id, { egressId: to.id });
      await reached;
      await until(
        'it is away',
        async () => (await t.db.task.count({ where: { attempt: { gt: 0 }, state: 'queued' } })) > 0,
      );
      await t.peer.restart();
      await idle(box.id);
      expect(t.peer.sandboxes.get(box.id)?.network, step).toMatchObject({ egressId: to.id, gate: 'open' });
      seen.push(`${n === 0 ? 'Direct' : n % 2 === 1 ? 'A' : 'B'} -> ${to.label}`);
    }
    expect(await switched()).toEqual(seen);
    expect((await t.row(box.id)).state).toBe('running');
  });

  test('a way out that is red cuts it off with the reason; the next choice brings it back', async () => {
    const box = await t.running(ann);
    const [a, b] = [await t.make('A'), await t.make('B')];
    t.peer.egress.ways.set(a.id, { verdict: 'red', reason: 'It leaves by another address.' });
    await t.bind('sandbox', box.id, { egressId: a.id });
    expect(await t.rests(box.id, 'unavailable')).toMatchObject({
      stateReason: 'It leaves by another address.',
      fenced: true,
    });
    expect(await switched()).toEqual([]);
    await t.bind('sandbox', box.id, { egressId: b.id });
    expect(await t.rests(box.id, 'running')).toMatchObject({ fenced: false, stateReason: null });
    expect(await switched()).toEqual(['A -> B']);
    expect((await t.auditTypes()).filter((it) => it.startsWith('network.'))).toEqual([
      'network.fenced',
      'network.unfenced',
    ]);
  });

  test('a stop goes first, and the start after it takes the choice', async () => {
    const box = await t.running(ann);
    const a = await t.make('A');
    t.peer.at('network.tunnel', { type: 'hang' });
    const reached = t.peer.reached('network.tunnel');
    await t.bind('sandbox', box.id, { egressId: a.id });
    await reached;
    await t.sandboxes.request(ann, { id: box.id, action: 'stop' });
    await t.rests(box.id, 'stopped');
    await t.sandboxes.request(ann, { id: box.id, action: 'start' });
    await t.rests(box.id, 'running');
    expect(t.asked(box.id)?.egressId).toBe(a.id);
    expect(t.peer.sandboxes.get(box.id)?.network.egressId).toBe(a.id);
  });

  test('one that was canceled half-way is closed, says so, and is opened again by the reconciler', async () => {
    const box = await t.running(ann);
    const a = await t.make('A');
    t.peer.at('network.verify', { type: 'hang' });
    const reached = t.peer.reached('network.verify');
    const [task] = await t.bind('sandbox', box.id, { egressId: a.id });
    await reached;
    await t.tasks.cancel(t.root, task?.id ?? '');
    const row = await t.rests(box.id, 'unavailable');
    expect(row.stateReason).toBe('Its way out is there but not opened yet, so nothing may leave it.');
    await t.reconciler.sweep();
    await t.rests(box.id, 'running');
    expect(t.peer.sandboxes.get(box.id)?.network).toMatchObject({ gate: 'open', egressId: a.id });
  });
});

test('the gateway is killed at every step, and the choice changes meanwhile: the last one, told once', async () => {
  const removeProgram = await buildEngineProgram();
  t = await openEgressTest({ engine: false });
  const engines = openEngineChildren({ db: t.db, socket: t.peer.socket });
  const order = { masterKey: t.masterKey.toString('base64'), leaseMs: 15_000 };
  try {
    ann = await t.person('ann');
    const { id } = await t.create(ann, { openClaude: false });
    const first = await engines.start(order);
    await t.rests(id, 'running');
    await engines.kill(first);
    const [a, b] = [await t.make('A'), await t.make('B')];
    await t.bind('sandbox', id, { egressId: a.id });
    for (const killAt of ['prepare', ...switchSteps, 'container.release.done']) {
      await once(await engines.start({ ...order, killAt }), 'exit');
      if (killAt === 'network.verify') await t.bind('sandbox', id, { egressId: b.id });
    }
    await engines.start(order);
    await idle(id);
    expect(t.peer.sandboxes.get(id)?.network).toMatchObject({ egressId: b.id, gate: 'open' });
    expect(await t.row(id)).toMatchObject({ state: 'running', egressId: b.id });
    expect(await switched()).toEqual(['Direct -> B']);
    expect(t.peer.created.get(id)).toBe(1);
    const tasks = await t.db.task.findMany({ where: { kind: 'sandbox.network' } });
    expect(tasks.map((it) => it.state)).toEqual(['succeeded', 'succeeded']);
  } finally {
    await engines.close();
    await t.close();
    await removeProgram();
  }
}, 180_000);
