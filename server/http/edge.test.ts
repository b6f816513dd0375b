import { once } from 'node:events';
import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { hashApiToken } from '../auth/api-token';
import { LOGIN_FAILURES_PER_NAME } from '../auth/throttle';
import { ADMIN, startTestServer, type TestServer } from './testing';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ METRICS_TOKEN: 'a-token-of-the-tests' });
});
afterAll(() => server.stop());

const json = { 'content-type': 'application/json' };
const login = (username: string, password: string) =>
  server.ask('/api/auth/login', {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ username, password }),
  });
const mutate = (name: string, input: unknown, as: string, headers: Record<string, string> = {}) =>
  server.ask(`/api/trpc/${name}`, {
    method: 'POST',
    as,
    headers: { ...json, ...headers },
    body: JSON.stringify(input),
  });
const me = async (as: string) => (await server.ask('/api/auth/me', { as })).status;
const adminCookie = () => server.signIn(ADMIN.username, ADMIN.password);

describe('log-in', () => {
  test('the first administrator signs in, by REST and by next-auth', async () => {
    expect(await me(await adminCookie())).toBe(200);
    const csrf = await server.ask('/api/auth/csrf');
    const { csrfToken } = (await csrf.json()) as { csrfToken: string };
    const cookies = csrf.headers
      .getSetCookie()
      .map((it) => it.split(';')[0])
      .join('; ');
    const post = (given: Record<string, string>, as = cookies) =>
      server.ask('/api/auth/callback/credentials', {
        method: 'POST',
        as,
        body: new URLSearchParams({ csrfToken, json: 'true', callbackUrl: '/', ...given }),
      });
    const wrong = await post({ ...ADMIN, password: 'wrong' });
    expect(wrong.status).toBe(401);
    expect(((await wrong.json()) as { url: string }).url).toContain('error=invalid_credentials');
    expect((await post({ ...ADMIN, csrfToken: 'x' })).headers.getSetCookie().join()).not.toMatch(
      /cloud-claude-\w{8}=/,
    );
    const right = await post(ADMIN);
    expect(right.status).toBe(200);
    const session = right.headers.getSetCookie().find((it) => /^cloud-claude-[0-9a-f]{8}=/.test(it)) ?? '';
    expect(session).toMatch(/HttpOnly; SameSite=Lax/);
    const cookie = `${cookies}; ${session.split(';')[0]}`;
    expect(await me(cookie)).toBe(200);
    expect(await (await server.ask('/api/auth/session', { as: cookie })).json()).toMatchObject({
      user: { name: 'admin' },
    });
    const out = await server.ask('/api/auth/signout', {
      method: 'POST',
      as: cookie,
      body: new URLSearchParams({ csrfToken, json: 'true' }),
    });
    expect(out.status).toBe(200);
    expect(await me(cookie)).toBe(401);
    expect(await (await server.ask('/api/auth/session', { as: cookie })).json()).toEqual({});
  });

  test('unknown, disabled, expired and wrong password look the same', async () => {
    const disabled = await server.person('disabled');
    const expired = await server.person('expired');
    const wrong = await server.person('wrongpw');
    await mutate('users.setStatus', { id: disabled.id, status: 'disabled' }, await adminCookie());
    await server.parts.db.user.update({
      where: { id: expired.id },
      data: { expiresAt: new Date(Date.now() - 1) },
    });
    expect([await me(disabled.cookie), await me(expired.cookie), await me(wrong.cookie)]).toEqual([
      401, 401, 200,
    ]);
    const answers = [];
    for (const [name, password] of [
      ['nobody', 'anything at all'],
      ['disabled', disabled.password],
      ['expired', expired.password],
      ['wrongpw', 'anything at all'],
    ] as const) {
      const response = await login(name, password);
      const { request_id: _, ...body } = (await response.json()) as Record<string, unknown>;
      const headers = [...response.headers.keys()].sort();
      answers.push({ status: response.status, body, headers });
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]?.status).toBe(401);
    const failures = await server.parts.db.auditEvent.findMany({ where: { type: 'auth.failed' } });
    expect(failures.map((it) => it.message)).toEqual(
      expect.arrayContaining([expect.stringContaining('disabled'), expect.stringContaining('unknown user')]),
    );
    expect(JSON.stringify(failures)).not.toContain('nobody');
  });

  test('tries are counted while they run, for unknown names too, and the wait is told', async () => {
    const tries = await Promise.all(
      Array.from({ length: LOGIN_FAILURES_PER_NAME + 5 }, () => login('guessed', 'x')),
    );
    const statuses = tries.map((it) => it.status);
    expect(statuses.filter((it) => it === 401)).toHaveLength(LOGIN_FAILURES_PER_NAME);
    const refused = tries.find((it) => it.status === 429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(200);
    expect(await refused?.json()).toMatchObject({ code: 'too_many_requests' });
  });

  test('log out ends the session on the server and what hangs on it', async () => {
    const { cookie } = await server.person('leaver');
    const other = await server.person('stayer');
    const events = await server.ask('/api/events', { as: cookie });
    const still = await server.ask('/api/events', { as: other.cookie });
    expect(events.headers.get('content-type')).toContain('text/event-stream');
    const ended = events.text();
    expect((await server.ask('/api/auth/logout', { method: 'POST', as: cookie })).status).toBe(200);
    expect(await ended).toContain(': connected');
    expect(await me(cookie)).toBe(401);
    expect(await me(other.cookie)).toBe(200);
    await still.body?.cancel();
    const { type } = (await server.parts.db.auditEvent.findFirst({
      where: { actor: 'leaver' },
      orderBy: { at: 'desc' },
    })) ?? { type: '' };
    expect(type).toBe('auth.signed_out');
  });

  test('a new password ends the other log-ins', async () => {
    const { cookie, password } = await server.person('changer');
    const second = await server.signIn('changer', password);
    const next = 'another long password';
    expect((await mutate('account.changePassword', { current: password, next }, second)).status).toBe(200);
    expect([await me(cookie), await me(second)]).toEqual([401, 200]);
    expect((await login('changer', password)).status).toBe(401);
    expect((await login('changer', next)).status).toBe(200);
  });

  test('keys rotate with overlap; a revoked one ends its log-ins', async () => {
    const { cookie, password } = await server.person('rotator');
    const { ring, db } = server.parts;
    const old = (await db.signingKey.findFirstOrThrow({ where: { retiredAt: null } })).kid;
    await ring.rotate();
    expect(await me(cookie)).toBe(200);
    const fresh = await server.signIn('rotator', password);
    await ring.revoke(old);
    expect([await me(cookie), await me(fresh)]).toEqual([401, 200]);
    const keys = await db.signingKey.findMany();
    expect(keys.every((it) => !/^[A-Za-z0-9_-]{43}$/.test(it.secret))).toBe(true);
  });

  test('a forged or unsigned token is nobody', async () => {
    const { cookie } = await server.person('forger');
    const [name, token = ''] = cookie.split('=');
    const [, payload] = token.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid: 'x' })).toString('base64url');
    for (const forged of [`${none}.${payload}.`, `${token.slice(0, -3)}abc`, 'x', '%%%'])
      expect(await me(`${name}=${forged}`)).toBe(401);
  });
});

test('with a password that an administrator made, nothing is open but changing it', async () => {
  const made = await mutate(
    'users.create',
    { username: 'fresh', role: 'user', expiresAt: null },
    await adminCookie(),
  );
  const { result } = (await made.json()) as { result: { data: { password: string } } };
  const cookie = await server.signIn('fresh', result.data.password);
  expect(await me(cookie)).toBe(200);
  expect((await server.ask('/api/trpc/account.me', { as: cookie })).status).toBe(200);
  for (const path of ['/api/sandboxes', '/api/events', '/api/trpc/tokens.list']) {
    const refused = await server.ask(path, { as: cookie });
    expect([path, refused.status]).toEqual([path, 403]);
    expect(await refused.text()).toContain('password_change_required');
  }
  const own = 'a password of my own';
  const changed = await mutate(
    'account.changePassword',
    { current: result.data.password, next: own },
    cookie,
  );
  expect(changed.status).toBe(200);
  expect((await server.ask('/api/sandboxes', { as: cookie })).status).toBe(200);
});

describe('API tokens', () => {
  test('work as bearer and as subprotocol, are kept as a hash, and end when revoked', async () => {
    const { cookie } = await server.person('robot');
    const made = await mutate(
      'tokens.create',
      { label: 'ci', scopes: ['*'], sandboxId: null, ttlHours: null },
      cookie,
    );
    const { result } = (await made.json()) as { result: { data: { token: string; view: { id: string } } } };
    const { token, view } = result.data;
    expect(token).toMatch(/^cct_[\w-]{43}$/);
    const row = await server.parts.db.apiToken.findUniqueOrThrow({ where: { id: view.id } });
    expect([row.hash, JSON.stringify(row).includes(token)]).toEqual([hashApiToken(token), false]);
    const ask = () => server.ask('/api/auth/me', { headers: { authorization: `Bearer ${token}` } });
    expect((await ask()).status).toBe(200);
    const closeCode = async () => {
      const socket = new WebSocket(
        `ws://127.0.0.1:${server.port}/ws/sandboxes/sabcdefabcdef012/terminal?session=7f0e6f0e-1111-4222-8333-444455556666`,
        ['cloud-claude.terminal.v1', `bearer.${token}`],
      );
      const [code] = await once(socket, 'close');
      return code;
    };
    expect(await closeCode()).toBe(4404);
    // A wrong token is not made good by a cookie beside it.
    expect(
      (await server.ask('/api/auth/me', { as: cookie, headers: { authorization: 'Bearer cct_x' } })).status,
    ).toBe(401);
    await mutate('tokens.revoke', { id: view.id }, cookie);
    expect([(await ask()).status, await closeCode()]).toEqual([401, 4401]);
  });
});

describe('other sites', () => {
  test.each([
    ['a foreign Origin', { origin: 'https://evil.example' }],
    ['a null Origin', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['Sec-Fetch-Site alone', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling site', { 'sec-fetch-site': 'same-site' }],
  ])('%s changes nothing', async (_what, headers) => {
    const { cookie } = { cookie: await adminCookie() };
    const response = await mutate(
      'users.create',
      { username: 'planted', role: 'admin', expiresAt: null },
      cookie,
      headers,
    );
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'origin_refused' });
    expect(await server.parts.db.user.count({ where: { username: 'planted' } })).toBe(0);
    const signIn = await server.ask('/api/auth/login', {
      method: 'POST',
      headers: { ...json, ...headers },
      body: JSON.stringify(ADMIN),
    });
    expect(signIn.status).toBe(403);
  });
  test('our own Origin may', async () => {
    const origin = `http://127.0.0.1:${server.port}`;
    const response = await mutate('account.setPreferences', { theme: 'dark' }, await adminCookie(), {
      origin,
      'sec-fetch-site': 'same-origin',
    });
    expect(response.status).toBe(200);
  });
});

describe('answers', () => {
  test('carry the security headers and a fresh nonce', async () => {
    const policies = new Set<string>();
    for (const path of ['/', '/healthz', '/api/auth/me']) {
      const { headers } = await server.ask(path);
      const policy = headers.get('content-security-policy') ?? '';
      policies.add(policy);
      expect(policy).toMatch(/script-src 'self' 'nonce-[A-Za-z0-9+/=]{24}';/);
      expect(policy).not.toContain('unsafe-eval');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('strict-transport-security')).toBeNull();
    }
    expect(policies.size).toBe(3);
  });

  test('405 names what is allowed; unknown routes are JSON', async () => {
    const as = await adminCookie();
    const response = await server.ask('/api/auth/me', { method: 'DELETE', as });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
    const missing = await server.ask('/api/nothing', { as });
    expect([missing.status, await missing.json()]).toMatchObject([404, { code: 'not_found' }]);
  });

  test('bodies have a limit, malformed ones an answer', async () => {
    const as = await adminCookie();
    const post = (body: string) => server.ask('/api/workspaces', { method: 'POST', as, headers: json, body });
    expect((await post(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }))).status).toBe(413);
    const chunked = { method: 'POST', as, headers: json, body: new Response('{}').body, duplex: 'half' };
    expect((await server.ask('/api/workspaces', chunked)).status).toBe(400);
    expect((await post('{')).status).toBe(400);
    expect((await post('{"name":"Team"}')).status).toBe(201);
  });

  test('/healthz serves without the agent and shows strangers names only', async () => {
    const response = await server.ask('/healthz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: 'warning',
      checks: expect.arrayContaining([
        { name: 'database', ok: true },
        { name: 'agent', ok: false },
      ]),
    });
    const full = await (await server.ask('/healthz', { as: await adminCookie() })).json();
    expect(full).toMatchObject({ instance: expect.stringMatching(/^[0-9a-f]{8}$/) });
  });

  test('/metrics has a token of its own', async () => {
    expect((await server.ask('/metrics')).status).toBe(401);
    expect((await server.ask('/metrics', { as: await adminCookie() })).status).toBe(401);
    const response = await server.ask('/metrics', {
      headers: { authorization: 'Bearer a-token-of-the-tests' },
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('cloud_claude_http_request_seconds_bucket');
  });
});

test('events are replayed after Last-Event-ID', async () => {
  const as = await adminCookie();
  const before = (await server.parts.db.liveEvent.findFirst({ orderBy: { id: 'desc' } }))?.id ?? 0;
  for (const name of ['one', 'two', 'three'])
    await server.ask('/api/workspaces', {
      method: 'POST',
      as,
      headers: json,
      body: JSON.stringify({ name }),
    });
  async function read(headers: Record<string, string>, path: string, wanted: number) {
    const response = await server.ask(path, { as, headers });
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const ids = () => [...text.matchAll(/^id: ?(\d+)$/gm)].map((it) => Number(it[1]));
    while (reader && ids().length < wanted) text += (await reader.read()).value ?? '';
    await reader?.cancel();
    return ids();
  }
  const all = await read({ 'last-event-id': String(before) }, '/api/events', 3);
  expect(all).toEqual([...all].sort((a, b) => a - b));
  expect(await read({ 'last-event-id': String(all[0]) }, '/api/events?from=0', 2)).toEqual(all.slice(1));
  expect(await read({}, `/api/events?from=${all[1]}`, 1)).toEqual(all.slice(2));
});

test('behind a trusted proxy under its own name', async () => {
  const proxied = await startTestServer({
    TRUSTED_PROXY: '127.0.0.1',
    BASE_DOMAIN: 'claude.example.org',
    BASE_SCHEME: 'https',
  });
  try {
    // fetch sets Host by itself.
    const ask = (headers: Record<string, string>, path = '/api/auth/me') =>
      new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
        get({ port: proxied.port, host: '127.0.0.1', path, headers }, (response) => {
          response.resume();
          resolve({ status: response.statusCode ?? 0, headers: response.headers });
        }).on('error', reject);
      });
    expect((await ask({ host: 'other.example.org' })).status).toBe(403);
    expect((await ask({ host: `127.0.0.1:${proxied.port}` })).status).toBe(403);
    expect((await ask({ host: `127.0.0.1:${proxied.port}` }, '/healthz')).status).toBe(200);
    const good = await ask({ host: 'claude.example.org' });
    expect([good.status, good.headers['strict-transport-security']]).toEqual([401, 'max-age=31536000']);
  } finally {
    await proxied.stop();
  }
});
