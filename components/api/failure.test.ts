import { TRPCClientError } from '@trpc/client';
import { expect, test } from 'vitest';
import { failureOf } from './failure';

function answered(message: string, data: Record<string, unknown>) {
  return TRPCClientError.from({ error: { code: -32000, message, data } });
}

test('a domain error keeps its own sentence and the table’s advice', () => {
  const failure = failureOf(
    answered('Ada has three sandboxes.', { appCode: 'limit_reached', requestId: 'r1' }),
  );
  expect(failure).toMatchObject({
    code: 'limit_reached',
    title: 'Ada has three sandboxes.',
    requestId: 'r1',
  });
  expect(failure.next).toMatch(/Delete something/);
});

test('a zod error becomes its first sentence with the field', () => {
  const issues = JSON.stringify([{ path: ['name'], message: 'A name is needed.' }]);
  expect(failureOf(answered(issues, { appCode: 'invalid_input' }))).toMatchObject({
    title: 'A name is needed.',
    field: 'name',
  });
});

test('no answer at all is said as such, and unknown throws tell nothing', () => {
  expect(failureOf(TRPCClientError.from(new TypeError('fetch failed'))).code).toBe('offline');
  expect(failureOf(new Error('secret')).title).not.toContain('secret');
});
