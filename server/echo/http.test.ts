import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../http/testing';
import { ECHO_PER_MINUTE } from './http';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ TRUSTED_PROXY: '127.0.0.1' });
});
afterAll(() => server.stop());

test('anybody is told the own address, as text', async () => {
  const response = await server.ask('/echo/ip');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('set-cookie')).toBeNull();
  expect(await response.text()).toBe('127.0.0.1\n');
  expect((await server.ask('/echo/ip', { method: 'HEAD' })).status).toBe(200);
});

test('behind a trusted proxy it is the address that the proxy names', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.9, 192.0.2.44' };
  expect(await (await server.ask('/echo/ip', { headers })).text()).toBe('192.0.2.44\n');
});

test.each([
  ['application/json', true],
  ['application/json, text/plain', true],
  ['text/plain, application/json;q=0.9', false],
  ['text/html,application/xhtml+xml,*/*;q=0.8', false],
])('Accept: %s', async (accept, json) => {
  const response = await server.ask('/echo/ip', { headers: { accept } });
  expect(await response.text()).toBe(json ? '{"ip":"127.0.0.1"}\n' : '127.0.0.1\n');
});

test('nothing else is there, and nothing is changed', async () => {
  expect((await server.ask('/echo/ip', { method: 'POST' })).status).toBe(401);
  expect((await server.ask('/echo')).status).toBe(401);
  expect((await server.ask('/echo/ip/more')).status).toBe(401);
});

test('one address that asks too often waits; others do not', async () => {
  const from = (address: string) => server.ask('/echo/ip', { headers: { 'x-forwarded-for': address } });
  const statuses: number[] = [];
  for (let batch = 0; batch < ECHO_PER_MINUTE / 50 + 1; batch += 1) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => from('198.51.100.20')));
    statuses.push(...answers.map((it) => it.status));
  }
  expect(statuses.filter((it) => it === 200).length).toBe(ECHO_PER_MINUTE);
  const refused = await from('198.51.100.20');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60']);
  expect((await from('198.51.100.21')).status).toBe(200);
});
