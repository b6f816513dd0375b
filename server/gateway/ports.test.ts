// Ports through the whole gateway on real sockets; only the way into the sandbox is a plain connection to a program here.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as requestHttp, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { AppError } from '../../shared/errors';
import { Scope } from '../../shared/lifecycle';
import { createProxyList } from '../auth/client-address';
import { createOpenSockets } from '../auth/open-sockets';
import type { Identity, SandboxAccess } from '../contracts';
import { openTestDb } from '../db/testing';
import { createPortPasses } from './port-passes';
import { createPortProxy } from './port-proxy';

const scope = new Scope();
const BOX = 'sports0000000001';
const OTHER = 'sports0000000002';
const SESSION = 'cloud-claude-0123abcd=secret-of-ours';
const identity: Identity = {
  ...{
    userId: 'u1',
    username: 'ada',
    role: 'user',
    via: 'browser',
    credentialId: 'c1',
    mustChangePassword: false,
  },
  ...{ scopes: null, sandboxId: null, endsAt: null, address: '127.0.0.1', userAgent: 'test' },
};
let guests = new Set<string>();
let app: Server;
let gateway: Server;
let sockets: ReturnType<typeof createOpenSockets>;
let dialled: number[] = [];
let seen: IncomingMessage[] = [];

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cc-ports-'));
  scope.add('folder', folder, (it) => rm(it, { recursive: true }));
  const { db } = scope.own('db', await openTestDb(folder));
  await db.user.create({ data: { id: 'u1', username: 'ada', passwordHash: '-', role: 'user' } });
  const login = { expiresAt: new Date(Date.now() + 3_600_000), address: '', userAgent: '' };
  await db.authSession.create({ data: { id: 'c1', userId: 'u1', ...login } });
  app = createServer((request, response) => {
    seen.push(request);
    const [pathname] = (request.url ?? '').split('?');
    if (pathname === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
    } else if (pathname === '/evil')
      response
        .writeHead(200, {
          'Set-Cookie': [
            'cloud-claude-0123abcd=theirs; Path=/',
            'app=1; Domain=example.test; Path=/',
            '__Host-cc-port=x',
          ],
          ...{
            'Service-Worker-Allowed': '/',
            'Clear-Site-Data': '"cookies"',
            'Strict-Transport-Security': 'max-age=1',
          },
          ...{ 'WWW-Authenticate': 'Basic', 'Access-Control-Allow-Origin': '*', 'Keep-Alive': 'timeout=5' },
          ...{ 'Content-Security-Policy': "default-src 'self'", Connection: 'x-hop', 'X-Hop': '1' },
        })
        .end('evil');
    else if (pathname === '/to')
      response.writeHead(302, { location: `http://localhost:${port()}/there?x=1` }).end();
    else if (pathname === '/endless') {
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    } else request.pipe(response.writeHead(200, { 'content-type': 'text/html' }));
  });
  const echo = new WebSocketServer({ server: app });
  echo.on('connection', (ws) => ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary })));
  await listen(app);
  scope.add('app', app, (it) => {
    it.closeAllConnections();
    it.close();
  });
  const access: SandboxAccess = async (who, sandboxId) => {
    if (sandboxId !== BOX) throw new AppError('not_found');
    if (guests.has(who.userId)) throw new AppError('forbidden');
  };
  sockets = createOpenSockets({ access });
  const proxy = createPortProxy({
    db,
    audit: { record: async () => undefined },
    log: pino({ level: 'silent' }),
    identify: async (request) =>
      request.headers.authorization?.startsWith('Bearer ')
        ? {
            ...identity,
            via: 'token',
            credentialId: 't1',
            scopes: request.headers.authorization.slice(7).split(',') as never,
          }
        : request.headers.cookie?.includes(SESSION)
          ? identity
          : null,
    access,
    sockets,
    // Two methods of a connection are all that is asked for here.
    connections: {
      get: async () =>
        ({
          tcp: async (asked: number) => {
            dialled.push(asked);
            const socket = connect(asked, '127.0.0.1');
            await once(socket, 'connect');
            return socket;
          },
        }) as never,
    },
    passes: createPortPasses({ db, masterKey: new Uint8Array(32) }),
    onActivity: () => undefined,
    ...{ trusted: createProxyList([]), scheme: 'http', baseDomain: null, mainPort: () => 0, dev: false },
  });
  gateway = createServer((request, response) => {
    if (proxy.takes(request)) proxy.handle(request, response);
    else response.writeHead(299).end('ours');
  });
  gateway.on('upgrade', (request, socket, head) => {
    if (proxy.takes(request)) proxy.upgrade(request, socket, head);
    else socket.destroy();
  });
  await listen(gateway);
  scope.add('gateway', gateway, (it) => {
    proxy.close();
    it.closeAllConnections();
    it.close();
  });
});
afterAll(() => scope.close());
beforeEach(() => {
  guests = new Set();
  dialled = [];
  seen = [];
});

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
const numberOf = (server: Server) => (server.address() as AddressInfo).port; // TCP servers
const port = () => numberOf(app);
const hostOf = (sandbox = BOX) => `${port()}-${sandbox}.localhost:${numberOf(gateway)}`;

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}
/** As raw as Node lets us: the path goes as it stands. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET', body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = requestHttp({
      port: numberOf(gateway),
      path,
      method,
      headers: { host: '10.0.0.5:8080', ...headers },
      agent: false,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (it) => {
        text += it;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
      response.on('error', reject);
    });
    request.end(body);
  });
}
const base = (sandbox = BOX) => `/sandboxes/${sandbox}/ports/${port()}`;
const page = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' };
const token = (...scopes: string[]) => ({ authorization: `Bearer ${scopes.join(',')}` });

/** As a browser comes to it: by its log-in, and from then on by the pass in the path. */
async function visit(path = '/'): Promise<string> {
  const first = await ask(base() + path, { ...page, cookie: SESSION });
  expect(first.status).toBe(303);
  return first.headers.location ?? '';
}
/** To the port's own host: the cookie that it gives. */
async function enter(): Promise<string> {
  const main = { host: `localhost:${numberOf(gateway)}` };
  const first = await ask(`${base()}/deep?x=1`, { ...page, ...main, cookie: SESSION });
  const to = new URL(first.headers.location ?? '');
  expect(to.host).toBe(hostOf());
  const second = await ask(to.pathname + to.search, { ...page, host: to.host });
  expect([second.status, second.headers.location]).toEqual([303, '/deep?x=1']);
  const again = await ask(to.pathname + to.search, { ...page, host: to.host });
  expect(again.headers['set-cookie']).toBeUndefined();
  return second.headers['set-cookie']?.[0] ?? '';
}

describe('by path', () => {
  test('the page has no origin of ours, and the program none of our cookies', async () => {
    const at = await visit('/a?b=c');
    expect(at).toMatch(new RegExp(`^${base()}/~[\\w-]+\\.[\\w-]{43}/a\\?b=c$`));
    const answer = await ask(at, {
      cookie: `${SESSION}; app=1`,
      origin: 'null',
      referer: `http://10.0.0.5:8080${at}`,
    });
    expect([answer.status, answer.headers['content-security-policy']]).toEqual([
      200,
      expect.stringMatching(/^sandbox /),
    ]);
    expect(answer.headers['content-security-policy']).not.toMatch(/allow-same-origin|allow-top-navigation/);
    expect([seen[0]?.url, seen[0]?.headers.host]).toEqual(['/a?b=c', `localhost:${port()}`]);
    expect([seen[0]?.headers.cookie, seen[0]?.headers.referer]).toEqual([undefined, undefined]);
    expect(seen[0]?.headers['x-forwarded-host']).toBe('10.0.0.5:8080');
    expect(JSON.stringify(seen[0]?.rawHeaders)).not.toContain('~');
  });

  test('what an answer must not say is not passed on', async () => {
    const { headers } = await ask(`${await visit('/')}evil`);
    const gone = [
      'set-cookie',
      'service-worker-allowed',
      'clear-site-data',
      'strict-transport-security',
      'www-authenticate',
      'x-hop',
      'keep-alive',
    ];
    expect(gone.filter((it) => it in headers && it !== 'keep-alive')).toEqual([]);
    expect(headers['content-security-policy']).toMatch(/default-src 'self'.*sandbox/);
    expect(headers['access-control-allow-origin']).toBe('null');
  });

  test('leads on within itself; its calls of its own are allowed', async () => {
    const at = await visit('/');
    expect((await ask(`${at}to`)).headers.location).toBe(`${at}there?x=1`);
    const asked = {
      origin: 'null',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'x-a, content-type',
    };
    const preflight = await ask(`${at}api`, asked, 'OPTIONS');
    expect([preflight.status, preflight.headers['access-control-allow-headers']]).toEqual([
      204,
      'x-a, content-type',
    ]);
    expect(seen.length).toBe(1);
    expect((await ask(`${at}api`, { origin: 'null' }, 'POST', 'hello')).body).toBe('hello');
    expect((await ask(`${at}sw.js`, { 'service-worker': 'script' })).status).toBe(403);
  });

  test('a pass is for one port of one sandbox, and a forged one for none', async () => {
    const at = await visit('/');
    const pass = at.slice(base().length);
    for (const path of [
      `/sandboxes/${BOX}/ports/${port() + 1}${pass}`,
      base(OTHER) + pass,
      `${base()}${pass.replace(/~./, '~x')}`,
    ])
      expect((await ask(path)).status).toBe(401);
    expect(dialled).toEqual([]);
  });

  test.each(['/%2e%2e/x', '/../x', '/a/%2E%2e/%2e./b', '/..%5cx', '/a\\..\\b', '/.', '/x/..?y'])(
    'the path %s is refused',
    async (path) => {
      expect((await ask(base() + path, token('ports:read'))).status).toBe(400);
      expect(dialled).toEqual([]);
    },
  );

  test('double slashes and escapes reach the program as they are', async () => {
    await ask(`${base()}//a%2Fb//c%25?q=%0d%0ax`, token('ports:read'));
    expect(seen[0]?.url).toBe('//a%2Fb//c%25?q=%0d%0ax');
  });

  test.each([0, 7878, 7879, 65_536, 99_999])('port %s is not there', async (number) => {
    expect((await ask(`/sandboxes/${BOX}/ports/${number}/`, token('*'))).status).toBe(404);
    expect(dialled).toEqual([]);
  });

  test.each([
    'http://10.1.1.1/',
    'http://127.0.0.1:22/x',
    '//evil.test/sandboxes',
    `/sandboxes/${BOX}/ports/22@evil/`,
  ])('no other host by the target %s', async (target) => {
    expect([299, 400]).toContain((await ask(target, token('*'))).status);
    expect(dialled).toEqual([]);
  });
});

describe('who', () => {
  test('strangers are led to sign in, or refused; nothing is dialled', async () => {
    expect((await ask(`${base()}/x`, page)).headers.location).toBe(
      `/sign-in?next=${encodeURIComponent(`${base()}/x`)}`,
    );
    expect((await ask(`${base()}/x`)).status).toBe(401);
    expect((await ask('/x', { host: hostOf() })).status).toBe(401);
    expect((await ask('/x', { host: hostOf(), ...page })).headers.location).toBe(
      `http://localhost:${numberOf(gateway)}${base()}/x`,
    );
    expect(dialled).toEqual([]);
  });

  test('guests and others get nothing, not even with a pass from before', async () => {
    const at = await visit('/');
    expect((await ask(`${base(OTHER)}/`, { ...page, cookie: SESSION })).status).toBe(404);
    guests.add('u1');
    expect((await ask(`${base()}/`, { ...page, cookie: SESSION })).status).toBe(403);
    expect((await ask(at)).status).toBe(403);
    expect(dialled).toEqual([]);
  });

  test('tokens by their scopes; the program never sees them', async () => {
    expect((await ask(`${base()}/`, token('files:read'))).status).toBe(403);
    expect((await ask(`${base()}/`, token('ports:read'), 'POST', 'x')).status).toBe(403);
    expect((await ask(`${base()}/`, token('ports:read', 'ports:write'), 'POST', 'x')).body).toBe('x');
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  test('another site makes the browser send nothing', async () => {
    const foreign = { cookie: SESSION, origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' };
    expect((await ask(`${base()}/`, foreign)).status).toBe(403);
    expect((await ask(`${base()}/`, { ...foreign, origin: 'null' }, 'POST', 'x')).status).toBe(403);
    const cookie = (await enter()).split(';')[0] ?? '';
    const neighbour = { host: hostOf(), cookie, origin: `http://${hostOf(OTHER)}` };
    expect((await ask('/', neighbour, 'POST', 'x')).status).toBe(403);
    expect((await ask('/', { ...neighbour, origin: `http://${hostOf()}` }, 'POST', 'x')).status).toBe(200);
    const sister = `http://1${hostOf()}`.replace(`1${port()}`, '3000');
    expect((await ask('/', { ...neighbour, origin: sister }, 'POST', 'x')).status).toBe(200);
  });
});

describe('by a host of its own', () => {
  test('a ticket is good once; then its cookie, which the program does not see', async () => {
    const cookie = await enter();
    expect(cookie).toMatch(/^cc-port=[\w-]+\.[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const answer = await ask('/evil', { host: hostOf(), cookie: `${cookie.split(';')[0]}; app=2` });
    expect(answer.headers['set-cookie']).toEqual(['app=1; Path=/']);
    expect(answer.headers['content-security-policy']).toBe("default-src 'self'");
    expect([seen[0]?.headers.cookie, 'clear-site-data' in answer.headers]).toEqual(['app=2', false]);
  });

  test('a ticket leads nowhere else', async () => {
    const main = { host: `localhost:${numberOf(gateway)}` };
    const first = await ask(`${base()}/`, { ...page, ...main, cookie: SESSION });
    const to = new URL(first.headers.location ?? '');
    to.searchParams.set('to', '//evil.test/');
    const second = await ask(to.pathname + to.search, { ...page, host: to.host });
    expect(second.headers.location).toBe('/');
  });
});

describe('streams', () => {
  test('events arrive as they are sent, and end with the log-in', async () => {
    const at = await visit('/');
    const request = requestHttp({
      port: numberOf(gateway),
      path: `${at}events`,
      headers: { host: '10.0.0.5' },
      agent: false,
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const [first] = await once(response, 'data');
    expect(String(first)).toBe('data: one\n\n');
    const ended = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => undefined);
    sockets.closeCredential('c1');
    await ended;
    expect(sockets.size).toBe(0);
  });

  test('WebSockets, by path and by host; cut when rights go', async () => {
    const at = await visit('/');
    const cookie = (await enter()).split(';')[0] ?? '';
    const gatewayUrl = `ws://127.0.0.1:${numberOf(gateway)}`;
    for (const [url, headers] of [
      [`${gatewayUrl}${at}ws`, { host: '10.0.0.5:8080', origin: 'null' }],
      [`${gatewayUrl}/ws`, { host: hostOf(), cookie, origin: `http://${hostOf()}` }],
      [`${gatewayUrl}${base()}/ws`, token('ports:read', 'ports:write')],
    ] as const) {
      const ws = new WebSocket(url, { headers });
      await once(ws, 'open');
      ws.send('hello');
      const [echoed] = await once(ws, 'message');
      expect(String(echoed)).toBe('hello');
      const closed = once(ws, 'close');
      guests.add('u1');
      await sockets.review('u1');
      await closed;
      guests.clear();
    }
    for (const [path, headers] of [
      [`${base()}/ws`, { cookie: SESSION }],
      [`${base()}/ws`, token('ports:read')],
      [`${at}ws`, { origin: 'https://evil.test' }],
      ['/ws', { host: hostOf(), cookie, origin: 'https://evil.test' }],
    ] as const) {
      const ws = new WebSocket(gatewayUrl + path, { headers });
      const [, response] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage];
      expect([401, 403]).toContain(response.statusCode);
      ws.on('error', () => undefined);
      ws.terminate();
    }
  });

  test('headers of one hop stay; what they name goes', async () => {
    await ask(`${base()}/`, {
      ...token('ports:read'),
      connection: 'close, x-secret',
      'x-secret': '1',
      te: 'trailers',
      'x-forwarded-for': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      'proxy-authorization': 'x',
    });
    const got = seen[0]?.headers ?? {};
    expect(['x-secret', 'te', 'forwarded', 'proxy-authorization'].filter((it) => it in got)).toEqual([]);
    expect(got['x-forwarded-for']).toMatch(/^127\.0\.0\.1$/);
  });

  test('a slow reader holds the program back', async () => {
    const at = await visit('/');
    const request = requestHttp({
      port: numberOf(gateway),
      path: `${at}endless`,
      headers: { host: '10.0.0.5' },
      agent: false,
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    const sent = () => seen[0]?.socket.bytesWritten ?? 0;
    let before = -1;
    const stands = () => {
      const was = before;
      before = sent();
      return was === before;
    };
    // Until nothing more goes out: a flood without back-pressure would never stand still.
    await expect.poll(stands, { interval: 200 }).toBe(true);
    expect(before).toBeLessThan(32 * 1024 * 1024);
    response.destroy();
  });
});
