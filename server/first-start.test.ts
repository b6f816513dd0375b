import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFirstAdmin, markAnnounced } from './first-start';
import { openServiceTest, type ServiceTest } from './services/testing';

let t: ServiceTest;
beforeEach(async () => {
  t = await openServiceTest();
});
afterEach(() => t.close());

const wanted = { username: 'admin', password: null };

test('a password that was never shown is made anew, one that was shown stays', async () => {
  const first = await makeFirstAdmin(t, wanted);
  const second = await makeFirstAdmin(t, wanted);
  expect(second?.password).toBeTruthy();
  expect(second?.password).not.toBe(first?.password);
  const { passwordHash } = await t.db.user.findUniqueOrThrow({ where: { username: 'admin' } });
  expect(await t.passwords.verify(second?.password ?? '', passwordHash)).toBe(true);
  await markAnnounced(t.db);
  expect(await makeFirstAdmin(t, wanted)).toBeNull();
  expect(await t.db.user.count()).toBe(1);
});

test('somebody who has signed in is left alone, whatever was announced', async () => {
  await makeFirstAdmin(t, { username: 'admin', password: 'given by the environment' });
  await t.db.user.updateMany({ data: { lastSeenAt: new Date() } });
  expect(await makeFirstAdmin(t, wanted)).toBeNull();
});
