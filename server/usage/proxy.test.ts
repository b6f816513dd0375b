/** Budgets as a client of the API proxy meets them: real sockets, a real database, an API that streams. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createNet } from 'node:net';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import type { Identity } from '../contracts';
import { type AnthropicProxy, createAnthropicProxy } from '../gateway/anthropic-proxy';
import { createProviderTokens } from '../gateway/provider';
import { createAccess } from '../services/sandboxes/access';
import { openServiceTest } from '../services/testing';
import { buildUsage } from '../usage-parts';
import type { UsageServices } from './contract';

const BOX = 'budgetbox0000001';
const masterKey = randomBytes(32);
const tokens = createProviderTokens(masterKey);
const token = tokens.tokenFor(BOX);
const log = pino({ level: 'silent' });
const scope = new Scope();
let usage: UsageServices['usage'];
let root: Identity;
let url = '';
/** Of a sandbox that the database does not know. */
const STRANGER = 'strangerbox00001';
let strangersUrl = '';
/** Answers that have begun and wait to be ended. */
const open: ServerResponse[] = [];
const usageOf = (input: number, output: number) => ({ input_tokens: input, output_tokens: output });
const event = (type: string, body: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
const finish = (response: ServerResponse) =>
  response.end(event('message_delta', { usage: { output_tokens: 100 } }) + event('message_stop', {}));

beforeAll(async () => {
  const parts = scope.add('database', await openServiceTest(), (it) => it.close());
  const { db, live, audit } = parts;
  root = await parts.person('root', 'admin');
  await db.sandbox.create({
    data: {
      ...{ id: BOX, name: 'box', ownerId: root.userId, workspaceId: await parts.personalWorkspace(root) },
      ...{ state: 'running', image: 'x', hostname: 'box', cpus: 1, memoryMb: 512, pids: 100 },
      ...{ timezone: 'UTC', locale: 'C.UTF-8' },
    },
  });
  const upstream = createHttp((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const message = { model: 'claude-opus-4-5', usage: usageOf(50, 1) };
      response.write(event('message_start', { message }));
      open.push(response);
    });
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  scope.add('upstream', upstream, (it) => {
    it.closeAllConnections();
    it.close();
  });
  const { access } = createAccess(db);
  const built = await buildUsage(scope, { db, live, audit, log, access, wake: () => undefined });
  usage = built.services.usage;
  const { port } = upstream.address() as AddressInfo; // a TCP server
  const proxy: AnthropicProxy = scope.own(
    'proxy',
    createAnthropicProxy({
      ...{ masterKey, log, apiKey: 'sk-real', metering: built.metering },
      baseUrl: `http://127.0.0.1:${port}`,
    }),
  );
  const wayOf = async (box: string) => {
    const way = createNet((stream) => proxy.serve(box, stream)).listen(0, '127.0.0.1');
    await once(way, 'listening');
    scope.add('way', way, (it) => {
      it.close();
    });
    return `http://127.0.0.1:${(way.address() as AddressInfo).port}/proxy/anthropic/v1/messages`;
  };
  url = await wayOf(BOX);
  strangersUrl = await wayOf(STRANGER);
});
afterAll(() => scope.close());

const ask = (signal?: AbortSignal, path = '') =>
  fetch(new URL(path, url), {
    method: 'POST',
    body: '{}',
    headers: { 'x-api-key': token },
    ...(signal ? { signal } : {}),
  });
const key = () => ({ target: 'sandbox', targetId: BOX, window: 'day' }) as const;
const spent = async () => (await usage.budgets(root)).find((it) => it.measure === 'tokens')?.used;
const finishAll = () => {
  for (const response of open.splice(0)) finish(response);
};

test('of 64 streams at once none is cut, and the budget is overshot by those that ran and no more', async () => {
  await usage.setBudget(root, { ...key(), measure: 'tokens', limit: 1_000 });
  const answers = await Promise.all(Array.from({ length: 64 }, () => ask()));
  expect(answers.map((it) => it.status)).toEqual(Array(64).fill(200));
  finishAll();
  const texts = await Promise.all(answers.map((it) => it.text()));
  expect(texts.every((it) => it.includes('message_stop'))).toBe(true);
  await expect.poll(spent).toBe(64 * 150);

  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.headers.get('x-should-retry')).toBe('false');
  expect(await refused.json()).toEqual({
    type: 'error',
    error: {
      type: 'rate_limit_error',
      message: expect.stringMatching(/1,000 tokens a day for this sandbox/),
    },
  });
  expect(open).toHaveLength(0);
  // Counting tokens costs nothing.
  const counting = ask(undefined, 'messages/count_tokens');
  await expect.poll(() => open.length).toBe(1);
  finishAll();
  expect((await counting).status).toBe(200);
  // What is not known may cost, whatever its name ends with.
  for (const path of ['something/new', 'something/count_tokens', 'messages/count_tokens/x', 'complete']) {
    const unknown = await ask(undefined, path);
    expect([path, unknown.status, open.length]).toEqual([path, 429, 0]);
    await unknown.body?.cancel();
  }
});

test('a sandbox that nobody is known to pay for is told so as one without a token', async () => {
  const headers = { 'x-api-key': tokens.tokenFor(STRANGER) };
  const answer = await fetch(strangersUrl, { method: 'POST', body: '{}', headers });
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([401, null]);
  expect(await answer.json()).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
  expect(open).toHaveLength(0);
});

test('of 64 requests at once no more pass than the budget of requests has left', async () => {
  await usage.setBudget(root, { ...key(), measure: 'tokens', limit: null });
  await usage.setBudget(root, { ...key(), measure: 'requests', limit: 70 });
  const answers = await Promise.all(Array.from({ length: 64 }, () => ask()));
  expect(answers.filter((it) => it.status === 200)).toHaveLength(6);
  finishAll();
  await usage.setBudget(root, { ...key(), measure: 'requests', limit: null });
});

test('what is not known is counted as a request, and by the usage that it tells', async () => {
  await usage.setBudget(root, { ...key(), measure: 'requests', limit: 1_000 });
  await usage.setBudget(root, { ...key(), measure: 'tokens', limit: 1_000_000 });
  const used = async () => (await usage.budgets(root)).map((it) => [it.measure, it.used]).sort();
  await expect.poll(used).toEqual([
    ['requests', 64 + 6],
    ['tokens', (64 + 6) * 150],
  ]);
  const asked = ask(undefined, 'something/new');
  await expect.poll(() => open.length).toBe(1);
  finishAll();
  expect((await asked).status).toBe(200);
  await (await asked).text();
  await expect.poll(used).toEqual([
    ['requests', 64 + 6 + 1],
    ['tokens', (64 + 6 + 1) * 150],
  ]);
  await usage.setBudget(root, { ...key(), measure: 'requests', limit: null });
});

const before = (64 + 6 + 1) * 150;
test('a client that goes in the middle of a stream has paid for what it got', async () => {
  await usage.setBudget(root, { ...key(), measure: 'tokens', limit: 1_000_000 });
  await expect.poll(spent).toBe(before);
  const going = new AbortController();
  const answer = await ask(going.signal);
  await answer.body?.getReader().read();
  going.abort();
  await expect.poll(spent).toBe(before + 51);
  open.splice(0);
});

test('a stream that the API breaks off is paid for as far as it came, and is no whole answer for the client', async () => {
  await expect.poll(spent).toBe(before + 51);
  const answer = await ask();
  const [response] = open.splice(0);
  response?.write(
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'x'.repeat(80) } }),
  );
  const reader = answer.body?.getReader();
  const read = async (): Promise<string> => Buffer.from((await reader?.read())?.value ?? []).toString();
  for (let text = ''; !text.includes('xxx'); ) text += await read();
  response?.destroy();
  await expect(read()).rejects.toThrow();
  await expect.poll(spent).toBe(before + 51 + 50 + 20);
});
