// Walks over everything that answers HTTP: nothing does without the right identity.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { openPolicy } from '../../shared/network-policy';
import { appRouter } from '../api/root';
import { projectRoot } from '../db/project-root';
import { accessOf } from './access';
import { startTestServer, type TestServer } from './testing';
import { upgradePaths } from './upgrade';

let server: TestServer;
let user: string;
beforeAll(async () => {
  server = await startTestServer();
  user = (await server.person('grace')).cookie;
});
afterAll(() => server.stop());

/** `app/(app)/sandboxes/[id]/page.tsx` -> `/sandboxes/x`. */
const appFiles = readdirSync(join(projectRoot(), 'app'), { recursive: true }).map(String);
const pages = appFiles
  .filter((it) => /(^|\/)page\.tsx$/.test(it))
  .map(
    (file) =>
      `/${file
        .split('/')
        .slice(0, -1)
        .filter((it) => !it.startsWith('('))
        .map((it) => (it.startsWith('[') ? 'x' : it))
        .join('/')}`,
  );
const procedures = Object.entries(appRouter._def.procedures).map(([name, it]) => ({
  name,
  // tRPC's own record of what a procedure is.
  type: (it as unknown as { _def: { type: string } })._def.type,
}));
const publicRest = new Set([
  'post /api/auth/login',
  'post /api/auth/register',
  'get /api/auth/oidc/providers',
  'get /api/health',
]);

test('the lists are not empty', () => {
  expect(pages).toContain('/sign-in');
  expect(pages).toContain('/admin/users');
  expect(procedures.length).toBeGreaterThan(30);
});

describe('pages', () => {
  test.each(pages.filter((it) => it !== '/sign-in'))(
    '%s leads strangers to the sign-in page',
    async (path) => {
      const response = await server.ask(path);
      expect(response.status).toBe(302);
      expect(response.headers.get('location')).toBe(
        path === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`,
      );
      const posted = await server.ask(path, { method: 'POST' });
      expect([posted.status, ((await posted.json()) as { code: string }).code]).toEqual([
        401,
        'unauthenticated',
      ]);
    },
  );
  test.each(pages.filter((it) => it.startsWith('/admin')))('%s is closed to users', async (path) => {
    expect((await server.ask(path, { as: user })).status).toBe(403);
    expect((await server.ask(`${path}?_rsc=1`, { as: user, headers: { rsc: '1' } })).status).toBe(403);
  });
  test.each(['/%61dmin', '/admin%2fusers', '/Admin', '/admin.rsc', '/x/%2e%2e/admin', '//admin', '/\\admin'])(
    '%s is no way around',
    async (path) => {
      expect([400, 403]).toContain((await server.ask(path, { as: user })).status);
    },
  );
});

describe('tRPC', () => {
  test.each(procedures)('$name refuses strangers', async ({ name, type }) => {
    const response =
      type === 'query'
        ? await server.ask(`/api/trpc/${name}`)
        : await server.ask(`/api/trpc/${name}`, {
            method: 'POST',
            body: '{}',
            headers: { 'content-type': 'application/json' },
          });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: 'unauthenticated', request_id: expect.any(String) });
  });

  const everyone = { target: 'everyone', targetId: '' };
  const input: Record<string, unknown> = {
    'admin.health': undefined,
    'admin.audit': { limit: 1 },
    'users.list': undefined,
    'users.create': { username: 'mallory', role: 'admin', expiresAt: null },
    'users.setStatus': { id: 'x', status: 'disabled' },
    'users.setRole': { id: 'x', role: 'admin' },
    'users.setExpiry': { id: 'x', expiresAt: null },
    'users.resetPassword': { id: 'x' },
    'users.remove': { id: 'x' },
    'egress.list': undefined,
    'egress.get': { id: 'x' },
    'egress.create': { label: 'x', config: { kind: 'direct' } },
    'egress.update': { id: 'x', enabled: false },
    'egress.remove': { id: 'x' },
    'egress.newWireguardKey': undefined,
    'egress.previewImport': { text: 'x' },
    'egress.import': { text: 'x', lines: [1] },
    'egress.export': { id: 'x', format: 'link' },
    'egress.history': { id: 'x' },
    'egress.proofs': { id: 'x', limit: 1 },
    'egress.pools': undefined,
    'egress.savePool': { label: 'x', strategy: 'order', failover: true, egressIds: ['x'] },
    'egress.removePool': { id: 'x' },
    'egress.bindings': undefined,
    'egress.bind': { target: 'everyone', targetId: '', egressId: null, poolId: null },
    'egress.subscriptions': undefined,
    'egress.saveSubscription': { label: 'x', url: 'https://x.test/' },
    'egress.refreshSubscription': { id: 'x' },
    'egress.applySubscription': { id: 'x' },
    'egress.removeSubscription': { id: 'x' },
    'policies.list': undefined,
    'policies.get': everyone,
    'policies.preview': { ...everyone, baseVersion: 0, policy: openPolicy },
    'policies.save': { ...everyone, baseVersion: 0, policy: openPolicy },
    'policies.versions': everyone,
    'policies.rollBack': { ...everyone, version: 1 },
    'policies.presets': undefined,
    'policies.previewPreset': { label: 'x', grants: [] },
    'policies.savePreset': { label: 'x', grants: [] },
    'policies.presetVersions': { id: 'x' },
    'policies.rollBackPreset': { id: 'x', version: 1 },
    'policies.removePreset': { id: 'x' },
  };
  const administrative = procedures.filter(
    (it) => /^(admin|users|egress|policies)\./.test(it.name) && it.name !== 'policies.allow',
  );
  test('each procedure for administrators is asked as a user', () => {
    expect(Object.keys(input).sort()).toEqual(administrative.map((it) => it.name).sort());
  });
  test.each(administrative)('$name refuses users', async ({ name, type }) => {
    const given = JSON.stringify(input[name]);
    const response =
      type === 'query'
        ? await server.ask(
            `/api/trpc/${name}${given === undefined ? '' : `?input=${encodeURIComponent(given)}`}`,
            { as: user },
          )
        : await server.ask(`/api/trpc/${name}`, {
            as: user,
            method: 'POST',
            body: given,
            headers: { 'content-type': 'application/json' },
          });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { data: { appCode: 'forbidden' } } });
  });
});

async function restRoutes() {
  const document = (await (await server.ask('/api/openapi.json', { as: user })).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method, path })),
  );
}

test('every REST route about ways out and policies refuses users', async () => {
  const target = { label: 'x', strategy: 'order', failover: true, egressIds: ['x'], url: 'https://x.test/' };
  const place = { target: 'everyone', targetId: '', egressId: null, poolId: null };
  const policy = { baseVersion: 0, policy: openPolicy, version: 1, grants: [] };
  const body = JSON.stringify({
    ...{ config: { kind: 'direct' }, text: 'x', lines: [1], format: 'link' },
    ...target,
    ...place,
    ...policy,
  });
  const routes = (await restRoutes()).filter((it) =>
    /^\/api\/(egresses|pools|bindings|subscriptions|policies|presets)/.test(it.path),
  );
  expect(routes.length).toBeGreaterThan(25);
  for (const { method, path } of routes) {
    const response = await server.ask(path.replace('{target}', 'everyone').replace(/\{[^}]+\}/g, 'x'), {
      as: user,
      method: method.toUpperCase(),
      ...(method === 'get' ? {} : { body, headers: { 'content-type': 'application/json' } }),
    });
    expect([method, path, response.status]).toEqual([method, path, 403]);
    expect(await response.json()).toMatchObject({ code: 'forbidden' });
  }
});

test.each([
  ['get', 'network'],
  ['get', 'proofs'],
  ['get', 'traffic'],
  ['post', 'prove'],
  ['post', 'allow'],
])('%s .../%s of a sandbox that one may not see is not found', async (method, what) => {
  const response = await server.ask(`/api/sandboxes/sabcdefabcdef012/${what}`, {
    as: user,
    method: method.toUpperCase(),
    ...(what === 'allow'
      ? { body: '{"host":"a.test"}', headers: { 'content-type': 'application/json' } }
      : {}),
  });
  expect(response.status).toBe(404);
});

const answer = { requestId: 'r', decision: { behavior: 'allow' } };
test.each<[string, string, object?]>([
  ['GET', 'frames'],
  ['POST', 'prompt', { text: 'hi' }],
  ['POST', 'interrupt'],
  ['POST', 'raw', { on: true }],
  ['POST', 'answer', answer],
  ['POST', 'model', { model: 'opus' }],
  ['POST', 'command', { command: '/compact' }],
  ['GET', 'commands'],
  ['GET', 'files?query=x'],
  ['GET', 'turns'],
  ['GET', 'exchanges'],
  ['GET', 'exchanges/1'],
])("%s .../%s of somebody else's session is not found", async (method, what, body) => {
  const id = await sessionOf('ada');
  const response = await server.ask(`/api/sessions/${id}/${what}`, {
    as: user,
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  });
  expect([response.status, await response.json()]).toMatchObject([404, { code: 'not_found' }]);
});

test.each<[string, string, object?]>([
  ['GET', 'login'],
  ['POST', 'login'],
  ['POST', 'login/code', { code: 'x' }],
  ['DELETE', 'login'],
])("%s .../%s of somebody else's sandbox is not found", async (method, what, body) => {
  await sessionOf('ada');
  const response = await server.ask(`/api/sandboxes/sfedcba987654321/${what}`, {
    as: user,
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  });
  expect([response.status, await response.json()]).toMatchObject([404, { code: 'not_found' }]);
});

test.each<[string, 'query' | 'mutation', object]>([
  ['sessions.setOptions', 'mutation', { id: '7f0e6f0e-1111-4222-8333-444455556666', model: 'opus' }],
  ['account.layout', 'query', { sandboxId: 'sfedcba987654321' }],
  ['account.setLayout', 'mutation', { sandboxId: 'sfedcba987654321', layout: {} }],
  ['login.status', 'query', { sandboxId: 'sfedcba987654321' }],
  ['login.start', 'mutation', { sandboxId: 'sfedcba987654321' }],
  ['login.code', 'mutation', { sandboxId: 'sfedcba987654321', code: 'x' }],
  ['login.cancel', 'mutation', { sandboxId: 'sfedcba987654321' }],
  ['providers.update', 'mutation', { id: 'not-mine', label: 'x' }],
  ['providers.remove', 'mutation', { id: 'not-mine' }],
  ['providers.probe', 'mutation', { id: 'not-mine' }],
  ['notifications.unsubscribe', 'mutation', { id: 'not-mine' }],
  ['notifications.test', 'mutation', { deviceId: 'not-mine' }],
])('%s of what is not one’s own is not found', async (name, type, input) => {
  await sessionOf('ada');
  await othersThings();
  const text = JSON.stringify(input);
  const response =
    type === 'query'
      ? await server.ask(`/api/trpc/${name}?input=${encodeURIComponent(text)}`, { as: user })
      : await server.ask(`/api/trpc/${name}`, {
          ...{ as: user, method: 'POST', body: text },
          headers: { 'content-type': 'application/json' },
        });
  expect([response.status, await response.json()]).toMatchObject([
    404,
    { error: { data: { appCode: 'not_found' } } },
  ]);
});

test.each<[string, string, object?]>([
  ['GET', 'fs/roots'],
  ['GET', 'fs/list?root=workspace'],
  ['GET', 'fs/stat?root=workspace&path=x'],
  ['GET', 'fs/read?root=workspace&path=x'],
  ['GET', 'fs/download?root=workspace&path=x'],
  ['GET', 'fs/archive?root=workspace&path=x'],
  ['GET', 'fs/watch?root=workspace&path='],
  ['PUT', 'fs/write', { root: 'workspace', path: 'x', content: '' }],
  ['PUT', 'fs/upload?root=workspace&path=x', {}],
  ['POST', 'fs/mkdir', { root: 'workspace', path: 'x' }],
  ['POST', 'fs/rename', { root: 'workspace', from: 'x', to: 'y' }],
  ['DELETE', 'fs/delete?root=workspace&path=x'],
  ['GET', 'ports'],
])("%s .../%s of somebody else's sandbox is not found", async (method, what, body) => {
  await sessionOf('ada');
  const response = await server.ask(`/api/sandboxes/sfedcba987654321/${what}`, {
    as: user,
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  });
  expect([response.status, await response.json()]).toMatchObject([404, { code: 'not_found' }]);
});

test("a port of somebody else's sandbox is not found, and strangers are refused", async () => {
  await sessionOf('ada');
  const path = '/sandboxes/sfedcba987654321/ports/3000/';
  expect((await server.ask(path, { as: user })).status).toBe(404);
  expect((await server.ask(path)).status).toBe(401);
});

/** A provider and a device that are really there, of the person of `sessionOf`. */
async function othersThings(): Promise<void> {
  const { db } = server.parts;
  const { ownerId: userId } = await db.sandbox.findUniqueOrThrow({ where: { id: 'sfedcba987654321' } });
  const id = 'not-mine';
  const provider = { ownerId: userId, kind: 'api_key', label: 'x', secret: 'x', hint: 'x' };
  await db.provider.upsert({ where: { id }, create: { id, ...provider }, update: {} });
  const device = { userId, label: 'x', subscription: 'x', fingerprint: 'x', service: 'x' };
  await db.pushDevice.upsert({ where: { id }, create: { id, ...device }, update: {} });
}

/** A session that is really there, in a workspace of this person alone. */
async function sessionOf(username: string): Promise<string> {
  const { db } = server.parts;
  const id = '7f0e6f0e-1111-4222-8333-444455556666';
  if (await db.session.findUnique({ where: { id } })) return id;
  const owner = await server.person(username);
  const size = { cpus: 1, memoryMb: 1024, pids: 512, timezone: 'UTC', locale: 'en_US.UTF-8' };
  const place = { id: 'sfedcba987654321', image: 'x', hostname: 'box', hostKey: 'x', ownerId: owner.id };
  await db.workspace.create({
    data: { id: 'w-walk', name: 'Walk', members: { create: { userId: owner.id, role: 'owner' } } },
  });
  await db.sandbox.create({
    data: { ...place, ...size, name: 'box', state: 'running', workspaceId: 'w-walk' },
  });
  const session = { kind: 'claude', name: 'Claude 1', workdir: '/', createdById: owner.id };
  await db.session.create({ data: { id, sandboxId: place.id, ...session } });
  return id;
}

test('every REST route of the OpenAPI document refuses strangers', async () => {
  const routes = await restRoutes();
  expect(routes.length).toBeGreaterThan(25);
  const open: string[] = [];
  for (const { method, path } of routes) {
    const response = await server.ask(path.replace(/\{[^}]+\}/g, 'x'), { method: method.toUpperCase() });
    const { status } = response;
    if (status !== 401) open.push(`${method} ${path}`);
    else expect(await response.json()).toMatchObject({ code: 'unauthenticated' });
  }
  expect(new Set(open)).toEqual(publicRest);
});

test.each([
  '/api/openapi.json',
  '/api/docs',
  '/api/docs/init.js',
  '/api/nothing',
  '/api',
  '/_next/image',
  '/nothing.js',
])('%s refuses strangers', async (path) => {
  expect([401, 302]).toContain((await server.ask(path)).status);
});

test('what is public is exactly the table', () => {
  const found = [
    '/',
    '/admin',
    '/settings',
    '/api/events',
    '/ws/x',
    '/sign-in/x',
    '/_next/data/x',
    '/api/auth/me',
  ];
  expect(found.filter((it) => accessOf(it, 'GET', false) === 'public')).toEqual([]);
});

describe('upgrades', () => {
  const paths = [...upgradePaths.map((it) => it.example), '/ws/nothing', '/', '/_next/webpack-hmr'];
  const open = (path: string, options: { protocols?: string[]; headers?: Record<string, string> } = {}) =>
    new Promise<{ status?: number; close?: number }>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, options.protocols ?? [], {
        headers: options.headers ?? {},
      });
      socket.on('unexpected-response', (_request, response) => {
        resolve({ status: response.statusCode });
        socket.terminate();
      });
      socket.on('close', (code) => resolve({ close: code }));
      socket.on('error', (error) => {
        if (socket.readyState !== WebSocket.CLOSING) reject(error);
      });
    });

  test.each(paths)('%s refuses strangers before the handshake', async (path) => {
    expect(await open(path)).toEqual({ status: 401 });
  });
  test.each(paths)('%s refuses other sites', async (path) => {
    const headers = { cookie: user, origin: 'https://evil.example' };
    expect(await open(path, { headers, protocols: ['cloud-claude.terminal.v1'] })).toEqual({ status: 403 });
  });
  test('unknown paths are not found', async () => {
    expect(await open('/ws/nothing', { headers: { cookie: user } })).toEqual({ status: 404 });
  });
  test('a client of ours is told why by a close code', async () => {
    const path = '/ws/sandboxes/sabcdefabcdef012/terminal?session=7f0e6f0e-1111-4222-8333-444455556666';
    const protocols = ['cloud-claude.terminal.v1'];
    expect(await open(path, { protocols })).toEqual({ close: 4401 });
    expect(await open(path, { protocols: [...protocols, 'bearer.cct_nothing'] })).toEqual({ close: 4401 });
    expect(await open(path, { protocols, headers: { cookie: user } })).toEqual({ close: 4404 });
  });
});

test('Next serves pages only: every API goes through this table', () => {
  expect(appFiles.filter((it) => /(^|\/)route\.tsx?$/.test(it))).toEqual([]);
});
