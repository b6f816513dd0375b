import { afterEach, beforeEach, expect, test } from 'vitest';
import { LOGIN_FAILURES_PER_NAME } from '../../auth/throttle';
import type { Identity } from '../../contracts';
import { openServiceTest, type ServiceTest } from '../testing';
import { createAccount } from './service';

let t: ServiceTest;
let account: ReturnType<typeof createAccount>;
let ann: Identity;
beforeEach(async () => {
  t = await openServiceTest();
  account = createAccount(t);
  ann = await t.person('ann');
});
afterEach(() => t.close());

async function otherBrowser(): Promise<{ id: string; closedWith: () => string | null }> {
  const row = await t.db.authSession.create({
    data: {
      id: 'other',
      userId: ann.userId,
      address: '127.0.0.2',
      userAgent: 'other',
      expiresAt: new Date(Date.now() + 60_000),
    },
  });
  let closed: string | null = null;
  t.sockets.register({
    identity: { ...ann, credentialId: row.id },
    sandboxId: null,
    close: (code) => {
      closed = code;
    },
  });
  return { id: row.id, closedWith: () => closed };
}

test('preferences are merged, and a value of another version falls back to the defaults', async () => {
  await account.setPreferences(ann, { theme: 'dark' });
  const me = await account.setPreferences(ann, { terminalFontSize: 18 });
  expect(me.preferences).toMatchObject({ theme: 'dark', terminalFontSize: 18, clipboardWrite: 'ask' });
  await t.db.user.update({ where: { id: ann.userId }, data: { preferences: '{"theme":"sepia"}' } });
  expect((await account.me(ann)).preferences.theme).toBe('system');
});

test('changing the password needs the present one and ends the other log-ins at once', async () => {
  const passwordHash = await t.passwords.hash('first password');
  await t.db.user.update({ where: { id: ann.userId }, data: { passwordHash, mustChangePassword: true } });
  const other = await otherBrowser();
  await expect(
    account.changePassword(ann, { current: 'wrong', next: 'second password' }),
  ).rejects.toMatchObject({
    code: 'invalid_input',
    field: 'current',
  });
  expect(other.closedWith()).toBeNull();
  await account.changePassword(ann, { current: 'first password', next: 'second password' });
  expect(other.closedWith()).toBe('unauthenticated');
  const user = await t.db.user.findUniqueOrThrow({ where: { id: ann.userId } });
  expect(await t.passwords.verify('second password', user.passwordHash)).toBe(true);
  expect(user.mustChangePassword).toBe(false);
  expect((await account.browserSessions(ann)).map((it) => it.current)).toEqual([true]);
});

test('the present password cannot be guessed at an open browser', async () => {
  const passwordHash = await t.passwords.hash('first password');
  await t.db.user.update({ where: { id: ann.userId }, data: { passwordHash } });
  const guess = (current: string) => account.changePassword(ann, { current, next: 'second password' });
  // All at once, as a script would.
  const guesses = await Promise.allSettled(
    Array.from({ length: LOGIN_FAILURES_PER_NAME + 5 }, () => guess('wrong')),
  );
  const codes = guesses.map((it) => (it.status === 'rejected' ? it.reason.code : 'changed'));
  expect(codes.filter((it) => it === 'invalid_input')).toHaveLength(LOGIN_FAILURES_PER_NAME);
  expect(codes.filter((it) => it === 'too_many_requests')).toHaveLength(5);
  await expect(guess('first password')).rejects.toMatchObject({ code: 'too_many_requests' });
  expect(await t.auditTypes()).toContain('auth.failed');
});

test('a browser session of somebody else cannot be revoked', async () => {
  const eve = await t.person('eve');
  await expect(account.revokeBrowserSession(eve, ann.credentialId)).rejects.toMatchObject({
    code: 'not_found',
  });
  const other = await otherBrowser();
  await account.revokeBrowserSession(ann, other.id);
  expect(other.closedWith()).toBe('unauthenticated');
});
