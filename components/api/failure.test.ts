import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTRPCClient, httpBatchLink, TRPCClientError } from '@trpc/client';
import { expect, test } from 'vitest';
import type { AppRouter } from '../../server/api/root';
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

test('a refusal from before tRPC, which has no envelope of its own, counts as signed out', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ error: 'You are not signed in.', code: 'unauthenticated', request_id: 'r1' }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  const client = createTRPCClient<AppRouter>({ links: [httpBatchLink({ url: `http://127.0.0.1:${port}` })] });
  const thrown = await client.account.me.query().catch((error: unknown) => error);
  server.close();
  expect(failureOf(thrown).code).toBe('unauthenticated');
});
