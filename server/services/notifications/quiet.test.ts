import { expect, test } from 'vitest';
import { isQuiet } from './quiet';

test.each([
  ['2026-07-01T21:30:00Z', 'Europe/Berlin', true],
  ['2026-07-01T19:30:00Z', 'Europe/Berlin', false],
  ['2026-01-01T21:30:00Z', 'Europe/Berlin', true],
  ['2026-01-01T20:30:00Z', 'Europe/Berlin', false],
  ['2026-07-01T04:59:00Z', 'Europe/Berlin', true],
  ['2026-07-01T05:00:00Z', 'Europe/Berlin', false],
  ['2026-07-01T23:00:00Z', 'No/Such_Zone', true],
])('22:00 to 07:00: %s in %s is quiet: %s', (at, timezone, quiet) => {
  const hours = { enabled: true, from: '22:00', to: '07:00' };
  expect(isQuiet(hours, { at: new Date(at), timezone })).toBe(quiet);
});
