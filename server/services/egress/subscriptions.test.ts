import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { saveSubscriptionSchema } from '../../../shared/egress-views';
import { createSubscriptionsJob } from '../../jobs/subscriptions';
import { until } from '../../tasks/testing/bench';
import { type EgressTest, openEgressTest } from './testing';

const URL = 'https://provider.test/api/v1/subscribe?token=very-secret-token';
const link = (name: string, password = 'pw', host = `${name.toLowerCase()}.test`) =>
  `socks5://u:${password}@${host}:1080#${name}`;

let t: EgressTest;
beforeEach(async () => {
  t = await openEgressTest();
});
afterEach(() => t.close());

const serve = (...lines: string[]) => t.peer.egress.documents.set(URL, lines.join('\n'));
const save = (over: object = {}) =>
  t.egress.saveSubscription(t.root, saveSubscriptionSchema.parse({ label: 'Provider', url: URL, ...over }));
const labels = async () => (await t.egress.list(t.root)).map((it) => it.label);

test('what is fetched waits until it is applied, and its address is nowhere to be seen', async () => {
  serve(link('A'), link('B'));
  const { id, origin } = await save();
  expect(origin).toBe('https://provider.test');
  const fetched = await t.egress.refreshSubscription(t.root, id);
  expect(fetched).toMatchObject({
    problem: null,
    pending: { added: ['A', 'B'], changed: [], removed: [], kept: 0 },
  });
  expect(await labels()).toEqual([]);
  expect(await t.egress.applySubscription(t.root, id)).toMatchObject({ pending: null });
  expect(await labels()).toEqual(['A', 'B']);
  await expect(t.egress.applySubscription(t.root, id)).rejects.toMatchObject({ code: 'wrong_state' });
  expect((await t.egress.refreshSubscription(t.root, id)).pending).toBeNull();
  const all = (await t.everythingStored()) + JSON.stringify(await t.egress.subscriptions(t.root));
  for (const secret of ['very-secret-token', '/api/v1', 'u:pw']) expect(all).not.toContain(secret);
});

test('changes keep the row and its binding; what vanished in use is kept and flagged', async () => {
  serve(link('A'), link('B'), link('C'));
  const { id } = await save();
  await t.egress.refreshSubscription(t.root, id);
  await t.egress.applySubscription(t.root, id);
  const [a, b] = await t.egress.list(t.root);
  const ann = await t.person('ann');
  const box = await t.running(ann);
  await t.bind('sandbox', box.id, { egressId: a?.id ?? '' });
  await t.rests(box.id, 'running');

  serve(link('A', 'new-password'), link('B renamed', 'pw', 'b.test'));
  const view = await t.egress.refreshSubscription(t.root, id);
  expect(view.pending).toEqual({ added: [], changed: ['A', 'B renamed'], removed: ['C'], kept: 0 });
  await t.egress.applySubscription(t.root, id);
  const after = await t.egress.list(t.root);
  expect(after.map((it) => [it.id, it.label])).toEqual([
    [a?.id, 'A'],
    [b?.id, 'B renamed'],
  ]);
  await until('the sandbox has the new password', () => {
    const egress = t.asked(box.id)?.egress;
    return egress?.kind === 'socks5' && egress.password === 'new-password';
  });
  await t.rests(box.id, 'running');

  serve(link('D'));
  await t.egress.refreshSubscription(t.root, id);
  await t.egress.applySubscription(t.root, id);
  const kept = await t.egress.list(t.root);
  expect(kept.map((it) => it.label)).toEqual(['A', 'D']);
  expect(kept[0]?.warnings.join()).toContain('does not list it any more');
  expect((await t.egress.refreshSubscription(t.root, id)).pending).toBeNull();

  serve(link('D'), link('A', 'new-password'));
  await t.egress.refreshSubscription(t.root, id);
  await t.egress.applySubscription(t.root, id);
  expect((await t.egress.list(t.root))[0]?.warnings.join()).not.toContain('any more');
  await t.egress.removeSubscription(t.root, id);
  expect(await labels()).toEqual(['A', 'D']);
});

describe('what goes wrong changes nothing', () => {
  test.each([
    ['the document is gone', () => t.peer.egress.documents.clear(), 'answered with status 404'],
    ['it is something else', () => serve('<html>Log in</html>'), 'not understood'],
    ['nothing in it can be taken', () => serve('socks5://b.test:99999#B'), 'no way out'],
    [
      'the host cannot',
      () => {
        t.peer.egress.fail = { code: 'egress_failed', message: `Could not get ${URL} (/api/v1/subscribe)` };
      },
      'Could not get https://provider.test',
    ],
  ])('%s', async (_what, harm, said) => {
    serve(link('A'));
    const { id } = await save({ autoApply: true });
    await t.egress.refreshSubscription(t.root, id);
    expect(await labels()).toEqual(['A']);
    harm();
    const view = await t.egress.refreshSubscription(t.root, id);
    expect(view.problem).toContain(said);
    expect(view.problem).not.toContain('secret');
    expect(view.problem).not.toContain('/api/v1');
    expect(await labels()).toEqual(['A']);
  });

  test('what could not be read this time is not taken for gone', async () => {
    serve(link('A'), link('B'));
    const { id } = await save({ autoApply: true });
    await t.egress.refreshSubscription(t.root, id);
    serve(link('A'), 'socks5://b.test:99999#B');
    const view = await t.egress.refreshSubscription(t.root, id);
    expect(view.problem).toMatch(/^Left out: line 2/);
    expect(await labels()).toEqual(['A', 'B']);
  });
});

test('it goes through the chosen way out, and by itself when its time has come', async () => {
  serve(link('A'));
  const via = await t.make('Via');
  const { id } = await save({ viaEgressId: via.id, autoApply: true, everyMinutes: 60 });
  await expect(t.egress.remove(t.root, via.id)).rejects.toThrow('the subscription Provider');
  const job = createSubscriptionsJob({ log: t.log, refreshDue: (signal) => t.egress.refreshDue(signal) });
  await job.run();
  expect(await labels()).toEqual(['Via', 'A']);
  const fetches = () => t.peer.egress.asked.filter((it) => it.op === 'egress.fetch');
  expect(fetches()[0]?.input).toMatchObject({
    url: URL,
    egress: { kind: 'socks5' },
    dns: t.network.defaultDns,
  });
  await job.run();
  expect(fetches()).toHaveLength(1);
  const hourAgo = new Date(Date.now() - 61 * 60_000);
  await t.db.egressSubscription.update({ where: { id }, data: { triedAt: hourAgo } });
  await job.run();
  expect(fetches()).toHaveLength(2);
  await job.close();
  const actor = await t.db.auditEvent.findFirst({ where: { type: 'egress.subscription.applied' } });
  expect(actor?.actor).toBe('system:subscriptions');
});

test('without a new address the stored one stays; another one forgets what was fetched', async () => {
  serve(link('A'));
  const { id } = await save();
  await t.egress.refreshSubscription(t.root, id);
  const renamed = saveSubscriptionSchema.parse({ id, label: 'Renamed' });
  expect(await t.egress.saveSubscription(t.root, renamed)).toMatchObject({
    label: 'Renamed',
    pending: { added: ['A'] },
  });
  const moved = saveSubscriptionSchema.parse({ id, label: 'Renamed', url: 'https://other.test/x' });
  expect(await t.egress.saveSubscription(t.root, moved)).toMatchObject({
    origin: 'https://other.test',
    pending: null,
  });
  const none = saveSubscriptionSchema.parse({ label: 'No address' });
  await expect(t.egress.saveSubscription(t.root, none)).rejects.toMatchObject({ field: 'url' });
});
