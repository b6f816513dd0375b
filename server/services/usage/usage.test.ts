import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Identity } from '../../contracts';
import { createLedger } from '../../usage/ledger';
import { createMetering, type Metered, type Metering } from '../../usage/metering';
import { createPayers } from '../../usage/payers';
import { createPrices } from '../../usage/prices';
import { createUsageStore, type UsageStore } from '../../usage/store';
import { createAccess } from '../sandboxes/access';
import { openServiceTest } from '../testing';
import { createUsage, type Usage } from './service';
import { createBudgetWarnings } from './warn';

const log = pino({ level: 'silent' });
const BOX = 'usagebox00000001';
const TODAY = { from: '2020-01-01', to: '2100-01-01' } as const;
let parts: Awaited<ReturnType<typeof openServiceTest>>;
let ann: Identity;
let bob: Identity;
let root: Identity;
let workspace = '';
let store: UsageStore;
let usage: Usage;
let metering: Metering;

beforeAll(async () => {
  parts = await openServiceTest();
  const { db, live, audit } = parts;
  ann = await parts.person('ann');
  bob = await parts.person('bob');
  root = await parts.person('root', 'admin');
  workspace = await parts.personalWorkspace(ann);
  await db.sandbox.create({
    data: {
      ...{ id: BOX, name: 'box', ownerId: ann.userId, workspaceId: workspace, state: 'running' },
      ...{
        image: 'x',
        hostname: 'box',
        cpus: 1,
        memoryMb: 512,
        pids: 100,
        timezone: 'UTC',
        locale: 'C.UTF-8',
      },
    },
  });
  const prices = createPrices();
  store = createUsageStore({ db, log, prices });
  const ledger = createLedger({ load: store.sums });
  usage = createUsage({ db, live, audit, access: createAccess(db).access, ledger, prices });
  await usage.load();
  metering = createMetering({
    ...{ ledger, store, log, payerOf: createPayers(db) },
    onReached: createBudgetWarnings({ db, live, audit, log, wake: () => undefined }),
  });
});
afterAll(async () => {
  await store.close();
  await parts.close();
});

const request = { sandboxId: BOX, sessionId: null, provider: 'gateway', bytes: 400, message: true };

async function begin(): Promise<Metered> {
  const admitted = await metering(request);
  if (!('metered' in admitted)) throw new Error(JSON.stringify(admitted));
  return admitted.metered;
}

/** Input and output tokens of an answer that is no stream. */
async function spend(input: number, output: number): Promise<void> {
  const metered = await begin();
  metered.answered(200, { 'content-type': 'application/json', 'request-id': 'req_1' });
  const counts = { input_tokens: input, output_tokens: output };
  metered.data(Buffer.from(JSON.stringify({ type: 'message', model: 'claude-opus-4-5', usage: counts })));
  metered.end('whole');
  metered.end('cut');
}

test('requests are counted by day and one by one, each for whom it is', async () => {
  await spend(1_000, 100);
  await spend(1_000, 100);
  await expect
    .poll(async () => (await usage.sums(ann, { ...TODAY, by: 'model', all: false }))[0])
    .toMatchObject({ key: 'claude-opus-4-5', requests: 2, input: 2_000, output: 200, estimated: 0 });
  const [sum] = await usage.sums(ann, { ...TODAY, by: 'sandbox', all: false });
  expect(sum).toMatchObject({ key: BOX, name: 'box' });
  expect(sum?.costUsd).toBeCloseTo((2_000 * 5 + 200 * 25) / 1e6, 9);
  const [one] = await usage.requests(ann, { sandboxId: BOX, limit: 10 });
  expect(one).toMatchObject({ state: 'done', status: 200, upstreamId: 'req_1', input: 1_000 });
});

test('nobody sees what others have spent, but administrators and who leads the workspace', async () => {
  expect(await usage.sums(bob, { ...TODAY, by: 'day', all: false })).toEqual([]);
  expect(await usage.sums(bob, { ...TODAY, by: 'day', all: false, workspaceId: workspace })).toEqual([]);
  await expect(usage.sums(bob, { ...TODAY, by: 'user', all: true })).rejects.toMatchObject({
    code: 'forbidden',
  });
  await expect(usage.requests(bob, { sandboxId: BOX, limit: 1 })).rejects.toMatchObject({
    code: 'not_found',
  });
  expect(await usage.sums(root, { ...TODAY, by: 'user', all: true })).toMatchObject([
    { name: 'ann', requests: 2 },
  ]);
  const bound = { ...ann, scopes: ['usage:read'] as const, sandboxId: 'anotherbox000001' };
  expect(await usage.sums(bound, { ...TODAY, by: 'day', all: false })).toEqual([]);
});

test('an answer that was cut is counted by what is known of it; an error is free', async () => {
  const cut = await begin();
  cut.answered(200, { 'content-type': 'text/event-stream' });
  cut.end('cut');
  const refused = await begin();
  refused.answered(529, { 'content-type': 'application/json' });
  refused.data(Buffer.from('{"type":"error","error":{"type":"overloaded_error","message":"x"}}'));
  refused.end('whole');
  const unreached = await begin();
  unreached.end('unanswered');
  await expect
    .poll(async () =>
      (await usage.requests(ann, { sandboxId: BOX, limit: 3 })).map((it) => [it.state, it.input]),
    )
    .toEqual([
      ['failed', 0],
      ['failed', 0],
      ['cut', 100],
    ]);
});

test('what ran when the gateway was killed is counted at the next start, once', async () => {
  await parts.db.apiRequest.create({
    data: {
      ...{ id: randomUUID(), at: new Date(), sandboxId: BOX, userId: bob.userId, workspaceId: workspace },
      ...{ provider: 'gateway', inputTokens: 70 },
    },
  });
  expect(await store.recover()).toBe(1);
  expect(await store.recover()).toBe(0);
  const [sum] = await usage.sums(bob, { ...TODAY, by: 'day', all: false });
  expect(sum).toMatchObject({ requests: 1, input: 70, estimated: 1 });
});

test('a session knows what each of its turns has cost, and no request is of two of them', async () => {
  const { db } = parts;
  const id = randomUUID();
  const at = (second: number) => new Date(Date.UTC(2026, 0, 31, 23, 59, 50 + second));
  const live = {
    ...{
      status: 'working',
      model: null,
      title: null,
      costUsd: null,
      context: null,
      waiting: null,
      preview: '',
    },
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    ...{ turns: 2, turnStartedAt: at(20).toISOString(), workMs: 0, updatedAt: at(20).toISOString() },
  };
  await db.session.create({
    data: {
      ...{ id, sandboxId: BOX, kind: 'claude', name: 'Tests', workdir: '/', permissionMode: 'plan' },
      ...{ createdById: bob.userId, state: 'running', live: JSON.stringify(live) },
    },
  });
  for (const [turn, from, to] of [
    [1, 2, 4],
    [2, 8, 15],
  ] as const)
    await db.turn.create({
      data: {
        ...{ sessionId: id, turn, startedAt: at(from), endedAt: at(to), reason: 'completed', workMs: 1 },
        ...{ inputTokens: 9, outputTokens: 9, cacheReadTokens: 9, cacheWriteTokens: 9, preview: '' },
        ...{ prompt: `prompt ${turn}`, firstSeq: 1, lastSeq: 2 },
      },
    });
  const of = {
    sandboxId: BOX,
    sessionId: id,
    userId: bob.userId,
    workspaceId: workspace,
    provider: 'gateway',
  };
  const requests = [
    [1, 1, 'done'],
    [2, 10, 'done'],
    // Left running behind the turn that started it.
    [6, 100, 'cut'],
    [8, 1_000, 'done'],
    [14, 10_000, 'done'],
    [21, 100_000, 'done'],
    [22, 1_000_000, 'running'],
  ] as const;
  for (const [second, inputTokens, state] of requests)
    await db.apiRequest.create({
      data: {
        ...{
          id: randomUUID(),
          at: at(second),
          ...of,
          model: 'm',
          state,
          inputTokens,
          costUsd: inputTokens / 100,
        },
        estimated: state === 'cut',
      },
    });
  const ask = { ...TODAY, all: false, sessionId: id };
  const turns = await usage.sums(ann, { ...ask, by: 'turn' });
  expect(
    turns.map((it) => [it.key, it.name, it.detail, it.requests, it.input, it.costUsd, it.estimated]),
  ).toEqual([
    ['3', 'Turn 3, running', undefined, 1, 100_000, 1_000, 0],
    ['2', 'Turn 2', 'prompt 2', 2, 11_000, 110, 0],
    ['1', 'Turn 1', 'prompt 1', 2, 110, 1.1, 1],
    ['', 'Before the first turn', undefined, 1, 1, 0.01, 0],
  ]);
  // Days of UTC, also in the middle of a turn.
  const february = await usage.sums(ann, { ...ask, from: '2026-02-01', by: 'turn' });
  expect(february.map((it) => [it.key, it.input])).toEqual([
    ['3', 100_000],
    ['2', 10_000],
  ]);
  await expect(usage.sums(bob, { ...ask, by: 'turn' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(usage.sums(ann, { ...TODAY, all: false, by: 'turn' })).rejects.toMatchObject({
    code: 'invalid_input',
  });

  const sessions = await usage.sums(bob, { ...TODAY, all: false, by: 'session', sandboxId: BOX });
  expect(sessions.map((it) => [it.key, it.requests, it.input, it.estimated])).toEqual([
    [id, 6, 111_111, 1],
    ['', 1, 70, 1],
  ]);
  // Who may not look into the sandbox is not told what its sessions are called.
  expect(sessions[0]?.name).toBe(id);
  expect(
    await usage.sums(ann, { ...TODAY, all: false, by: 'session', workspaceId: workspace }),
  ).toContainEqual(expect.objectContaining({ key: id, name: 'Tests', detail: 'box', costUsd: 1_111.11 }));
  await db.session.delete({ where: { id } });
  await db.apiRequest.deleteMany({ where: { sessionId: id } });
});

test('a budget refuses when it is used up, says until when, and its people are told', async () => {
  const key = { target: 'user', targetId: ann.userId, window: 'day', measure: 'tokens' } as const;
  await expect(usage.setBudget(ann, { ...key, limit: 1 })).rejects.toMatchObject({ code: 'forbidden' });
  await expect(usage.setBudget(root, { ...key, targetId: 'nobody', limit: 1 })).rejects.toMatchObject({
    code: 'not_found',
  });
  await usage.setBudget(root, { ...key, limit: 4_000 });
  expect(await usage.budgets(ann)).toMatchObject([{ name: 'ann', limit: 4_000, used: 2_300 }]);
  expect(await usage.budgets(bob)).toEqual([]);

  await spend(800, 0);
  await spend(1_000, 0);
  await expect.poll(async () => (await usage.budgets(ann))[0]?.used).toBe(4_100);
  const refusal = await metering(request);
  expect('refused' in refusal && refusal.refused).toMatch(
    /budget of 4,000 tokens a day for your account is used up/,
  );
  expect('refused' in refusal && refusal.retryAfterSeconds).toBeGreaterThan(0);
  const told = () =>
    parts.db.notification.findMany({ where: { userId: ann.userId }, orderBy: { createdAt: 'asc' } });
  await expect
    .poll(async () => (await told()).map((it) => it.title))
    .toEqual(['75 % of a budget is used · ann', 'Budget used up · ann']);
  expect(await parts.auditTypes()).toEqual(['budget.set', 'budget.warned', 'budget.exhausted']);

  await usage.setBudget(root, { ...key, limit: null });
  expect('metered' in (await metering(request))).toBe(true);
});

test('when it cannot be written, those with a budget wait; nothing is forgotten', async () => {
  const { db } = parts;
  const key = { target: 'sandbox', targetId: BOX, window: 'month', measure: 'requests' } as const;
  await usage.setBudget(root, { ...key, limit: 1_000 });
  const before = (await usage.budgets(root)).find((it) => it.target === 'sandbox')?.used ?? 0;
  await db.$executeRawUnsafe('ALTER TABLE UsageDay RENAME TO Gone');
  await spend(1, 1);
  await expect.poll(() => store.failing).toBe(true);
  expect(await metering(request)).toMatchObject({ refused: expect.stringMatching(/cannot be counted/) });
  await db.$executeRawUnsafe('ALTER TABLE Gone RENAME TO UsageDay');
  await expect.poll(() => store.failing).toBe(false);
  await expect
    .poll(async () => (await usage.budgets(root)).find((it) => it.target === 'sandbox')?.used)
    .toBe(before + 1);
});

test('prices can be set by administrators and hold from their day on', async () => {
  const price = { input: 1, output: 1, cacheRead: 1, cacheWrite: 1, cacheWriteHour: 1 };
  const set = { model: 'claude-opus-*', since: '2026-01-01', ...price };
  await expect(usage.setPrice(ann, set)).rejects.toMatchObject({ code: 'forbidden' });
  expect(await usage.prices(ann)).toMatchObject([{ model: 'claude-opus-4-5', source: 'list', input: 5 }]);
  expect(await usage.setPrice(root, set)).toMatchObject([{ ...set, source: 'set' }]);
  expect(await usage.removePrice(root, set)).toMatchObject([{ source: 'list' }]);
  await expect(usage.removePrice(root, set)).rejects.toMatchObject({ code: 'not_found' });
});

test('a message that tells no figures is counted by its size, anything else without them as one request', async () => {
  const json = { 'content-type': 'application/json' };
  const said = Buffer.from('{"type":"something"}');
  for (const message of [true, false]) {
    const admitted = await metering({ ...request, message });
    if (!('metered' in admitted)) throw new Error(JSON.stringify(admitted));
    admitted.metered.answered(200, json);
    admitted.metered.data(said);
    admitted.metered.end('whole');
  }
  await expect
    .poll(async () =>
      (await usage.requests(ann, { sandboxId: BOX, limit: 2 }))
        .map((it) => [it.state, it.input, it.output, it.estimated])
        .sort(),
    )
    .toEqual([
      ['done', 0, 0, false],
      ['done', 100, 0, true],
    ]);
});
