import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Identity } from '../contracts';
import { openTaskBench, type TaskBench, until } from './testing/bench';
import type { StepName } from './testing/scripted-agent';

const program = fileURLToPath(new URL('./testing/engine-process.ts', import.meta.url));
let t: TaskBench;
let ann: Identity;
const children = new Set<ChildProcess>();

beforeEach(async () => {
  // Its own engine never starts: it only takes the requests, the work is done by the processes.
  t = await openTaskBench({ engine: false });
  ann = await t.person('ann');
});
afterEach(async () => {
  await Promise.all([...children].map(kill));
  await t.close();
});

async function start(killAt = ''): Promise<ChildProcess> {
  const { file } = await databaseOf(t);
  const argv = ['--import', 'tsx', program, `file:${file}`, t.peer.socket, killAt];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function databaseOf(bench: TaskBench): Promise<{ file: string }> {
  const [main] = await bench.db.$queryRawUnsafe<{ file: string }[]>('PRAGMA database_list');
  if (!main) throw new Error('no database');
  return main;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const agentSteps: StepName[] = [
  'image.check',
  'container.create',
  'container.start',
  'network.rules',
  'network.tunnel',
  'network.verify',
  'container.release',
  'ssh.ready',
];

test('a gateway killed at every step of one create: it converges, with one container and one session', async () => {
  const { id, task } = await t.create(ann);
  let kills = 0;
  for (const own of ['prepare']) {
    await once(await start(own), 'exit');
    kills += own === 'prepare' ? 1 : 0;
  }
  for (const step of agentSteps) {
    t.peer.at(step, { type: 'hang' });
    const reached = t.peer.reached(step);
    const child = await start();
    await reached;
    await kill(child);
    kills += 1;
  }
  for (const own of ['sessions.open', 'finish']) {
    await once(await start(own), 'exit');
    kills += 1;
  }
  expect(await t.row(id)).toMatchObject({ state: 'creating' });
  await start();
  await t.rests(id, 'running');
  expect(t.peer.created.get(id)).toBe(1);
  expect(await t.db.session.count()).toBe(1);
  const tasks = await t.tasks.list(ann, { limit: 9 });
  expect(tasks.map((it) => [it.id, it.state])).toEqual([[task?.id, 'succeeded']]);
  expect(tasks[0]?.attempt).toBe(kills + 1);
  expect(tasks[0]?.steps.every((it) => it.state === 'done')).toBe(true);
}, 60_000);

test('killed at every step of a delete: nothing is left', async () => {
  const { id } = await t.create(ann);
  let child = await start();
  await t.rests(id, 'running');
  await kill(child);
  await t.sandboxes.remove(ann, { id });
  for (const step of ['container.remove', 'home.remove', 'network.remove'] as const) {
    t.peer.at(step, { type: 'hang' });
    const reached = t.peer.reached(step);
    child = await start();
    await reached;
    await kill(child);
  }
  await once(await start('finish'), 'exit');
  await start();
  await until('row gone', async () => (await t.db.sandbox.count()) === 0);
  expect(t.peer.sandboxes.size).toBe(0);
}, 60_000);

test('two engines on one database: each task has one worker', async () => {
  const made = [await t.create(ann), await t.create(ann), await t.create(ann), await t.create(ann)];
  await Promise.all([start(), start()]);
  for (const { id } of made) await t.rests(id, 'running');
  expect((await t.tasks.list(ann, { limit: 9 })).map((it) => it.attempt)).toEqual([1, 1, 1, 1]);
  expect(t.peer.asked.length).toBe(4);
}, 30_000);
