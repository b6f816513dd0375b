import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SANDBOXES_PER_USER } from '../../../shared/limits';
import { sandboxIdSchema, sandboxViewSchema, taskViewSchema } from '../../../shared/views';
import type { Identity } from '../../contracts';
import { openTaskBench, type TaskBench } from '../../tasks/testing/bench';
import { createAccess } from './access';
import { hostnameOf, newSandboxId } from './naming';

let t: TaskBench;
let ann: Identity;
let bob: Identity;
let root: Identity;
beforeEach(async () => {
  t = await openTaskBench();
  ann = await t.person('ann');
  bob = await t.person('bob');
  root = await t.person('root', 'admin');
});
afterEach(() => t.close());

async function shared(role: string, who: Identity) {
  const workspaceId = await t.personalWorkspace(ann);
  await t.db.member.create({ data: { workspaceId, userId: who.userId, role } });
  return workspaceId;
}

describe('who may do what', () => {
  test.each([
    ['stranger', { use: 'not_found', manage: 'not_found', see: false }],
    ['guest', { use: 'forbidden', manage: 'forbidden', see: true }],
    ['developer', { use: 'ok', manage: 'forbidden', see: true }],
    ['maintainer', { use: 'ok', manage: 'ok', see: true }],
    ['owner', { use: 'ok', manage: 'ok', see: true }],
  ])('%s', async (role, want) => {
    const { id } = await t.create(ann);
    await t.rests(id, 'running');
    if (role !== 'stranger') await shared(role, bob);
    for (const need of ['use', 'manage'] as const) {
      const asked = createAccess(t.db)
        .access(bob, id, need)
        .then(
          () => 'ok',
          (error) => error.code,
        );
      expect(await asked, need).toBe(want[need]);
    }
    expect((await t.sandboxes.list(bob, {})).length).toBe(want.see ? 1 : 0);
    expect((await t.tasks.list(bob, { limit: 5 })).length).toBe(want.see ? 1 : 0);
    const refused = want.manage === 'ok' ? undefined : want.manage;
    const stop = t.sandboxes.request(bob, { id, action: 'stop' }).then(
      () => undefined,
      (error) => error.code,
    );
    expect(await stop).toBe(refused);
  });

  test('a developer manages what is theirs, in a workspace of others', async () => {
    const workspaceId = await shared('developer', bob);
    const { id, can } = await t.create(bob, { workspaceId });
    expect(can).toEqual({ use: true, manage: true });
    await t.db.member.deleteMany({ where: { workspaceId, userId: bob.userId } });
    await expect(t.sandboxes.get(bob, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('an administrator manages all, and is written down, but does not look into them', async () => {
    const { id } = await t.create(ann);
    await t.rests(id, 'running');
    await expect(createAccess(t.db).access(root, id, 'use')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await t.sandboxes.list(root, {})).toEqual([]);
    expect((await t.sandboxes.list(root, { all: true }))[0]?.can).toEqual({ use: false, manage: true });
    await expect(t.sandboxes.list(ann, { all: true })).rejects.toMatchObject({ code: 'forbidden' });
    await t.sandboxes.request(root, { id, action: 'stop' });
    expect(await t.auditTypes()).toContain('admin.host.action');
  });

  test('guests and strangers make nothing in a workspace', async () => {
    const workspaceId = await t.personalWorkspace(ann);
    await expect(t.create(bob, { workspaceId })).rejects.toMatchObject({ code: 'not_found' });
    await shared('guest', bob);
    await expect(t.create(bob, { workspaceId })).rejects.toMatchObject({ code: 'forbidden' });
  });
});

test('views and tasks have the promised shape, with region and limits from user and input', async () => {
  await t.db.user.update({
    where: { id: ann.userId },
    data: { timezone: 'Europe/Berlin', locale: 'de_DE.UTF-8' },
  });
  const made = await t.create(ann, { name: 'Größe 1!', limits: { cpus: 0.5 } });
  expect(sandboxViewSchema.parse(made)).toMatchObject({
    timezone: 'Europe/Berlin',
    locale: 'de_DE.UTF-8',
    limits: { cpus: 0.5, memoryMb: 4096, pids: 2048, diskGb: null },
    workspaceName: 'ann',
    ownerName: 'ann',
  });
  const row = await t.rests(made.id, 'running');
  expect(row.hostname).toBe('gro-e-1');
  for (const task of await t.tasks.list(ann, { limit: 5 })) taskViewSchema.parse(task);
  expect(await t.sandboxes.usage(ann, made.id)).toMatchObject({ cpuMs: 5, txBytes: 9 });
  await expect(t.create(ann, { name: 'Größe 1!' })).rejects.toMatchObject({ code: 'name_taken' });
});

test('one user owns only so many', async () => {
  await t.engine.close();
  for (let n = 0; n < SANDBOXES_PER_USER; n++) await t.create(ann, { openClaude: false });
  await expect(t.create(ann)).rejects.toMatchObject({ code: 'limit_reached' });
});

test('what is missing is said: no image, not running, nothing to try again', async () => {
  const { id } = await t.create(ann);
  await t.rests(id, 'running');
  await expect(t.sandboxes.request(ann, { id, action: 'retry' })).rejects.toMatchObject({
    code: 'wrong_state',
  });
  await t.sandboxes.request(ann, { id, action: 'stop' });
  await t.rests(id, 'stopped');
  await expect(t.sandboxes.usage(ann, id)).rejects.toMatchObject({ code: 'sandbox_not_running' });
});

test('ids and host names always fit', () => {
  for (let n = 0; n < 200; n++) sandboxIdSchema.parse(newSandboxId());
  for (const name of ['!!!', '-a-', 'X'.repeat(64), `${'a'.repeat(41)} b`, 'Ω mega', '9'])
    expect(hostnameOf(name)).toMatch(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/);
});
