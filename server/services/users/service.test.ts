import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Identity } from '../../contracts';
import { openServiceTest, type ServiceTest } from '../testing';
import { createUsers } from './service';

let t: ServiceTest;
let users: ReturnType<typeof createUsers>;
let root: Identity;
/** What the hooks were told, in order. */
let told: string[];
beforeEach(async () => {
  t = await openServiceTest();
  told = [];
  users = createUsers({
    ...t,
    passwords: { hash: async (plain) => `hash of ${plain}`, make: () => 'made-password' },
    cutOff: async (id) => void told.push(`cut ${id}`),
    stopSandboxesOf: async (id) => void told.push(`stop ${id}`),
  });
  root = await t.person('root', 'admin');
});
afterEach(() => t.close());

const fresh = { username: 'ann', role: 'user', expiresAt: null } as const;

test('a new user gets a personal workspace, a made password and must change it', async () => {
  const { user, password } = await users.create(root, fresh);
  expect(password).toBe('made-password');
  const row = await t.db.user.findUniqueOrThrow({ where: { id: user.id }, include: { members: true } });
  expect(row).toMatchObject({ passwordHash: 'hash of made-password', mustChangePassword: true });
  const workspace = await t.db.workspace.findUniqueOrThrow({ where: { personalOf: user.id } });
  expect(row.members).toMatchObject([{ workspaceId: workspace.id, role: 'owner' }]);
  expect(await t.auditTypes()).toEqual(['admin.user.created']);
});

test('a taken name and a past expiry date are refused by field, and nothing is half made', async () => {
  await users.create(root, fresh);
  await expect(users.create(root, fresh)).rejects.toMatchObject({ code: 'name_taken', field: 'username' });
  await expect(
    users.create(root, { ...fresh, username: 'bob', expiresAt: '2020-01-01T00:00:00Z' }),
  ).rejects.toMatchObject({ code: 'invalid_input', field: 'expiresAt' });
  expect(await t.db.user.count()).toBe(2);
  expect(await t.db.workspace.count()).toBe(2);
});

test('nobody but an administrator gets through any verb', async () => {
  const eve = await t.person('eve');
  const id = root.userId;
  const verbs = [
    () => users.list(eve),
    () => users.create(eve, fresh),
    () => users.setStatus(eve, { id, status: 'disabled' }),
    () => users.setRole(eve, { id: eve.userId, role: 'admin' }),
    () => users.setExpiry(eve, { id, expiresAt: null }),
    () => users.resetPassword(eve, { id }),
    () => users.remove(eve, id),
  ];
  for (const verb of verbs) await expect(verb()).rejects.toMatchObject({ code: 'forbidden' });
  expect(told).toEqual([]);
});

test('disabling cuts the user off and stops the sandboxes', async () => {
  const { user } = await users.create(root, fresh);
  expect((await users.setStatus(root, { id: user.id, status: 'disabled' })).status).toBe('disabled');
  expect(told).toEqual([`cut ${user.id}`, `stop ${user.id}`]);
});

test('the last active administrator can be neither disabled, demoted nor deleted', async () => {
  const id = root.userId;
  await expect(users.setStatus(root, { id, status: 'disabled' })).rejects.toMatchObject({
    code: 'last_admin',
  });
  await expect(users.setRole(root, { id, role: 'user' })).rejects.toMatchObject({ code: 'last_admin' });
  await expect(users.remove(root, id)).rejects.toMatchObject({ code: 'conflict' });
  const { user } = await users.create(root, { ...fresh, role: 'admin' });
  await users.setStatus(root, { id: user.id, status: 'disabled' });
  await expect(users.setRole(root, { id, role: 'user' })).rejects.toMatchObject({ code: 'last_admin' });
});

test('another role ends what was opened by the old one: it is opened anew as what one may now', async () => {
  const chief = await t.person('chief', 'admin');
  const closed: string[] = [];
  for (const identity of [chief, root])
    t.sockets.register({ identity, sandboxId: null, close: () => void closed.push(identity.username) });
  await users.setRole(root, { id: chief.userId, role: 'user' });
  expect(closed).toEqual(['chief']);
});

test('a later expiry date brings an expired user back', async () => {
  const { user } = await users.create(root, fresh);
  await t.db.user.update({ where: { id: user.id }, data: { status: 'expired', expiresAt: new Date(0) } });
  await expect(users.setStatus(root, { id: user.id, status: 'active' })).rejects.toMatchObject({
    code: 'conflict',
  });
  const later = new Date(Date.now() + 86_400_000).toISOString();
  expect(await users.setExpiry(root, { id: user.id, expiresAt: later })).toMatchObject({
    status: 'active',
    expiresAt: later,
  });
});

test('a reset ends the log-ins; a user with sandboxes cannot be deleted, one without can', async () => {
  const { user } = await users.create(root, fresh);
  expect(await users.resetPassword(root, { id: user.id })).toEqual({ password: 'made-password' });
  expect(told).toEqual([`cut ${user.id}`]);
  const workspace = await t.db.workspace.findUniqueOrThrow({ where: { personalOf: user.id } });
  const sandbox = await t.db.sandbox.create({
    data: {
      id: 'abcdefghijklmnop',
      workspaceId: workspace.id,
      ownerId: user.id,
      name: 'one',
      state: 'stopped',
      image: 'none',
      hostname: 'one',
      cpus: 1,
      memoryMb: 512,
      pids: 128,
      timezone: 'UTC',
      locale: 'C.UTF-8',
    },
  });
  await expect(users.remove(root, user.id)).rejects.toMatchObject({ code: 'conflict' });
  await t.db.sandbox.delete({ where: { id: sandbox.id } });
  await users.remove(root, user.id);
  expect(await t.db.workspace.count({ where: { personalOf: user.id } })).toBe(0);
});
