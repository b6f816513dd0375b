import { expect, test } from 'vitest';
import { deliverySummary } from './deliveries';

test('what became of a push, in words', () => {
  const at = '2026-11-21T10:00:00.000Z';
  expect(deliverySummary([])).toBe('');
  expect(
    deliverySummary([
      { deviceId: 'a', device: 'Chrome on Linux', state: 'sent', reason: null, at },
      { deviceId: 'b', device: 'Phone', state: 'failed', reason: 'HTTP 500', at },
      { deviceId: 'c', device: 'Tablet', state: 'sent', reason: null, at },
    ]),
  ).toBe(' · sent to Chrome on Linux, Tablet; could not be sent to Phone (HTTP 500)');
});
