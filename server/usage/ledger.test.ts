import { expect, test } from 'vitest';
import { type Budget, createLedger, type Payer, type Sums, type Ticket } from './ledger';

const payer: Payer = { sandboxId: 'box1', sessionId: null, userId: 'ann', workspaceId: 'team' };
const day = (measure: Budget['measure'], limit: number): Budget => ({
  ...{ target: 'user', targetId: 'ann', window: 'day', measure, limit },
});

function setUp(budgets: Budget[], stored: Partial<Sums> = {}) {
  const clock = { now: new Date('2026-11-21T12:00:00Z') };
  const loads: string[] = [];
  const ledger = createLedger({
    now: () => clock.now,
    load: async (target, id, start, take) => {
      loads.push(`${target} ${id} ${start.toISOString().slice(0, 10)}`);
      take({ tokens: 0, usd: 0, requests: 0, ...stored });
    },
  });
  ledger.setBudgets(budgets);
  const admit = async (): Promise<Ticket | null> => {
    const admission = await ledger.admit(payer);
    return 'ticket' in admission ? admission.ticket : null;
  };
  return { ledger, clock, loads, admit };
}

test('of requests that come at once no more pass than are left', async () => {
  const { ledger, admit } = setUp([day('requests', 70)], { requests: 60 });
  const first = (await Promise.all(Array.from({ length: 64 }, admit))).filter((it) => it !== null);
  expect(first).toHaveLength(10);
  const [done] = first;
  if (!done) throw new Error('none was let through');
  ledger.settle(done, { tokens: 1, usd: 0 });
  const second = await Promise.all(Array.from({ length: 64 }, admit));
  expect(second.filter((it) => it !== null)).toHaveLength(0);
});

test('tokens overshoot by what was running at most, and then nothing passes', async () => {
  const { ledger, admit } = setUp([day('tokens', 1_000)]);
  const running = await Promise.all(Array.from({ length: 64 }, admit));
  expect(running.every((it) => it !== null)).toBe(true);
  for (const it of running) if (it) ledger.settle(it, { tokens: 100, usd: 0 });
  expect(await admit()).toBeNull();
  expect(await ledger.used(day('tokens', 0))).toBe(6_400);
});

test('the nearest end is said; the next window begins at nothing', async () => {
  const { ledger, clock, loads, admit } = setUp([day('usd', 5)], { usd: 5 });
  expect(await ledger.admit(payer)).toMatchObject({
    refused: { resetsAt: new Date('2026-11-22T00:00:00Z') },
  });
  clock.now = new Date('2026-11-22T00:00:01Z');
  expect(await admit()).toBeNull();
  expect(loads).toEqual(['user ann 2026-11-21', 'user ann 2026-11-22']);
});

test('a request is counted in the window it began in', async () => {
  const { ledger, clock, admit } = setUp([day('tokens', 100)]);
  const late = await admit();
  clock.now = new Date('2026-11-22T00:00:01Z');
  await admit();
  if (late) ledger.settle(late, { tokens: 99, usd: 0 });
  expect(await ledger.used(day('tokens', 0))).toBe(0);
});

test('marks are told when they are passed, the highest alone', async () => {
  const { ledger, admit } = setUp([day('tokens', 1_000)]);
  const spend = async (tokens: number) => {
    const ticket = await admit();
    return ticket ? ledger.settle(ticket, { tokens, usd: 0 }).map((it) => it.percent) : null;
  };
  expect(await spend(700)).toEqual([]);
  expect(await spend(60)).toEqual([75]);
  expect(await spend(10)).toEqual([]);
  expect(await spend(129)).toEqual([]);
  expect(await spend(1)).toEqual([90]);
  expect(await spend(400)).toEqual([100]);
  expect(await spend(1)).toBeNull();
});

test('when what was spent cannot be read, nobody with a budget passes', async () => {
  const failing = createLedger({ load: () => Promise.reject(new Error('disk')) });
  expect('ticket' in (await failing.admit(payer))).toBe(true);
  failing.setBudgets([day('usd', 1)]);
  await expect(failing.admit(payer)).rejects.toThrow('disk');
});
