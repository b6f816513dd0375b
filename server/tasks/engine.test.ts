import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Identity } from '../contracts';
import { openTaskBench, type TaskBench, until } from './testing/bench';
import type { StepName } from './testing/scripted-agent';

let t: TaskBench;
let ann: Identity;
beforeEach(async () => {
  t = await openTaskBench();
  ann = await t.person('ann');
});
afterEach(() => t.close());

const upSteps: StepName[] = [
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

describe('one click', () => {
  test('makes a running sandbox with its first session, every step told with its times', async () => {
    const made = await t.create(ann);
    expect(made.state).toBe('creating');
    expect(made.can).toEqual({ use: true, manage: true });
    const row = await t.rests(made.id, 'running');
    expect(row).toMatchObject({ desiredPower: 'running', stateReason: null, hostname: row.name });
    expect(row.hostKey).toMatch(/^ssh-ed25519 /);
    expect(t.opened).toEqual([made.id]);
    const [task] = await t.tasks.list(ann, { limit: 5 });
    expect(task).toMatchObject({ state: 'succeeded', kind: 'sandbox.create', attempt: 1 });
    expect(task?.steps.map((it) => [it.name, it.state])).toEqual(
      ['prepare', ...upSteps, 'sessions.open', 'finish'].map((name) => [name, 'done']),
    );
    expect(task?.steps.every((it) => it.startedAt && it.finishedAt && it.title !== it.name)).toBe(true);
  });

  test('the same key gives the same sandbox, also at the same moment; another request with it is refused', async () => {
    const input = { idempotencyKey: 'key-0001', name: 'mine' };
    const [a, b] = await Promise.all([t.create(ann, input), t.create(ann, input)]);
    const c = await t.create(ann, input);
    expect(new Set([a.id, b.id, c.id]).size).toBe(1);
    await expect(t.create(ann, { ...input, name: 'other' })).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    });
    const bob = await t.person('bob');
    expect((await t.create(bob, input)).id).not.toBe(a.id);
  });
});

test('stop, start, pause, resume, rebuild and delete go through', async () => {
  const { id } = await t.create(ann);
  await t.rests(id, 'running');
  const go = async (action: 'stop' | 'start' | 'pause' | 'resume' | 'rebuild', state: string) => {
    await t.sandboxes.request(ann, { id, action });
    return t.rests(id, state);
  };
  expect((await go('stop', 'stopped')).startedAt).toBeNull();
  await go('start', 'running');
  await go('pause', 'paused');
  await go('resume', 'running');
  t.image.ref = 'cloud-claude/sandbox:ffffffffffff';
  expect((await t.sandboxes.get(ann, id)).updateAvailable).toBe(true);
  expect(await go('rebuild', 'running')).toMatchObject({ generation: 2, image: t.image.ref });
  expect(t.peer.created.get(id)).toBe(2);
  expect(t.dropped).toEqual([`${id} sandbox.stop`, `${id} sandbox.pause`, `${id} sandbox.rebuild`]);
  const task = await t.sandboxes.remove(ann, { id, idempotencyKey: 'delete-01' });
  await until('row gone', async () => (await t.db.sandbox.count()) === 0);
  expect(t.peer.sandboxes.size).toBe(0);
  expect((await t.tasks.get(ann, task.id)).sandboxName).not.toBe('');
  expect((await t.sandboxes.remove(ann, { id, idempotencyKey: 'delete-01' })).id).toBe(task.id);
});

describe('one live task a sandbox', () => {
  test('the same request again is the same task, another one is refused, a delete takes over', async () => {
    t.peer.at('network.tunnel', { type: 'hang' });
    const { id } = await t.create(ann);
    await t.peer.reached('network.tunnel');
    await expect(t.sandboxes.request(ann, { id, action: 'stop' })).rejects.toMatchObject({
      code: 'wrong_state',
    });
    const [first, second] = await Promise.all([
      t.sandboxes.remove(ann, { id }),
      t.sandboxes.remove(ann, { id }),
    ]);
    expect(first.id).toBe(second.id);
    await until('row gone', async () => (await t.db.sandbox.count()) === 0);
    const states = (await t.tasks.list(ann, { limit: 9 })).map((it) => [it.kind, it.state]);
    expect(states).toEqual([
      ['sandbox.delete', 'succeeded'],
      ['sandbox.create', 'canceled'],
    ]);
  });

  test('several sandboxes are worked on at once', async () => {
    t.peer.at('ssh.ready', { type: 'hang' });
    const slow = await t.create(ann);
    await t.peer.reached('ssh.ready');
    const fast = await t.create(ann);
    await t.rests(fast.id, 'running');
    expect((await t.row(slow.id)).state).toBe('creating');
  });
});

describe('when it goes wrong', () => {
  test('what can help is tried again', async () => {
    t.peer.at('container.start', { type: 'fail', code: 'agent_failed', message: 'a race' }, 2);
    const { id } = await t.create(ann);
    await t.rests(id, 'running');
    expect((await t.tasks.list(ann, { limit: 1 }))[0]).toMatchObject({ state: 'succeeded', attempt: 3 });
  });

  test('a failed create stays with its reason and can be tried again', async () => {
    t.peer.at('image.check', { type: 'fail', code: 'image_missing', message: 'No image.' });
    const { id } = await t.create(ann);
    const row = await t.rests(id, 'error');
    expect(row.stateReason).toBe('Creating failed: No image.');
    const view = await t.sandboxes.get(ann, id);
    expect(view.task).toMatchObject({ state: 'failed', errorCode: 'image_missing', attempt: 1 });
    expect(view.task?.steps.find((it) => it.name === 'image.check')).toMatchObject({
      state: 'failed',
      message: 'No image.',
    });
    expect(view.task?.steps.at(-1)?.state).toBe('skipped');
    await t.sandboxes.request(ann, { id, action: 'retry' });
    await t.rests(id, 'running');
    expect(t.opened).toEqual([id]);
  });

  test('a stop that fails says that it still runs', async () => {
    const { id } = await t.create(ann);
    await t.rests(id, 'running');
    t.peer.at('container.stop', { type: 'fail', code: 'agent_failed', message: 'stuck' }, 3);
    await t.sandboxes.request(ann, { id, action: 'stop' });
    expect((await t.rests(id, 'running')).stateReason).toBe('Stopping failed: stuck');
  });

  test('an agent that is killed at every step of a create, one after another', async () => {
    const { id } = await t.create(ann, { name: 'phoenix' });
    // The create of this one runs undisturbed; every further round starts it from stopped.
    await t.rests(id, 'running');
    for (const step of upSteps) {
      await t.sandboxes.request(ann, { id, action: 'stop' });
      await t.rests(id, 'stopped');
      t.peer.at(step, { type: 'die' });
      const reached = t.peer.reached(step);
      await t.sandboxes.request(ann, { id, action: 'start' });
      await reached;
      await until(
        'the retry is waiting',
        async () => (await t.db.task.count({ where: { state: 'queued' } })) === 1,
      );
      await t.peer.restart();
      await t.rests(id, 'running');
    }
    expect(t.peer.created.get(id)).toBe(1);
  });

  test('an agent that hangs is given up and tried again', async () => {
    await t.close();
    t = await openTaskBench({ timings: { stepLimitMs: 1_000 } });
    ann = await t.person('ann');
    t.peer.at('network.verify', { type: 'hang' });
    const { id } = await t.create(ann);
    await t.rests(id, 'running');
  });
});

describe('cancel', () => {
  test.each(upSteps)('a create at %s: the sandbox stays, says so, and can be tried again', async (step) => {
    t.peer.at(step, { type: 'hang' });
    const reached = t.peer.reached(step);
    const { id, task } = await t.create(ann);
    await reached;
    await t.tasks.cancel(ann, task?.id ?? '');
    // From the release on it really runs, so that is what is shown.
    const state = step === 'ssh.ready' ? 'running' : 'error';
    const row = await t.rests(id, state);
    expect(row.stateReason).toBe(state === 'error' ? 'Creating was canceled.' : null);
    expect((await t.tasks.list(ann, { limit: 1 }))[0]?.state).toBe('canceled');
    if (state === 'error') await t.sandboxes.request(ann, { id, action: 'retry' });
    await t.rests(id, 'running');
  });

  test('what has not begun ends at once and the row is as before', async () => {
    const { id } = await t.create(ann);
    await t.rests(id, 'running');
    await t.engine.close();
    for (const ask of [
      () => t.sandboxes.request(ann, { id, action: 'stop' }),
      () => t.sandboxes.remove(ann, { id }),
    ]) {
      const task = await ask();
      expect((await t.tasks.cancel(ann, task.id)).state).toBe('canceled');
      expect(await t.row(id)).toMatchObject({ state: 'running', desiredPower: 'running', stateReason: null });
    }
  });

  test('a task that has ended cannot be canceled', async () => {
    const { id } = await t.create(ann);
    await t.rests(id, 'running');
    const [task] = await t.tasks.list(ann, { limit: 1 });
    await expect(t.tasks.cancel(ann, task?.id ?? '')).rejects.toMatchObject({ code: 'wrong_state' });
  });
});

test('limits of a running sandbox change live, those of a stopped one with its next start', async () => {
  const { id } = await t.create(ann);
  await t.rests(id, 'running');
  await t.sandboxes.update(ann, { id, limits: { cpus: 3 } });
  await until('applied', () => t.peer.asked.at(-1)?.limits.cpus === 3);
  await t.rests(id, 'running');
  await t.sandboxes.request(ann, { id, action: 'stop' });
  await t.rests(id, 'stopped');
  const before = t.peer.asked.length;
  await t.sandboxes.update(ann, { id, limits: { memoryMb: 1024 }, timezone: 'Europe/Berlin' });
  expect(t.peer.asked.length).toBe(before);
  await t.sandboxes.request(ann, { id, action: 'start' });
  await t.rests(id, 'running');
  expect(t.peer.asked.at(-1)).toMatchObject({
    limits: { cpus: 3, memoryMb: 1024 },
    timezone: 'Europe/Berlin',
  });
});
