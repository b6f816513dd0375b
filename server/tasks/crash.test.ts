import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Identity } from '../contracts';
import { openTaskBench, type TaskBench, until } from './testing/bench';
import { buildEngineProgram, type EngineChildren, openEngineChildren } from './testing/engine-children';
import type { StepName } from './testing/scripted-agent';

/** Long enough that a busy machine does not lose it between two heartbeats. */
const STEADY_LEASE_MS = 15_000;
const ENDLESS_LEASE_MS = 600_000;
// Each engine is a process of its own, and a busy machine loads one in seconds.
vi.setConfig({ testTimeout: 180_000 });
let t: TaskBench;
let ann: Identity;
let engines: EngineChildren;
let removeProgram: () => Promise<void>;

beforeAll(async () => {
  removeProgram = await buildEngineProgram();
});
afterAll(() => removeProgram());
beforeEach(async () => {
  // Its own engine never starts: it only takes the requests, the work is done by the processes.
  t = await openTaskBench({ engine: false });
  engines = openEngineChildren({ db: t.db, socket: t.peer.socket });
  ann = await t.person('ann');
});
afterEach(async () => {
  await engines.close();
  await t.close();
});

const agentSteps: StepName[] = [
  'image.check',
  'container.create',
  'container.start',
  'network.rules',
  'network.tunnel',
  'network.verify',
  'network.proof',
  'container.release',
  'ssh.ready',
];

test('a gateway killed at every step of one create: it converges, with one container and one session', async () => {
  const { id, task } = await t.create(ann);
  await once(await engines.start({ killAt: 'prepare' }), 'exit');
  for (const step of agentSteps) {
    t.peer.at(step, { type: 'hang' });
    const reached = t.peer.reached(step);
    const child = await engines.start();
    await reached;
    await engines.kill(child);
  }
  for (const own of ['sessions.open', 'finish']) {
    await once(await engines.start({ killAt: own }), 'exit');
  }
  expect(await t.row(id)).toMatchObject({ state: 'creating' });
  await engines.start();
  await t.rests(id, 'running');
  expect(t.peer.created.get(id)).toBe(1);
  expect(await t.db.session.count()).toBe(1);
  const tasks = await t.tasks.list(ann, { limit: 9 });
  expect(tasks.map((it) => [it.id, it.state])).toEqual([[task?.id, 'succeeded']]);
  expect(tasks[0]?.steps.every((it) => it.state === 'done')).toBe(true);
});

test('killed at every step of a delete: nothing is left', async () => {
  const { id } = await t.create(ann);
  let child = await engines.start();
  await t.rests(id, 'running');
  await engines.kill(child);
  await t.sandboxes.remove(ann, { id });
  for (const step of ['container.remove', 'home.remove', 'network.remove'] as const) {
    t.peer.at(step, { type: 'hang' });
    const reached = t.peer.reached(step);
    child = await engines.start();
    await reached;
    await engines.kill(child);
  }
  await once(await engines.start({ killAt: 'finish' }), 'exit');
  await engines.start();
  await until('row gone', async () => (await t.db.sandbox.count()) === 0);
  expect(t.peer.sandboxes.size).toBe(0);
});

test('a gateway that starts after a killed one does not wait for its lease', async () => {
  const { id } = await t.create(ann);
  t.peer.at('container.start', { type: 'hang' });
  const reached = t.peer.reached('container.start');
  // A lease that outlasts the test: only taking it over can bring the sandbox up in time.
  const first = await engines.start({ leaseMs: ENDLESS_LEASE_MS });
  await reached;
  await engines.kill(first);
  await engines.start({ leaseMs: ENDLESS_LEASE_MS });
  await t.rests(id, 'running');
  // The try that was cut off does not count: it was no failure of the task.
  expect((await t.tasks.list(ann, { limit: 9 })).map((it) => it.attempt)).toEqual([1]);
});

test('two engines on one database: each task has one worker', async () => {
  const made = [await t.create(ann), await t.create(ann), await t.create(ann), await t.create(ann)];
  const order = { leaseMs: STEADY_LEASE_MS };
  await Promise.all([engines.start(order), engines.start(order)]);
  for (const { id } of made) await t.rests(id, 'running');
  expect((await t.tasks.list(ann, { limit: 9 })).map((it) => it.attempt)).toEqual([1, 1, 1, 1]);
  expect(t.peer.asked.length).toBe(4);
});
