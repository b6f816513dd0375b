// Providers by REST, in the words of the seeds' clients: what goes in never comes out.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../http/testing';

const MASTER = 'a-master-token-of-the-tests-0123456789';
const KEY = 'sk-ant-api03-a-secret-of-a-person-wxyz';
const OTHER_KEY = 'sk-ant-api03-another-secret-mnop';
let server: TestServer;
let host: Server;
let hostUrl = '';
const asked: { path: string | undefined; authorization: string | undefined; model: string }[] = [];

beforeAll(async () => {
  host = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { model } = JSON.parse(body) as { model: string };
    asked.push({ path: request.url, authorization: request.headers.authorization, model });
    // Says the key back, as a host may.
    response
      .writeHead(401, { 'content-type': 'application/json' })
      .end(`{"echo":"${request.headers.authorization}"}`);
  });
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  hostUrl = `http://127.0.0.1:${(host.address() as AddressInfo).port}`; // a TCP server
  server = await startTestServer({
    CLOUD_CLAUDE_TOKEN: MASTER,
    CLOUD_CLAUDE_MODE: 'headless',
    PROVIDER_PRIVATE_HOSTS: 'yes',
  });
});
afterAll(async () => {
  await server.stop();
  host.closeAllConnections();
  host.close();
});

const said: string[] = [];
async function ask(method: string, path: string, body?: unknown, token = MASTER) {
  const response = await server.ask(path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  said.push(text);
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

test('made, listed, changed, tried and removed; the key is never told', async () => {
  const made = await ask('POST', '/api/providers', {
    ...{ label: 'mine', api_host: hostUrl, api_key: KEY, model: 'vendor/large' },
  });
  expect(made).toMatchObject({
    status: 201,
    body: {
      ...{ kind: 'compatible', label: 'mine', api_host: hostUrl, api_key: '…wxyz', model: 'vendor/large' },
      ...{ model_map: { '*': 'vendor/large' }, auth: 'bearer', mine: true, built_in: false },
    },
  });
  const { id } = made.body as { id: string };
  const { body: list } = await ask('GET', '/api/providers');
  expect(list.providers.map((it: { id: string }) => it.id)).toEqual(['subscription', id]);

  const probe = await ask('POST', `/api/providers/${id}/probe`, {});
  expect(probe).toMatchObject({
    status: 200,
    body: { ok: false, http: 401, endpoint: `${hostUrl}/v1/messages`, detail: 'The key was refused.' },
  });
  expect(asked.at(-1)).toEqual({
    path: '/v1/messages',
    authorization: `Bearer ${KEY}`,
    model: 'vendor/large',
  });

  // A key goes to the host that it was given for.
  const moved = await ask('PUT', `/api/providers/${id}`, { api_host: 'http://127.0.0.1:9' });
  expect(moved).toMatchObject({ status: 400, body: { code: 'invalid_input', field: 'api_key' } });
  const changed = await ask('PUT', `/api/providers/${id}`, { label: 'ours', api_key: OTHER_KEY });
  expect(changed).toMatchObject({
    status: 200,
    body: { label: 'ours', api_key: '…mnop', api_host: hostUrl },
  });
  expect((await ask('DELETE', `/api/providers/${id}`)).status).toBe(204);
  expect((await ask('DELETE', `/api/providers/${id}`)).status).toBe(404);

  const rows = JSON.stringify(await server.parts.db.auditEvent.findMany());
  for (const key of [KEY, OTHER_KEY]) expect([said.join(), rows].some((it) => it.includes(key))).toBe(false);
});

test('one that is not kept is tried, too, and leaves nothing', async () => {
  const tried = { api_host: hostUrl, api_key: KEY, probe_model: 'claude-opus-4-7' };
  const answer = await ask('POST', '/api/providers/probe', tried);
  expect(answer).toMatchObject({ status: 200, body: { ok: false, http: 401 } });
  expect(asked.at(-1)?.model).toBe('claude-opus-4-7');
  expect(JSON.stringify(answer.body)).not.toContain(KEY);
  expect(await server.parts.db.provider.count()).toBe(0);
  // Where clouds keep credentials the gateway is not sent, whatever the setting.
  for (const api_host of ['http://169.254.169.254', 'ftp://x.test', 'http://user:pass@x.test'])
    expect(await ask('POST', '/api/providers/probe', { api_host, api_key: KEY })).toMatchObject({
      status: 400,
    });
});

test.each([
  [{}, 'label'],
  [{ label: 'x' }, 'api_key'],
  [{ label: 'x', api_key: 'short' }, 'api_key'],
  [{ label: 'x', api_key: 'with a space in it' }, 'api_key'],
  [{ label: '', api_key: KEY }, 'label'],
  [{ label: 'x', api_key: KEY, api_host: 'nonsense' }, 'api_host'],
  [{ label: 'x', api_key: KEY, api_host: 'http://127.0.0.1', model_map: { 'a b': '' } }, 'model_map'],
  [{ label: 'x', api_key: KEY, kind: 'gateway' }, 'kind'],
])('%j is refused for its %s', async (body, field) => {
  const answer = await ask('POST', '/api/providers', body);
  expect([answer.status, answer.body.field.split('.')[0]]).toEqual([400, field]);
  expect(JSON.stringify(answer.body)).not.toContain(KEY);
});

test('read does not write, and sharing is for administrators', async () => {
  const mint = async (scopes: string[]) =>
    (await ask('POST', '/api/tokens', { label: 'x', scopes })).body.plaintext as string;
  const look = await mint(['providers:read']);
  expect((await ask('GET', '/api/providers', undefined, look)).status).toBe(200);
  for (const [method, path] of [
    ['POST', '/api/providers'],
    ['PUT', '/api/providers/x'],
    ['DELETE', '/api/providers/x'],
    ['POST', '/api/providers/x/probe'],
    ['POST', '/api/providers/probe'],
  ] as const)
    expect((await ask(method, path, {}, look)).status).toBe(403);
  const write = await mint(['providers:write']);
  const shared = { label: 'x', api_key: KEY, shared: true };
  expect((await ask('POST', '/api/providers', shared, write)).status).toBe(403);
});
