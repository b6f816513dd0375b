// Over real HTTP, as a client sees it: proofs and tests stream, refusals have their status, leaving cancels.
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { proofEventSchema } from '../../shared/egress-views';
import { ADMIN, startTestServer, type TestServer } from '../http/testing';
import { type ScriptedAgent, startScriptedAgent } from '../tasks/testing/scripted-agent';

const socket = join(tmpdir(), `cc-rest-${process.pid}.sock`);
const json = { 'content-type': 'application/json' };
let peer: ScriptedAgent;
let server: TestServer;
let admin: string;
beforeAll(async () => {
  peer = await startScriptedAgent(socket);
  server = await startTestServer({ HOST_AGENT_SOCKET: socket });
  admin = await server.signIn(ADMIN.username, ADMIN.password);
});
afterAll(async () => {
  await server.stop();
  await peer.close();
  await rm(socket, { force: true });
});

const post = (path: string, body: unknown, init: RequestInit = {}) =>
  server.ask(path, { method: 'POST', as: admin, body: JSON.stringify(body), headers: json, ...init });
const events = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => proofEventSchema.parse(JSON.parse(line.slice('data: '.length))));
const socks = (port: number) => ({
  label: `Port ${port}`,
  config: { kind: 'socks5', server: 'proxy.test', port, username: 'u', password: 'swordfish-password' },
});

test('a way out goes through its life over REST, its secret never comes back', async () => {
  const made = await post('/api/egresses', socks(1));
  expect(made.status).toBe(201);
  const text = await made.text();
  expect(text).not.toContain('swordfish');
  const { id } = JSON.parse(text) as { id: string };
  const proofs = await server.ask(`/api/egresses/${id}/proofs?limit=5`, { as: admin });
  expect([proofs.status, await proofs.json()]).toEqual([200, []]);
  const bound = await server.ask('/api/bindings', {
    method: 'PUT',
    as: admin,
    headers: json,
    body: JSON.stringify({ target: 'everyone', targetId: '', egressId: id, poolId: null }),
  });
  expect([bound.status, await bound.json()]).toEqual([200, []]);
  const removed = () => server.ask(`/api/egresses/${id}`, { method: 'DELETE', as: admin });
  const refused = await removed();
  expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'egress_in_use' }]);
  await server.ask('/api/bindings', {
    method: 'PUT',
    as: admin,
    headers: json,
    body: JSON.stringify({ target: 'everyone', targetId: '', egressId: null, poolId: null }),
  });
  expect((await removed()).status).toBe(204);
  const wrong = await post('/api/egresses', { label: 'x', config: { kind: 'socks5', server: '!', port: 1 } });
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { code: 'invalid_input' }]);
});

test('a test streams its checks and ends with the proof', async () => {
  const response = await post('/api/egresses/test', socks(2));
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const seen = events(await response.text());
  expect(seen.map((it) => it.type)).toEqual(['check', 'check', 'check', 'proof']);
  const missing = await post('/api/egresses/nothing/test', {});
  expect([missing.status, await missing.json()]).toMatchObject([404, { code: 'not_found' }]);
  peer.egress.fail = { code: 'egress_failed', message: 'It does not answer.' };
  const failed = events(await (await post('/api/egresses/test', socks(2))).text());
  expect(failed.at(-1)).toMatchObject({ type: 'error', code: 'egress_failed' });
});

test.each(['leaves', 'signs out'])('who %s cancels the work on the host', async (how) => {
  const as = await server.signIn(ADMIN.username, ADMIN.password);
  peer.egress.hang = true;
  const ended = new Promise<void>((resolve) => {
    peer.egress.left = resolve;
  });
  const leaving = new AbortController();
  const response = await server.ask('/api/egresses/test', {
    method: 'POST',
    as,
    headers: json,
    body: JSON.stringify(socks(3)),
    signal: leaving.signal,
  });
  const reader = response.body?.getReader();
  await reader?.read();
  if (how === 'leaves') leaving.abort();
  else await server.ask('/api/auth/logout', { method: 'POST', as });
  await ended;
  await reader?.cancel().catch(() => undefined);
  peer.egress.hang = false;
});

test('policies are read and saved by place', async () => {
  const path = '/api/policies/everyone';
  const first = (await (await server.ask(path, { as: admin })).json()) as { policy: object };
  expect(first).toMatchObject({ version: 0, targetName: 'Everyone' });
  const body = JSON.stringify({ baseVersion: 0, policy: first.policy, note: 'as it was' });
  const put = () => server.ask(path, { method: 'PUT', as: admin, headers: json, body });
  const saved = await put();
  expect([saved.status, await saved.json()]).toMatchObject([200, { policy: { version: 1 }, tasks: [] }]);
  expect((await put()).status).toBe(409);
  const versions = await (await server.ask(`${path}/versions`, { as: admin })).json();
  expect(versions).toMatchObject([{ version: 1, note: 'as it was', by: 'admin' }]);
});
