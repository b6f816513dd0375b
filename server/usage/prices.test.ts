import { expect, test } from 'vitest';
import { createPrices } from './prices';

const flat = (per: number) => ({
  input: per,
  output: per,
  cacheRead: per,
  cacheWrite: per,
  cacheWriteHour: per,
});
const million = { input: 1_000_000, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 };

test('what is set comes before the list: by day, the most exact name first', () => {
  const prices = createPrices([
    { model: 'claude-*', since: '2026-01-01', ...flat(1) },
    { model: 'claude-opus-4-5', since: '2026-06-01', ...flat(3) },
    { model: 'claude-opus-4-5', since: '2026-03-01', ...flat(2) },
  ]);
  const cost = (model: string, day: string) => prices.cost(model, day, million);
  expect(cost('claude-opus-4-5', '2026-02-01')).toEqual({ usd: 1, known: true });
  expect(cost('claude-opus-4-5', '2026-03-01')).toEqual({ usd: 2, known: true });
  expect(cost('claude-opus-4-5[1m]', '2026-11-21')).toEqual({ usd: 3, known: true });
  expect(cost('claude-opus-4-5', '2025-12-31')).toEqual({ usd: 5, known: true });
});

test('what has no price is not free', () => {
  const { usd, known } = createPrices().cost('somebody-elses-model', '2026-11-21', million);
  expect(known).toBe(false);
  expect(usd).toBeGreaterThanOrEqual(15);
});

test('an hour in the cache costs more than five minutes', () => {
  const counts = { ...million, input: 0, cacheWrite: 1_000_000 };
  const prices = createPrices();
  expect(prices.cost('claude-opus-4-5', '2026-11-21', counts).usd).toBeCloseTo(6.25, 6);
  const hour = { ...counts, cacheWriteHour: 1_000_000 };
  expect(prices.cost('claude-opus-4-5', '2026-11-21', hour).usd).toBeCloseTo(10, 6);
});
