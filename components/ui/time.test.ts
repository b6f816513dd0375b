import { expect, test } from 'vitest';
import { bytes, duration, relative, took } from './time';

test('durations name their two largest units', () => {
  expect([0, 5_000, 65_000, 3_600_000, 90_061_000, -4].map(duration)).toEqual([
    '0s',
    '5s',
    '1m 5s',
    '1h',
    '1d 1h',
    '0s',
  ]);
});

test('relative times', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  expect(relative('2026-01-01T11:59:50Z', now)).toBe('just now');
  expect(relative('2026-01-01T11:55:00Z', now)).toBe('5m ago');
  expect(relative('2026-01-03T13:00:00Z', now)).toBe('in 2d');
});

test('steps and sizes', () => {
  expect(took('2026-01-01T00:00:00Z', '2026-01-01T00:00:01.234Z', 0)).toBe('1.2 s');
  expect(took(null, null, 0)).toBe('');
  expect([0, 999, 2048, 5 * 1024 ** 3].map(bytes)).toEqual(['0 B', '999 B', '2.0 KB', '5.0 GB']);
});
