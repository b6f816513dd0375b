import { expect, test } from 'vitest';
import { modelLabel, priceOf } from './models';

const million = { input: 1_000_000, output: 0, cacheRead: 0, cacheWrite: 0 };

test.each([
  ['claude-opus-5-5', 4],
  ['claude-opus-5-5[1m]', 4],
  ['claude-opus-4-6', 5],
  ['claude-opus-4-1-20250805', 15],
  ['claude-sonnet-4-5-20250929', 3],
  ['claude-haiku-4-5', 1],
  ['claude-opus-9', null],
  ['glm-5', null],
])('a million input tokens of %s cost %s', (model, dollars) => {
  expect(priceOf(model, million)).toBe(dollars);
});

test('all four kinds of tokens count', () => {
  const each = { input: 1e6, output: 1e6, cacheRead: 1e6, cacheWrite: 1e6 };
  expect(priceOf('claude-opus-5-5', each)).toBeCloseTo(4 + 20 + 0.2 + 5, 6);
});

test.each([
  ['claude-opus-5-5', 'Opus 5.5'],
  ['claude-sonnet-5[1m]', 'Sonnet 5 (1M)'],
  ['claude-haiku-4-5-20251001', 'Haiku 4.5'],
  ['sonnet', 'Sonnet'],
  ['glm-5', 'glm-5'],
])('%s is shown as %s', (model, label) => expect(modelLabel(model)).toBe(label));
