import { expect, test } from 'vitest';
import { amount, dollars, lastDays } from './amounts';

test('amounts', () => {
  expect([0, 0.004, 0.01, 1234.5].map(dollars)).toEqual(['$0.00', '< $0.01', '$0.01', '$1,234.50']);
  expect(amount('tokens', 9_999)).toBe('9,999 tokens');
  expect(amount('tokens', 1_250_000)).toBe('1.3M tokens');
  expect(amount('requests', 3)).toBe('3 requests');
  expect(amount('usd', 5)).toBe('$5.00');
});

test('days are those of UTC, both included', () => {
  expect(lastDays(1, Date.parse('2026-03-01T00:30:00Z'))).toEqual({ from: '2026-03-01', to: '2026-03-01' });
  expect(lastDays(30, Date.parse('2026-03-01T23:30:00Z'))).toEqual({ from: '2026-01-31', to: '2026-03-01' });
});
