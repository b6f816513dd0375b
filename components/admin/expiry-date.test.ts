import { expect, test } from 'vitest';
import { dateField, endOfDay } from './expiry-date';

test('a date goes to the end of its day and back', () => {
  expect(dateField(endOfDay('2026-12-31'))).toBe('2026-12-31');
  expect(endOfDay('')).toBeNull();
  expect(endOfDay('nonsense')).toBeNull();
  expect(dateField(null)).toBe('');
});
