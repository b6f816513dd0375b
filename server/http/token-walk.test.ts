// Walks over every route with tokens: the right scope opens it, all others together do not.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type Scope, scopes } from '../../shared/scopes';
import { ADMIN, startTestServer, type TestServer } from './testing';
import { upgradePaths } from './upgrade';

const MASTER = 'a-master-token-of-the-tests-0123456789';
const BOX = 'sfedcba987654321';
const OTHER_BOX = 'sfedcba987654322';
const CLAUDE = '7f0e6f0e-1111-4222-8333-444455556666';
const SHELL = '7f0e6f0e-1111-4222-8333-444455556667';
const OTHERS = '7f0e6f0e-1111-4222-8333-444455556668';

interface Route {
  method: string;
  path: string;
  scope: string | undefined;
  body: boolean;
}
let server: TestServer;
let routes: Route[];
/** Paths of WebSockets: walked by themselves below. */
let sockets: string[];
beforeAll(async () => {
  server = await startTestServer({ CLOUD_CLAUDE_TOKEN: MASTER, CLOUD_CLAUDE_MODE: 'headless' });
  const document = (await (await ask('/api/openapi.json', MASTER)).json()) as {
    paths: Record<
      string,
      Record<string, { 'x-scope'?: string; requestBody?: unknown; responses: Record<string, unknown> }>
    >;
  };
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, it]) => ({ path, method, it })),
  );
  sockets = all.filter(({ it }) => '101' in it.responses).map(({ path }) => path);
  routes = all
    .filter(({ path }) => !sockets.includes(path))
    .map(({ path, method, it }) => ({
      ...{ method: method.toUpperCase(), path, scope: it['x-scope'] },
      body: it.requestBody !== undefined,
    }));
  const { db } = server.parts;
  const admin = await db.user.findFirstOrThrow({ where: { username: ADMIN.username } });
  const eve = await server.person('eve');
  const size = { cpus: 1, memoryMb: 1024, pids: 512, timezone: 'UTC', locale: 'en_US.UTF-8' };
  for (const [id, owner, workspaceId] of [
    [BOX, admin.id, 'w-mine'],
    [OTHER_BOX, eve.id, 'w-eve'],
  ] as const) {
    await db.workspace.create({
      data: { id: workspaceId, name: workspaceId, members: { create: { userId: owner, role: 'owner' } } },
    });
    const place = { id, image: 'x', hostname: 'box', hostKey: 'x', ownerId: owner, workspaceId };
    await db.sandbox.create({ data: { ...place, ...size, name: 'box', state: 'stopped' } });
  }
  for (const [id, sandboxId, kind] of [
    [CLAUDE, BOX, 'claude'],
    [SHELL, BOX, 'shell'],
    [OTHERS, OTHER_BOX, 'claude'],
  ] as const)
    await db.session.create({
      data: { id, sandboxId, kind, name: kind, workdir: '/', createdById: admin.id, state: 'running' },
    });
  const secret = { kind: 'api_key', label: 'x', secret: 'x', hint: 'x' };
  await db.provider.create({ data: { id: 'p-eve', ownerId: eve.id, ...secret } });
  await db.apiToken.create({
    data: { id: 't-eve', userId: eve.id, label: 'x', prefix: 'x', hash: 'x', scopes: '["*"]' },
  });
  await db.task.create({
    data: { id: 'k-eve', sandboxId: OTHER_BOX, sandboxName: 'box', kind: 'sandbox.stop', requestedBy: 'eve' },
  });
  await db.portMapping.create({
    data: { hostPort: 9, sandboxId: OTHER_BOX, internalPort: 80, createdBy: eve.id },
  });
});
afterAll(() => server.stop());

const ask = (path: string, token: string, init: RequestInit = {}) =>
  server.ask(path, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
const post = (path: string, token: string, body: unknown) =>
  ask(path, token, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
async function mint(given: readonly string[], more: object = {}, by = MASTER) {
  const response = await post('/api/tokens', by, { label: 'walk', scopes: given, ...more });
  const body = (await response.json()) as { plaintext: string; token: { id: string } };
  return { status: response.status, ...body };
}
const placed = (path: string, id = 'x') => path.replace(/\{[^}]+\}/g, id);
async function knock({ method, path, body }: Route, token: string, given = '{"never":"right"') {
  const ended = new AbortController();
  const response = await ask(placed(path), token, {
    ...{ method, signal: ended.signal },
    ...(body ? { body: given, headers: { 'content-type': 'application/json' } } : {}),
  });
  const stream = response.headers.get('content-type')?.includes('event-stream');
  const text = stream ? '' : await response.text();
  ended.abort();
  return { status: response.status, text };
}
const LACKS = 'lacks the scope';

test('every route declares one scope that exists', () => {
  const known = new Set<string>([...scopes, 'public', 'identity']);
  expect(routes.filter((it) => it.scope === undefined || !known.has(it.scope))).toEqual([]);
  expect(routes.length).toBeGreaterThan(90);
  for (const it of upgradePaths) expect([...known, 'session:read']).toContain(it.scope);
  expect(upgradePaths.map((it) => sockets.filter((path) => it.path.test(path)).length)).toEqual(
    upgradePaths.map(() => 1),
  );
});

test('its own scope opens a route, all others together do not, a broken body is told', {
  timeout: 90_000,
}, async () => {
  const wrong: unknown[] = [];
  for (const scope of new Set(routes.map((it) => it.scope))) {
    if (scope === undefined || scope === 'public' || scope === 'identity') continue;
    const { plaintext: right } = await mint([scope]);
    const others = scopes.filter((it) => it !== '*' && it !== scope);
    const { plaintext: rest } = await mint(others);
    for (const route of routes.filter((it) => it.scope === scope)) {
      const refused = await knock(route, rest);
      if (refused.status !== 403 || !refused.text.includes(LACKS)) wrong.push([route, 'other', refused]);
      const opened = await knock(route, right);
      if (opened.status === 401 || opened.text.includes(LACKS)) wrong.push([route, 'right', opened]);
      // 503: this server's host agent leads nowhere.
      if (opened.status >= 500 && opened.status !== 503) wrong.push([route, 'right', opened]);
      if (route.body && opened.status !== 400 && opened.status !== 404) wrong.push([route, 'body', opened]);
      if (!route.body) continue;
      // JSON, and nothing that any route takes: refused before anything is done.
      const shapeless = await knock(route, right, '[null]');
      if (![400, 404].includes(shapeless.status)) wrong.push([route, 'shape', shapeless]);
    }
  }
  expect(wrong).toEqual([]);
});

test('an expired and a revoked token open nothing', { timeout: 90_000 }, async () => {
  const expired = await mint(['*'], { ttl_hours: 0.001 / 3600 });
  const revoked = await mint(['*']);
  expect((await ask(`/api/tokens/${revoked.token.id}`, MASTER, { method: 'DELETE' })).status).toBe(204);
  const open: unknown[] = [];
  for (const token of [expired.plaintext, revoked.plaintext])
    for (const route of routes) {
      if (route.scope === 'public') continue;
      const { status } = await knock(route, token);
      if (status !== 401) open.push([route, status]);
    }
  expect(open).toEqual([]);
});

test('revoked in the middle of a stream: cut within a second', async () => {
  const { plaintext, token } = await mint(['sandboxes:read']);
  const stream = await ask('/api/events', plaintext);
  const reader = stream.body?.getReader();
  await reader?.read();
  await ask(`/api/tokens/${token.id}`, MASTER, { method: 'DELETE' });
  const from = performance.now();
  for (;;) if ((await reader?.read())?.done !== false) break;
  expect(performance.now() - from).toBeLessThan(1_000);
});

/** What is Eve's, by the part of a path that its id follows. */
const ofEve: Record<string, string> = {
  ...{ sandboxes: OTHER_BOX, sessions: OTHERS, shells: OTHERS, workspaces: 'w-eve', members: 'x' },
  ...{ providers: 'p-eve', tokens: 't-eve', tasks: 'k-eve', ports: '9', exchanges: '1' },
};
/** Every id in it is one of Eve's; null: this route has no owner. */
function asEves(path: string): string | null {
  const first = /^\/(?:api|sse)\/(\w+)\/\{/.exec(path)?.[1];
  if (first === undefined || ofEve[first] === undefined) return null;
  return path.replace(/(\w+)\/\{[^}]+\}/g, (_whole, of: string) => `${of}/${ofEve[of] ?? 'x'}`);
}
/** Right for its route: a refusal is not one of the body. */
function bodyFor(path: string): string {
  const fields = {
    ...{
      text: 'x',
      prompt: 'x',
      data: 'x',
      model: 'opus',
      on: true,
      command: '/compact',
      cols: 80,
      rows: 24,
    },
    ...{ code: 'a#b', host: 'a.test', label: 'x', username: 'walker', role: 'guest', name: 'x' },
    ...{ requestId: 'r', decision: { behavior: 'allow' }, hooks: [], revision: 'x' },
    ...{ root: 'workspace', content: 'x', from: 'x', to: 'y', internal_port: 80 },
    hook: { name: 'x', event: 'Stop', action: { kind: 'command', command: 'true' } },
  };
  // A file's and a request's: one word for two things.
  return JSON.stringify({ ...fields, path: path.includes('/fs/') ? 'x' : path });
}
/** An administrator would see that it is there. */
const everythingOfMine = scopes.filter((it) => it !== '*' && it !== 'admin');

test("nothing of somebody else's is there, by any route", async () => {
  const { plaintext } = await mint(everythingOfMine);
  const found: unknown[] = [];
  const walked: string[] = [];
  for (const route of routes) {
    const path = asEves(route.path);
    if (path === null || route.scope === 'admin') continue;
    walked.push(`${route.method} ${route.path}`);
    const query = route.path.includes('/fs/') ? '?root=workspace&path=x' : '';
    const body = bodyFor(route.path);
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
    const response = await ask(path + query, plaintext, {
      method: route.method,
      ...(route.body || route.method === 'PUT' ? { body, headers } : {}),
    });
    const text = await response.text();
    // The list of a workspace that is not there is empty, too.
    const empty = route.path === '/api/workspaces/{id}/sandboxes' && text === '[]';
    if (response.status !== 404 && !empty) found.push([route.method, route.path, response.status, text]);
  }
  expect(found).toEqual([]);
  expect(walked.length).toBeGreaterThan(70);
});

test("a sandbox of somebody else's is not to be named, in a query or a body", async () => {
  const { plaintext } = await mint(everythingOfMine);
  const found: unknown[] = [];
  for (const [method, path, body] of [
    ...(['list', 'stat', 'read', 'download', 'archive', 'watch'] as const).map(
      (it) => ['GET', `/api/fs/${it}?root=workspace&path=x&`] as const,
    ),
    ['GET', '/api/fs/roots?'],
    ['DELETE', '/api/fs/delete?root=workspace&path=x&'],
    ...(['/api/fs/write', '/api/hooks'] as const).map((it) => ['PUT', `${it}?`, true] as const),
    ['PUT', '/api/fs/upload?root=workspace&path=x&', true],
    ...(['/api/fs/mkdir', '/api/fs/rename', '/api/auth/claude/code'] as const).map(
      (it) => ['POST', `${it}?`, true] as const,
    ),
    ...(['start', 'cancel', 'logout'] as const).map((it) => ['POST', `/api/auth/claude/${it}?`] as const),
    ...['/api/auth/claude/status', '/api/ports', '/api/hooks', '/api/proxy/status'].map(
      (it) => ['GET', `${it}?`] as const,
    ),
    ...['/api/sessions', '/api/shells'].map((it) => ['GET', `${it}?`] as const),
    ...['/api/sessions', '/api/shells', '/api/ports/expose'].map((it) => ['POST', it, true] as const),
  ] as const) {
    const given = JSON.stringify({ ...JSON.parse(bodyFor(path)), sandbox_id: OTHER_BOX, model: 'opus' });
    const named = path.endsWith('?') || path.endsWith('&') ? `${path}sandbox_id=${OTHER_BOX}` : path;
    const response = await ask(named, plaintext, {
      method,
      ...(body ? { body: given, headers: { 'content-type': 'application/json' } } : {}),
    });
    if (response.status !== 404) found.push([method, path, response.status, await response.text()]);
  }
  expect(found).toEqual([]);
});

describe('a token of one sandbox', () => {
  test('knows of no other, and holds nothing beyond it', async () => {
    const { plaintext } = await mint(['*'], { sandbox_id: BOX });
    expect((await ask('/api/egresses', plaintext)).status).toBe(403);
    expect((await ask('/api/workspaces', plaintext)).status).toBe(403);
    expect((await post('/api/tokens', plaintext, { label: 'x', scopes: ['admin'] })).status).toBe(403);
    const sandboxes = (await (await ask('/api/sandboxes', plaintext)).json()) as { id: string }[];
    expect(sandboxes.map((it) => it.id)).toEqual([BOX]);
    for (const what of ['', '/network', '/proofs', '/traffic'])
      expect((await ask(`/api/sandboxes/${OTHER_BOX}${what}`, plaintext)).status).toBe(404);
    for (const action of ['start', 'stop', 'rebuild'])
      expect((await ask(`/api/sandboxes/${OTHER_BOX}/${action}`, plaintext, { method: 'POST' })).status).toBe(
        404,
      );
    expect((await post('/api/workspaces/w-mine/sandboxes', plaintext, {})).status).toBe(403);
    expect((await ask(`/api/sessions/${OTHERS}`, plaintext)).status).toBe(404);
  });
});

test('a shell is not had by a scope for sessions, nor the other way round', async () => {
  const { plaintext: sessions } = await mint(['sessions:read', 'sessions:write', 'sessions:input']);
  const { plaintext: shells } = await mint(['shells:read', 'shells:write', 'shells:input']);
  const of = async (path: string, token: string) =>
    Object.values((await (await ask(path, token)).json()) as Record<string, { id: string }[]>)
      .flat()
      .map((it) => it.id);
  expect(await of('/api/sessions', sessions)).toEqual([CLAUDE]);
  expect(await of('/api/shells', shells)).toEqual([SHELL]);
  expect((await ask(`/api/sessions/${SHELL}`, sessions, { method: 'DELETE' })).status).toBe(403);
  expect((await ask(`/api/shells/${CLAUDE}`, shells, { method: 'DELETE' })).status).toBe(404);
  const asked = { sandbox_id: BOX, kind: 'shell' };
  expect((await post('/api/sessions', sessions, asked)).status).toBe(403);
  expect((await post(`/api/shells/${CLAUDE}/input`, shells, { data: 'x' })).status).toBe(404);
  expect((await post(`/api/sessions/${SHELL}/input`, sessions, { data: 'x' })).status).toBe(404);
});

test('tRPC is for those who may do everything', async () => {
  const { plaintext } = await mint(scopes.filter((it) => it !== '*'));
  const bound = await mint(['*'], { sandbox_id: BOX });
  const all = await mint(['*']);
  const statuses = [];
  for (const it of [plaintext, bound.plaintext, all.plaintext])
    statuses.push((await ask('/api/trpc/account.me', it)).status);
  expect(statuses).toEqual([403, 403, 200]);
});

describe('the master token', () => {
  test('is kept as a hash and is not ended here', async () => {
    expect(JSON.stringify(await server.parts.db.apiToken.findMany())).not.toContain(MASTER);
    expect((await ask('/api/tokens/master', MASTER, { method: 'DELETE' })).status).toBe(403);
    const { tokens } = (await (await ask('/api/tokens', MASTER)).json()) as { tokens: { id: string }[] };
    expect(tokens.map((it) => it.id)).toContain('master');
    expect((await ask('/api/auth/me', `${MASTER}x`)).status).toBe(401);
  });
});

describe('a token in an address', () => {
  test.each(['/api/sessions?token=', `/sse/sessions/${CLAUDE}?token=`, '/api/events?access_token='])(
    '%s is refused even when it is right',
    async (path) => {
      const response = await server.ask(path + MASTER);
      expect([response.status, await response.json()]).toMatchObject([400, { field: 'token' }]);
    },
  );
});

describe('headless', () => {
  test.each(['/', '/sign-in', '/settings', '/_next/static/x.js'])('%s is no page here', async (path) => {
    const response = await server.ask(path);
    const body = (await response.json()) as { error: string };
    expect([response.status, body.error]).toEqual([404, expect.stringContaining('no pages')]);
  });
  test('tells devices that it is there', async () => {
    expect(await (await server.ask('/api/health')).json()).toEqual({
      ...{ status: 'ok', mode: 'headless', version: '0.0.0-test' },
    });
  });
});

describe('WebSockets', () => {
  const open = (path: string, protocols: string[]) =>
    new Promise<number | undefined>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols);
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode);
        socket.terminate();
      });
      socket.on('close', resolve);
      socket.on('error', () => undefined);
    });
  test.each(upgradePaths.map((it) => [it.path.source, it] as const))('%s', async (_path, it) => {
    const needed = it.scope === 'session:read' ? ['sessions:read', 'shells:read'] : [it.scope];
    const others = scopes.filter((scope) => scope !== '*' && !needed.includes(scope));
    const wrong = await mint(others);
    expect(await open(it.example, [it.protocol, `bearer.${wrong.plaintext}`])).toBe(4403);
    const expired = await mint(['*'], { ttl_hours: 0.001 / 3600 });
    expect(await open(it.example, [it.protocol, `bearer.${expired.plaintext}`])).toBe(4401);
    const right = await mint(needed as Scope[]);
    expect(await open(it.example, [it.protocol, `bearer.${right.plaintext}`])).not.toBe(4401);
    const mark = it.example.includes('?') ? '&' : '?';
    expect(await open(`${it.example}${mark}token=${MASTER}`, [it.protocol])).toBe(4400);
    const others2 = it.example.replace(CLAUDE, OTHERS);
    expect([4404]).toContain(await open(others2, [it.protocol, `bearer.${right.plaintext}`]));
  });
});
