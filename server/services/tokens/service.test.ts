import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../../shared/scopes';
import { hashApiToken } from '../../auth/api-token';
import type { Identity } from '../../contracts';
import { createAccess } from '../sandboxes/access';
import { openServiceTest, type ServiceTest } from '../testing';
import { createTokens, type Tokens } from './service';

let t: ServiceTest;
let tokens: Tokens;
let ann: Identity;
beforeAll(async () => {
  t = await openServiceTest();
  tokens = createTokens({ ...t, access: createAccess(t.db).access });
  ann = await t.person('ann');
  const size = { cpus: 1, memoryMb: 1024, pids: 512, timezone: 'UTC', locale: 'en_US.UTF-8' };
  const place = { image: 'x', hostname: 'box', hostKey: 'x', ownerId: ann.userId, state: 'running' };
  const workspaceId = await t.personalWorkspace(ann);
  for (const id of ['sbox000000000001', 'sbox000000000002'])
    await t.db.sandbox.create({ data: { id, name: id, workspaceId, ...place, ...size } });
});
afterAll(() => t.close());

const make = (identity: Identity, scopes: Scope[], more: Partial<Parameters<Tokens['create']>[1]> = {}) =>
  tokens.create(identity, { label: 'x', scopes, sandboxId: null, ttlHours: null, ...more });
/** Who comes with this token. */
const by = (made: {
  view: { id: string; scopes: Scope[]; sandboxId: string | null; expiresAt: string | null };
}) =>
  ({
    ...ann,
    ...{ via: 'token', credentialId: made.view.id, role: 'user' },
    ...{ scopes: made.view.scopes, sandboxId: made.view.sandboxId },
    endsAt: made.view.expiresAt === null ? null : Date.parse(made.view.expiresAt),
  }) satisfies Identity;

test('is shown once and kept as a hash', async () => {
  const { token, view } = await make(ann, ['sessions:read']);
  expect(JSON.stringify(await tokens.list(ann))).not.toContain(token);
  const row = await t.db.apiToken.findUniqueOrThrow({ where: { id: view.id } });
  expect([row.hash, JSON.stringify(row).includes(token)]).toEqual([hashApiToken(token), false]);
  expect(JSON.stringify(await t.db.auditEvent.findMany())).not.toContain(token);
});

describe('makes only what it holds', () => {
  test.each<[Scope[], Scope[]]>([
    [['tokens:write', 'sessions:read'], ['sessions:write']],
    [
      ['tokens:write', 'sessions:read'],
      ['sessions:read', 'shells:input'],
    ],
    [['tokens:write'], ['*']],
    [['*'], ['admin']],
  ])('%j does not make %j', async (own, wanted) => {
    await expect(make(by(await make(ann, own)), wanted)).rejects.toMatchObject({ code: 'forbidden' });
  });
  test('its own scopes it may give on', async () => {
    const maker = by(await make(ann, ['tokens:write', 'sessions:read']));
    expect((await make(maker, ['sessions:read', 'sessions:read'])).view.scopes).toEqual(['sessions:read']);
  });
  test('a user who is no administrator cannot give that', async () => {
    await expect(make(ann, ['admin'])).rejects.toMatchObject({ code: 'forbidden' });
  });
  test('no longer life than its own', async () => {
    const maker = by(await make(ann, ['tokens:write'], { ttlHours: 1 }));
    await expect(make(maker, ['tokens:write'], { ttlHours: 2 })).rejects.toMatchObject({ code: 'forbidden' });
    for (const ttlHours of [null, 0])
      expect((await make(maker, ['tokens:write'], { ttlHours })).view.expiresAt).toBe(
        new Date(maker.endsAt ?? 0).toISOString(),
      );
    expect(
      Date.parse((await make(maker, ['tokens:write'], { ttlHours: 0.5 })).view.expiresAt ?? ''),
    ).toBeLessThan(maker.endsAt ?? 0);
  });
  test('no other sandbox than its own', async () => {
    const maker = by(await make(ann, ['*'], { sandboxId: 'sbox000000000001' }));
    const other = make(maker, ['sessions:read'], { sandboxId: 'sbox000000000002' });
    await expect(other).rejects.toMatchObject({ code: 'not_found' });
    expect((await make(maker, ['sessions:read'])).view.sandboxId).toBe('sbox000000000001');
    await expect(make(maker, ['providers:write'])).rejects.toMatchObject({ code: 'forbidden' });
  });
  test('a sandbox that its user may not use', async () => {
    const eve = await t.person('eve');
    const given = make(eve, ['*'], { sandboxId: 'sbox000000000001' });
    await expect(given).rejects.toMatchObject({ code: 'not_found' });
  });
});

test('revoking ends what it has made and what they have open', async () => {
  const first = await make(ann, ['tokens:write', 'sessions:read']);
  const second = await make(by(first), ['tokens:write', 'sessions:read']);
  const third = await make(by(second), ['sessions:read']);
  const bystander = await make(ann, ['sessions:read']);
  const closed: string[] = [];
  for (const made of [first, second, third, bystander])
    t.sockets.register({ identity: by(made), sandboxId: null, close: () => closed.push(made.view.id) });
  await expect(tokens.revoke(by(third), first.view.id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(tokens.revoke(by(first), bystander.view.id)).rejects.toMatchObject({ code: 'not_found' });
  expect((await tokens.list(by(second))).map((it) => it.id).sort()).toEqual(
    [second.view.id, third.view.id].sort(),
  );
  await tokens.revoke(ann, first.view.id);
  expect(closed.sort()).toEqual([first.view.id, second.view.id, third.view.id].sort());
  const left = (await tokens.list(ann)).map((it) => it.id);
  expect([left.includes(third.view.id), left.includes(bystander.view.id)]).toEqual([false, true]);
});

test('what it has open ends with it', async () => {
  const made = by(await make(ann, ['sessions:read'], { ttlHours: 0.05 / 3600 }));
  const code = await new Promise((resolve) => {
    t.sockets.register({ identity: made, sandboxId: null, close: resolve });
  });
  expect(code).toBe('unauthenticated');
});

test('of somebody else is not there', async () => {
  const { view } = await make(ann, ['sessions:read']);
  await expect(tokens.revoke(await t.person('mallory'), view.id)).rejects.toMatchObject({
    code: 'not_found',
  });
});
