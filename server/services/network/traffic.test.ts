import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { trafficViewSchema } from '../../../shared/egress-views';
import { type DnsQuestion, type Flow, TRAFFIC_EPOCH, type Traffic } from '../../../shared/traffic';
import type { Identity } from '../../contracts';
import { createTrafficJob } from '../../jobs/traffic';
import { createTrimJob, TRAFFIC_KEPT_MS } from '../../jobs/trim';
import { type EgressTest, openEgressTest } from '../egress/testing';
import { createTrafficStore } from './traffic';
import { NAMES_PER_HOUR, OTHER } from './traffic-rows';

let t: EgressTest;
let ann: Identity;
let box: { id: string };
beforeEach(async () => {
  t = await openEgressTest();
  ann = await t.person('ann');
  box = await t.running(ann);
});
afterEach(() => t.close());

/** Second of the agent's start. */
const EPOCH = 1_790_000_000 * TRAFFIC_EPOCH;
const flow = (host: string, change: Partial<Flow> = {}): Flow => ({
  ...{ id: host, network: 'tcp', host, address: '192.0.2.1', port: 443, rule: 'egress', verdict: 'allowed' },
  ...{ startedAt: new Date().toISOString(), endedAt: new Date().toISOString(), rxBytes: 100, txBytes: 10 },
  ...change,
});
const question = (name: string, outcome: DnsQuestion['outcome']): DnsQuestion => ({
  ...{ at: new Date().toISOString(), name, type: 'A', outcome, answer: null },
});
/** What the agent says from now on. */
function agentSays(change: Partial<Traffic>): void {
  const nothing = { cursor: EPOCH, missed: 0, rxBytes: 0, txBytes: 0, open: [], ended: [], questions: [] };
  t.peer.egress.traffic.set(box.id, { ...nothing, ...change });
}
const view = async () => trafficViewSchema.parse(await t.networks.traffic(ann, box.id));
const collect = () => createTrafficJob({ db: t.db, traffic: t.traffic, log: t.log }).run();

test('bytes, names and refusals add up over what the agent tells piece by piece', async () => {
  agentSays({ cursor: EPOCH + 3, rxBytes: 1000, txBytes: 100, ended: [flow('a.test'), flow('b.test')] });
  await collect();
  agentSays({
    ...{ cursor: EPOCH + 7, rxBytes: 1500, txBytes: 160, open: [flow('c.test', { endedAt: null })] },
    ended: [
      flow('a.test'),
      flow('10.0.0.1', { rule: 'refused-range', verdict: 'denied', rxBytes: 0, txBytes: 0 }),
      flow('d.test', { rule: 'allow-list', verdict: 'would-deny' }),
    ],
    questions: [question('no.test', 'denied'), question('no.test', 'denied'), question('a.test', 'answered')],
  });
  await collect();
  const seen = await view();
  expect(seen).toMatchObject({ rxBytes: 1500, txBytes: 160, open: [{ host: 'c.test' }] });
  expect(seen.series.reduce((sum, it) => sum + it.rxBytes, 0)).toBe(1500);
  expect(seen.hosts).toEqual([
    { host: 'a.test', rule: 'egress', count: 2, rxBytes: 200, txBytes: 20 },
    expect.objectContaining({ host: 'b.test', count: 1 }),
    expect.objectContaining({ host: 'd.test', rule: 'allow-list' }),
  ]);
  expect(seen.denied).toEqual([
    expect.objectContaining({ host: 'no.test', verdict: 'denied', count: 2 }),
    expect.objectContaining({ host: '10.0.0.1', verdict: 'denied', count: 1 }),
    expect.objectContaining({ host: 'd.test', verdict: 'would-deny', count: 1 }),
  ]);
});

describe('counts nothing twice', () => {
  test('when the gateway starts anew', async () => {
    agentSays({ cursor: EPOCH + 1, rxBytes: 1000, ended: [flow('a.test')] });
    await collect();
    const another = createTrafficStore({ db: t.db, agent: t.agent });
    await another.collect(box.id);
    expect(await another.view(box.id, false)).toMatchObject({ rxBytes: 1000, hosts: [{ count: 1 }] });
  });

  test('when the agent starts anew: its totals begin at nothing', async () => {
    agentSays({ cursor: EPOCH + 9, rxBytes: 1000, txBytes: 5, ended: [flow('a.test')] });
    await collect();
    // More than before already: only the cursor tells that it is another count.
    agentSays({ cursor: EPOCH + TRAFFIC_EPOCH + 2, rxBytes: 3000, txBytes: 1, ended: [flow('a.test')] });
    await collect();
    expect(await view()).toMatchObject({ rxBytes: 4000, txBytes: 6, hosts: [{ count: 2 }] });
    agentSays({ cursor: EPOCH + TRAFFIC_EPOCH + 2, rxBytes: 3010, txBytes: 1 });
    await collect();
    expect((await view()).rxBytes).toBe(4010);
  });

  test('when two ask at one time', async () => {
    agentSays({ cursor: EPOCH + 1, rxBytes: 7, ended: [flow('a.test')] });
    await Promise.all([collect(), view(), view()]);
    expect(await view()).toMatchObject({ rxBytes: 7, hosts: [{ count: 1 }] });
  });
});

test('a sandbox that speaks to a great many names fills no database', async () => {
  const scan = (from: number) => Array.from({ length: 4000 }, (_, it) => `n${from + it}.test`);
  for (const round of [1, 2, 3]) {
    const names = scan(round * 4000);
    agentSays({
      ...{ cursor: EPOCH + round * 10_000, missed: 5, ended: names.map((it) => flow(it)) },
      questions: names.map((it) => question(it, 'denied')),
    });
    await collect();
  }
  const few = NAMES_PER_HOUR * 2 + 10;
  expect(await t.db.trafficHost.count()).toBeLessThan(few);
  expect(await t.db.dnsHour.count()).toBeLessThan(few);
  const rows = await t.db.trafficHost.findMany();
  expect(rows.reduce((sum, it) => sum + it.count, 0)).toBe(12_000 + 15);
  expect((await view()).hosts[0]).toMatchObject({ host: OTHER });
});

test('a time that cannot be is now, and what is old goes', async () => {
  agentSays({
    cursor: EPOCH + 2,
    ended: [flow('a.test', { endedAt: '2199-01-01T00:00:00Z' }), flow('b.test', { endedAt: 'nonsense' })],
  });
  await collect();
  const rows = await t.db.trafficHost.findMany();
  expect(rows.map((it) => Date.now() - it.hour.getTime() < 3_600_000)).toEqual([true, true]);
  await t.db.trafficHost.updateMany({ data: { hour: new Date(Date.now() - TRAFFIC_KEPT_MS - 1000) } });
  await createTrimJob({ db: t.db, log: t.log }).run();
  expect(await t.db.trafficHost.count()).toBe(0);
});

test('one that the agent does not know is no error and leaves no trace', async () => {
  await collect();
  expect(await t.db.trafficCursor.count()).toBe(0);
  expect(await view()).toMatchObject({ rxBytes: 0, series: [], open: [], recent: [] });
});
