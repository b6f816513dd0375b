import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEgressSchema, type ProofEvent } from '../../../shared/egress-views';
import { type EgressTest, openEgressTest, SECRET } from './testing';

let t: EgressTest;
beforeEach(async () => {
  t = await openEgressTest();
});
afterEach(() => t.close());

async function events(stream: AsyncIterable<ProofEvent>): Promise<ProofEvent[]> {
  const all: ProofEvent[] = [];
  for await (const it of stream) all.push(it);
  return all;
}
const socks = (over: Record<string, unknown> = {}) =>
  createEgressSchema.parse({
    label: 'One',
    config: { kind: 'socks5', server: 'proxy.test', port: 1080, username: 'u', password: SECRET, ...over },
  });

const signal = () => new AbortController().signal;

test('stream their stages, end with a proof, and say how the way out is', async () => {
  const a = await t.make('A');
  const seen = await events(t.egress.test(t.root, { id: a.id }, signal()));
  expect(seen.map((it) => it.type)).toEqual(['check', 'check', 'check', 'proof']);
  expect(t.peer.egress.asked.at(-1)?.input).toMatchObject({
    egressId: a.id,
    egress: { password: SECRET },
    dns: t.network.defaultDns,
  });
  expect((await t.egress.get(t.root, a.id)).health).toMatchObject({
    verdict: 'green',
    exitAddress: '198.51.100.9',
    latencyMs: 12.5,
  });
  t.peer.egress.next = { verdict: 'red', reason: 'No answer.' };
  await events(t.egress.test(t.root, { id: a.id }, signal()));
  expect((await t.egress.get(t.root, a.id)).health).toMatchObject({ verdict: 'red', reason: 'No answer.' });
  expect(await t.egress.history(t.root, a.id)).toMatchObject({
    uptime: 0.5,
    samples: [{ ok: true }, { ok: false }],
  });
  expect((await t.auditTypes()).filter((it) => it.startsWith('proof.'))).toEqual([
    'proof.green',
    'proof.red',
  ]);
});

test('work for what is not saved, and nothing of it is kept but the proof', async () => {
  const seen = await events(t.egress.test(t.root, socks(), signal()));
  expect(seen.at(-1)).toMatchObject({ type: 'proof', proof: { egressId: null } });
  expect(await t.db.egress.count()).toBe(0);
  expect(await t.everythingStored()).not.toContain(SECRET);
});

test('a proof that the agent did not sign is refused', async () => {
  const a = await t.make('A');
  t.peer.egress.next = { signature: Buffer.alloc(64).toString('base64') };
  const seen = await events(t.egress.test(t.root, { id: a.id }, signal()));
  expect(seen.at(-1)).toMatchObject({ type: 'error', code: 'agent_failed' });
  t.peer.egress.next = { keyId: 'another' };
  await events(t.egress.test(t.root, { id: a.id }, signal()));
  expect(await t.db.proof.count()).toBe(0);
  expect((await t.egress.get(t.root, a.id)).health.verdict).toBeNull();
});

test('a failure of the agent is an event, and leaving cancels its work', async () => {
  const a = await t.make('A');
  t.peer.egress.fail = { code: 'egress_failed', message: 'It does not answer.' };
  const seen = await events(t.egress.test(t.root, { id: a.id }, signal()));
  expect(seen.at(-1)).toEqual({ type: 'error', code: 'egress_failed', error: 'It does not answer.' });
  t.peer.egress.hang = true;
  const left = new Promise<void>((resolve) => {
    t.peer.egress.left = resolve;
  });
  for await (const it of t.egress.test(t.root, { id: a.id }, signal()))
    if (it.type === 'check' && it.stage === 'connect') break;
  await left;
});
