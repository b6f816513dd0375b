import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Identity } from '../../contracts';
import { openServiceTest, type ServiceTest } from '../testing';
import { createWorkspaces } from './service';

let t: ServiceTest;
let workspaces: ReturnType<typeof createWorkspaces>;
beforeEach(async () => {
  t = await openServiceTest();
  workspaces = createWorkspaces(t);
});
afterEach(() => t.close());

test('a user sees the personal workspace and those joined, oldest first, with the own role', async () => {
  const ann = await t.person('ann');
  const bob = await t.person('bob');
  const team = await workspaces.create(ann, { name: 'Team' });
  await workspaces.addMember(ann, { workspaceId: team.id, username: 'bob', role: 'developer' });
  const seen = await workspaces.list(bob);
  expect(seen.map((it) => [it.name, it.personal, it.role])).toEqual([
    ['bob', true, 'owner'],
    ['Team', false, 'developer'],
  ]);
});

test('a stranger cannot tell a workspace from none, an administrator sees it', async () => {
  const ann = await t.person('ann');
  const eve = await t.person('eve');
  const root = await t.person('root', 'admin');
  const team = await workspaces.create(ann, { name: 'Team' });
  await expect(workspaces.get(eve, team.id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(workspaces.get(eve, 'none')).rejects.toMatchObject({ code: 'not_found' });
  await expect(workspaces.members(eve, team.id)).rejects.toMatchObject({ code: 'not_found' });
  expect((await workspaces.get(root, team.id)).role).toBe('owner');
});

test('only owners change roles, maintainers add members but no owners', async () => {
  const ann = await t.person('ann');
  const bob = await t.person('bob');
  await t.person('cid');
  const team = await workspaces.create(ann, { name: 'Team' });
  await workspaces.addMember(ann, { workspaceId: team.id, username: 'bob', role: 'maintainer' });
  await expect(
    workspaces.addMember(bob, { workspaceId: team.id, username: 'cid', role: 'owner' }),
  ).rejects.toMatchObject({ code: 'forbidden' });
  const cid = await workspaces.addMember(bob, { workspaceId: team.id, username: 'cid', role: 'guest' });
  await expect(
    workspaces.setMemberRole(bob, { workspaceId: team.id, userId: cid.userId, role: 'developer' }),
  ).rejects.toMatchObject({ code: 'forbidden' });
  await workspaces.setMemberRole(ann, { workspaceId: team.id, userId: cid.userId, role: 'developer' });
  expect((await workspaces.members(bob, team.id)).map((it) => [it.username, it.role])).toEqual([
    ['ann', 'owner'],
    ['bob', 'maintainer'],
    ['cid', 'developer'],
  ]);
});

test('the last owner can neither leave nor step down; somebody may leave by themselves', async () => {
  const ann = await t.person('ann');
  const bob = await t.person('bob');
  const team = await workspaces.create(ann, { name: 'Team' });
  await workspaces.addMember(ann, { workspaceId: team.id, username: 'bob', role: 'guest' });
  const self = { workspaceId: team.id, userId: ann.userId };
  await expect(workspaces.removeMember(ann, self)).rejects.toMatchObject({ code: 'last_owner' });
  await expect(workspaces.setMemberRole(ann, { ...self, role: 'guest' })).rejects.toMatchObject({
    code: 'last_owner',
  });
  await workspaces.removeMember(bob, { workspaceId: team.id, userId: bob.userId });
  expect(await workspaces.members(ann, team.id)).toHaveLength(1);
});

test('a personal workspace cannot be deleted or left, a team workspace can be deleted by its owner only', async () => {
  const ann = await t.person('ann');
  const bob = await t.person('bob');
  const personal = await t.personalWorkspace(ann);
  await expect(workspaces.remove(ann, personal)).rejects.toMatchObject({ code: 'conflict' });
  await expect(
    workspaces.removeMember(ann, { workspaceId: personal, userId: ann.userId }),
  ).rejects.toMatchObject({ code: 'conflict' });
  const team = await workspaces.create(ann, { name: 'Team' });
  await workspaces.addMember(ann, { workspaceId: team.id, username: 'bob', role: 'maintainer' });
  await expect(workspaces.remove(bob, team.id)).rejects.toMatchObject({ code: 'forbidden' });
  await workspaces.remove(ann, team.id);
  expect((await workspaces.list(bob)).map((it) => it.name)).toEqual(['bob']);
  expect(await t.auditTypes()).toContain('workspace.deleted');
});

test('adding twice or an unknown user says which field is wrong', async () => {
  const ann = await t.person('ann');
  const workspaceId = await t.personalWorkspace(ann);
  await expect(
    workspaces.addMember(ann, { workspaceId, username: 'nobody', role: 'guest' }),
  ).rejects.toMatchObject({
    code: 'not_found',
    field: 'username',
  });
  await expect(
    workspaces.addMember(ann, { workspaceId, username: 'ann', role: 'guest' }),
  ).rejects.toMatchObject({
    code: 'conflict',
    field: 'username',
  });
});

test('what a member has open ends with the right to use it, and only that', async () => {
  const ann = await t.person('ann');
  const bob = await t.person('bob');
  const team = await workspaces.create(ann, { name: 'Team' });
  await workspaces.addMember(ann, { workspaceId: team.id, username: 'bob', role: 'guest' });
  const sandbox = {
    id: 'abcdefghijklmnop',
    workspaceId: team.id,
    ownerId: ann.userId,
    ...{ name: 'one', hostname: 'one', state: 'running', image: 'none' },
    ...{ cpus: 1, memoryMb: 512, pids: 128, timezone: 'UTC', locale: 'C.UTF-8' },
  };
  await t.db.sandbox.create({ data: sandbox });
  const closed: string[] = [];
  const opens = (who: Identity) =>
    t.sockets.register({
      identity: who,
      sandboxId: sandbox.id,
      close: (code) => void closed.push(`${who.username} ${code}`),
    });
  const bobIs = (role: 'developer' | 'guest' | 'maintainer') =>
    workspaces.setMemberRole(ann, { workspaceId: team.id, userId: bob.userId, role });
  opens(ann);
  await bobIs('developer');
  opens(bob);
  await bobIs('maintainer');
  expect(closed).toEqual([]);
  await bobIs('guest');
  expect(closed).toEqual(['bob forbidden']);
  await bobIs('developer');
  opens(bob);
  await workspaces.removeMember(ann, { workspaceId: team.id, userId: bob.userId });
  expect(closed).toEqual(['bob forbidden', 'bob not_found']);
  expect(t.sockets.size).toBe(1);
});
