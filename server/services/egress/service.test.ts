import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MASK } from '../../../shared/egress';
import { createEgressSchema, egressViewSchema } from '../../../shared/egress-views';
import type { Identity } from '../../contracts';
import { until } from '../../tasks/testing/bench';
import { type EgressTest, openEgressTest, SECRET } from './testing';

let t: EgressTest;
let ann: Identity;
beforeEach(async () => {
  t = await openEgressTest();
  ann = await t.person('ann');
});
afterEach(() => t.close());

const idle = async (id: string) =>
  until('no task works', async () => {
    const where = { sandboxId: id, state: { in: ['queued', 'running'] } };
    return (await t.db.task.count({ where })) === 0;
  });
const socks = (over: Record<string, unknown> = {}) =>
  createEgressSchema.parse({
    label: 'One',
    config: { kind: 'socks5', server: 'proxy.test', port: 1080, username: 'u', password: SECRET, ...over },
  });

describe('secrets', () => {
  test('are masked in answers and nowhere stored in the clear', async () => {
    const made = egressViewSchema.parse(await t.egress.create(t.root, socks()));
    expect(made).toMatchObject({
      endpoint: 'proxy.test:1080',
      settings: { password: MASK, username: 'u' },
      proof: 'gate',
      sandboxes: 0,
    });
    await t.egress.update(t.root, { id: made.id, config: { password: 'another-secret' } });
    await t.egress.export(t.root, { id: made.id, format: 'link' });
    const all = `${await t.everythingStored()}${JSON.stringify(await t.egress.list(t.root))}`;
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain('another-secret');
  });

  test('a secret sent back as the mask stays; other fields change', async () => {
    const { id } = await t.egress.create(t.root, socks());
    await t.egress.update(t.root, { id, config: { port: 1081, password: MASK } });
    const { text } = await t.egress.export(t.root, { id, format: 'sing-box' });
    expect(text).toContain(SECRET);
    expect(text).toContain('1081');
    const audited = await t.db.auditEvent.findFirstOrThrow({ where: { type: 'egress.updated' } });
    expect(JSON.parse(audited.after ?? '')).toMatchObject({ changed: ['port'], config: { password: MASK } });
    expect(await t.auditTypes()).toContain('egress.exported');
  });

  test('the mask is no secret of its own, and the kind stays', async () => {
    await expect(t.egress.create(t.root, socks({ password: MASK }))).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'config.password',
    });
    const { id } = await t.egress.create(t.root, socks({ password: null, username: null }));
    const bad = { id, config: { password: MASK } };
    await expect(t.egress.update(t.root, bad)).rejects.toMatchObject({ code: 'invalid_input' });
    const other = { id, config: { kind: 'http' } };
    await expect(t.egress.update(t.root, other)).rejects.toMatchObject({ field: 'config.kind' });
    const wrong = { id, config: { port: 99_999 } };
    await expect(t.egress.update(t.root, wrong)).rejects.toMatchObject({ field: 'config.port' });
  });
});

test('nothing of it is for users', async () => {
  const { id } = await t.make('One');
  await expect(t.egress.list(ann)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(t.egress.export(ann, { id, format: 'link' })).rejects.toMatchObject({ code: 'forbidden' });
  expect(() => t.egress.test(ann, { id }, new AbortController().signal)).toThrow('Only administrators');
});

describe('bindings', () => {
  test('a running sandbox is switched by a task, its state stays, and the nearest wins', async () => {
    const box = await t.running(ann);
    expect(t.asked(box.id)).toMatchObject({
      egressId: null,
      egress: { kind: 'direct' },
      dns: null,
      proof: 'watch',
    });
    const [a, b] = [await t.make('A'), await t.make('B', { expectedAddress: '198.51.100.9' })];
    const tasks = await t.bind('everyone', '', { egressId: a.id });
    expect(tasks.map((it) => [it.kind, it.sandboxId])).toEqual([['sandbox.network', box.id]]);
    await idle(box.id);
    expect(t.asked(box.id)).toMatchObject({
      egressId: a.id,
      egress: { kind: 'socks5', password: SECRET },
      dns: t.network.defaultDns,
      proof: 'gate',
      probes: t.network.probes,
    });
    expect(await t.row(box.id)).toMatchObject({ state: 'running', egressId: a.id, boundBy: 'everyone' });
    expect((await t.sandboxes.get(ann, box.id)).egress).toMatchObject({ kind: 'socks5', label: 'A' });

    await t.bind('user', ann.userId, { egressId: b.id });
    await idle(box.id);
    expect(t.asked(box.id)).toMatchObject({ egressId: b.id, expectedAddress: '198.51.100.9' });
    // Farther than the one that decides: nothing to do.
    expect(await t.bind('everyone', '', {})).toEqual([]);
    expect((await t.egress.bindings(t.root)).map((it) => [it.target, it.targetName, it.label])).toEqual([
      ['user', 'ann', 'B'],
    ]);
    expect((await t.egress.get(t.root, b.id)).sandboxes).toBe(1);
    await t.bind('user', ann.userId, {});
    await idle(box.id);
    expect(t.asked(box.id)).toMatchObject({ egressId: null, egress: { kind: 'direct' } });
  });

  test('a stopped sandbox takes its way out with the next start', async () => {
    const box = await t.running(ann);
    await t.sandboxes.request(ann, { id: box.id, action: 'stop' });
    await t.rests(box.id, 'stopped');
    const a = await t.make('A');
    expect(await t.bind('sandbox', box.id, { egressId: a.id })).toEqual([]);
    expect(await t.row(box.id)).toMatchObject({ egressId: a.id, boundBy: 'sandbox' });
    await t.sandboxes.request(ann, { id: box.id, action: 'start' });
    await t.rests(box.id, 'running');
    expect(t.asked(box.id)).toMatchObject({ egressId: a.id });
  });

  test('what does not exist or is switched off is not bound', async () => {
    const a = await t.make('A');
    const bad = t.bind('user', 'nobody', { egressId: a.id });
    await expect(bad).rejects.toMatchObject({ code: 'not_found', field: 'targetId' });
    await expect(t.bind('everyone', '', { egressId: 'x' })).rejects.toMatchObject({ field: 'egressId' });
    await t.egress.update(t.root, { id: a.id, enabled: false });
    await expect(t.bind('everyone', '', { egressId: a.id })).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('one that was switched off behind our back is never replaced by direct', async () => {
    const box = await t.running(ann);
    const a = await t.make('A');
    await t.bind('everyone', '', { egressId: a.id });
    await idle(box.id);
    await t.sandboxes.request(ann, { id: box.id, action: 'stop' });
    await t.rests(box.id, 'stopped');
    await t.db.egress.update({ where: { id: a.id }, data: { enabled: false } });
    await t.sandboxes.request(ann, { id: box.id, action: 'start' });
    const row = await t.rests(box.id, 'error');
    expect(row.stateReason).toContain('A is switched off');
  });
});

describe('in use', () => {
  test('it stays until everything let go, also what is dead', async () => {
    const a = await t.make('A');
    const bob = await t.person('bob');
    await t.bind('user', bob.userId, { egressId: a.id });
    await expect(t.egress.remove(t.root, a.id)).rejects.toThrow('A is in use by the user bob.');
    await expect(t.egress.update(t.root, { id: a.id, enabled: false })).rejects.toMatchObject({
      code: 'egress_in_use',
    });
    await t.db.user.delete({ where: { id: bob.userId } });
    await t.egress.remove(t.root, a.id);
    expect(await t.egress.list(t.root)).toEqual([]);
    expect(await t.db.egressBinding.count()).toBe(0);
  });

  test('a change reaches the sandboxes that it serves', async () => {
    const box = await t.running(ann);
    const a = await t.make('A');
    await t.bind('everyone', '', { egressId: a.id });
    await idle(box.id);
    const before = t.peer.asked.length;
    await t.egress.update(t.root, { id: a.id, label: 'Renamed' });
    await idle(box.id);
    expect(t.peer.asked.length).toBe(before);
    await t.egress.update(t.root, { id: a.id, config: { port: 4444 } });
    await idle(box.id);
    expect(t.asked(box.id)?.egress).toMatchObject({ port: 4444, password: SECRET });
  });
});

describe('pools', () => {
  const save = (egressIds: string[], over: object = {}) =>
    t.egress.savePool(t.root, { label: 'Pool', strategy: 'spread', failover: true, egressIds, ...over });

  test('spread over sandboxes, stick, and move when a member leaves', async () => {
    const [a, b] = [await t.make('A'), await t.make('B')];
    const pool = await save([a.id, b.id]);
    await t.bind('everyone', '', { poolId: pool.id });
    const boxes = [await t.running(ann), await t.running(ann), await t.running(ann)];
    expect(boxes.map((it) => it.egressId)).toEqual([a.id, b.id, a.id]);
    expect((await t.egress.pools(t.root))[0]).toMatchObject({
      sandboxes: 3,
      members: [{ label: 'A' }, { label: 'B' }],
    });
    await save([b.id], { id: pool.id });
    for (const it of boxes) await idle(it.id);
    for (const it of boxes) expect(t.asked(it.id)?.egressId).toBe(b.id);
    await expect(t.egress.removePool(t.root, pool.id)).rejects.toMatchObject({ code: 'egress_in_use' });
    await expect(t.egress.update(t.root, { id: b.id, enabled: false })).rejects.toThrow(
      'last one of the pool',
    );
    await expect(t.egress.remove(t.root, b.id)).rejects.toMatchObject({ code: 'egress_in_use' });
  });

  test('switching a member off moves its sandboxes', async () => {
    const [a, b] = [await t.make('A'), await t.make('B')];
    const pool = await save([a.id, b.id], { strategy: 'order' });
    await t.bind('everyone', '', { poolId: pool.id });
    const box = await t.running(ann);
    expect(box.egressId).toBe(a.id);
    await t.egress.update(t.root, { id: a.id, enabled: false });
    await idle(box.id);
    expect(t.asked(box.id)?.egressId).toBe(b.id);
  });

  test('members are checked', async () => {
    const a = await t.make('A');
    await expect(save([a.id, a.id])).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(save([a.id, 'x'])).rejects.toMatchObject({ code: 'not_found' });
    expect(await t.db.egressPool.count()).toBe(0);
  });
});

describe('import', () => {
  const text = ['socks5://u:pw-of-one@one.test:1080#One', 'nonsense', 'socks5://two.test:1081#Two'].join(
    '\n',
  );

  test('preview saves nothing and names what is there already', async () => {
    const first = await t.egress.previewImport(t.root, { text });
    expect(first.entries.map((it) => [it.line, it.config?.kind ?? null, it.duplicateOf])).toEqual([
      [1, 'socks5', null],
      [2, null, null],
      [3, 'socks5', null],
    ]);
    expect(await t.db.egress.count()).toBe(0);
    const [made] = await t.egress.import(t.root, { text, lines: [1] });
    const again = await t.egress.previewImport(t.root, { text });
    expect(again.entries.map((it) => it.duplicateOf)).toEqual([made?.id, null, null]);
  });

  test('all of the named lines or none', async () => {
    await expect(t.egress.import(t.root, { text, lines: [1, 2] })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'lines',
      message: expect.stringMatching(/^Line 2: /),
    });
    expect(await t.db.egress.count()).toBe(0);
    const made = await t.egress.import(t.root, { text, lines: [3, 1] });
    expect(made.map((it) => it.label)).toEqual(['Two', 'One']);
    expect(await t.everythingStored()).not.toContain('pw-of-one');
  });
});

describe('WireGuard keys', () => {
  const config = (keyId: string) => ({
    kind: 'wireguard',
    server: 'wg.test',
    port: 51_820,
    keyId,
    addresses: ['10.9.0.2/32'],
    peerPublicKey: 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=',
  });

  test('the public half is shown, the private one is only named, and both go with the last user', async () => {
    const { keyId, publicKey } = await t.egress.newWireguardKey(t.root);
    const made = await t.make('WG', { config: config(keyId) });
    expect(made).toMatchObject({ publicKey, settings: { keyId, privateKey: null } });
    await t.egress.remove(t.root, made.id);
    expect(t.peer.egress.keys.size).toBe(0);
    expect(await t.db.setting.count({ where: { key: { startsWith: 'wireguard' } } })).toBe(0);
    await expect(t.make('WG', { config: config(keyId) })).rejects.toMatchObject({ field: 'config.keyId' });
  });

  test('of a pasted key the public half is reckoned', async () => {
    const pair = generateKeyPairSync('x25519');
    const raw = (key: Buffer) => key.subarray(-32).toString('base64');
    const privateKey = raw(pair.privateKey.export({ format: 'der', type: 'pkcs8' }));
    const made = await t.make('WG', { config: { ...config(''), keyId: null, privateKey } });
    expect(made.publicKey).toBe(raw(pair.publicKey.export({ format: 'der', type: 'spki' })));
    expect(made.settings.privateKey).toBe(MASK);
  });
});
