import { expect, test } from 'vitest';
import { Rate } from './rate';

test('each address has its own count, a window ends, and strangers beyond the limit share one', () => {
  let now = 0;
  const rate = new Rate({ perWindow: 2, windowMs: 1000, keys: 2 }, () => now);
  const allowed = (address: string) => [1, 2, 3].map(() => rate.allows(address));
  expect(allowed('a')).toEqual([true, true, false]);
  expect(allowed('b')).toEqual([true, true, false]);
  expect(rate.allows('c')).toBe(true);
  expect(rate.allows('d')).toBe(true);
  expect(rate.allows('e')).toBe(false);
  now = 1000;
  expect(allowed('a')).toEqual([true, true, false]);
});
