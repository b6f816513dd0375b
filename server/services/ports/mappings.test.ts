// Mapped ports on real sockets, through the whole gateway; only the way into the sandbox is a plain connection to here.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as requestHttp, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { Scope } from '../../../shared/lifecycle';
import { PORT_MAPPINGS_PER_SANDBOX } from '../../../shared/ports';
import { createPortListeners } from '../../gateway/port-listeners';
import { type Loopback, startLoopback } from '../../gateway/testing/loopback';
import { startTestServer, type TestServer } from '../../http/testing';
import { addLoopbackBox, BOX } from '../../http/testing-box';

const MASTER = 'a-master-token-of-the-tests-0123456789';
const scope = new Scope();
let box: Loopback;
let server: TestServer;
let program: Server;
let inside = 0;
let first = 0;
let seen: IncomingMessage[] = [];

const portOf = (it: { address(): unknown }) => (it.address() as AddressInfo).port; // TCP servers
async function listening<S extends Server | ReturnType<typeof createTcpServer>>(it: S, port = 0): Promise<S> {
  it.listen(port, '127.0.0.1');
  await once(it, 'listening');
  return it;
}
/** Four ports in a row of which the first is another program's; below those that systems give out by themselves. */
async function takeRange(): Promise<number> {
  for (;;) {
    const from = 20_000 + Math.floor(Math.random() * 12_000);
    const tried = [0, 1, 2, 3].map((at) => listening(createTcpServer(), from + at));
    const [taken, ...probes] = await Promise.allSettled(tried);
    for (const it of probes) if (it.status === 'fulfilled') it.value.close();
    if (taken?.status !== 'fulfilled') continue;
    scope.add('taken', taken.value, (it) => void it.close());
    if (probes.every((it) => it.status === 'fulfilled')) return from;
  }
}

beforeAll(async () => {
  box = scope.own('loopback', await startLoopback());
  program = createServer((request, response) => {
    seen.push(request);
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
    } else if (request.url === '/to')
      response.writeHead(302, { location: `http://localhost:${inside}/x` }).end();
    else
      request.pipe(
        response.writeHead(200, { 'set-cookie': ['app=1; Domain=x.test', 'cloud-claude-0=theirs'] }),
      );
  });
  const echo = new WebSocketServer({ server: program });
  echo.on('connection', (ws) => ws.on('message', (data) => ws.send(data)));
  inside = portOf(await listening(program));
  scope.add('program', program, (it) => {
    it.closeAllConnections();
    it.close();
  });
  first = await takeRange();
  server = await startTestServer(
    { CLOUD_CLAUDE_TOKEN: MASTER, CLOUD_CLAUDE_MODE: 'headless', PORT_RANGE: `${first}-${first + 3}` },
    { connections: box.connections },
  );
  scope.add('server', server, (it) => it.stop());
  await addLoopbackBox(server, box);
});
afterAll(() => scope.close());
beforeEach(() => {
  seen = [];
});

const ask = (method: string, path: string, body?: unknown, token = MASTER) =>
  server.ask(path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const expose = (body: object, token = MASTER) => ask('POST', '/api/ports/expose', body, token);
async function mint(scopes: string[], more: object = {}): Promise<{ id: string; token: string }> {
  const made = await ask('POST', '/api/tokens', { label: 'x', scopes, ...more });
  const { plaintext, token } = (await made.json()) as { plaintext: string; token: { id: string } };
  return { id: token.id, token: plaintext };
}
const through = (port: number, path: string, init: RequestInit = {}, token: string | null = MASTER) =>
  fetch(`http://127.0.0.1:${port}${path}`, {
    redirect: 'manual',
    ...init,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...init.headers },
  });
async function mapped(): Promise<number> {
  const answer = await expose({ internal_port: inside });
  expect([200, 201]).toContain(answer.status);
  return ((await answer.json()) as { host_port: number }).host_port;
}

test('a mapping is made once, listed, and gone with what goes through it', async () => {
  const answer = await expose({ internal_port: inside, internal_host: 'localhost', sandbox_id: BOX });
  const made = (await answer.json()) as Record<string, unknown>;
  // The first of the range is another program's.
  expect([answer.status, made]).toEqual([
    201,
    {
      ...{ host_port: first + 1, sandbox_id: BOX, internal_port: inside, internal_host: '127.0.0.1' },
      ...{ created_at: expect.any(String), problem: null },
    },
  ]);
  const again = await expose({ internal_port: inside });
  expect([again.status, await again.json()]).toEqual([200, made]);
  for (const query of ['', `?sandbox_id=${BOX}`])
    expect(await (await ask('GET', `/api/ports${query}`)).json()).toEqual({
      range: [first, first + 3],
      mappings: [made],
    });
  const events = await through(first + 1, '/events');
  const reader = events.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: one\n\n');
  const cut = reader?.read();
  expect((await ask('DELETE', `/api/ports/${first + 1}`)).status).toBe(204);
  await expect(cut).rejects.toThrow();
  await expect(through(first + 1, '/')).rejects.toThrow();
  expect((await ask('DELETE', `/api/ports/${first + 1}`)).status).toBe(404);
  const entries = await server.parts.db.auditEvent.findMany({ where: { type: { startsWith: 'port.' } } });
  expect(entries.map((it) => it.type).sort()).toEqual(['port.mapped', 'port.unmapped']);
});

describe('who', () => {
  test('a token by its scopes; the program sees neither it nor our cookies', async () => {
    const port = await mapped();
    const { token: look } = await mint(['ports:read']);
    const { token: work } = await mint(['ports:read', 'ports:write'], { sandbox_id: BOX });
    const cookies = { headers: { cookie: 'cloud-claude-0123abcd=secret; app=2' } };
    const got = await through(port, '/a?b=c', cookies, look);
    expect([got.status, got.headers.getSetCookie()]).toEqual([200, ['app=1']]);
    expect([seen[0]?.url, seen[0]?.headers.authorization, seen[0]?.headers.cookie]).toEqual([
      ...['/a?b=c', undefined, 'app=2'],
    ]);
    expect((await through(port, '/', { method: 'POST', body: 'x' }, look)).status).toBe(403);
    expect(await (await through(port, '/', { method: 'POST', body: 'x' }, work)).text()).toBe('x');
    expect((await through(port, '/to')).headers.get('location')).toBe('/x');
    const { token: other } = await mint(['files:read']);
    expect((await through(port, '/', {}, other)).status).toBe(403);
  });

  test('nobody else: no token, a wrong, an ended, a revoked one, a cookie, another person', async () => {
    const port = await mapped();
    const ended = await mint(['*'], { ttl_hours: 0.001 / 3600 });
    const revoked = await mint(['*']);
    await ask('DELETE', `/api/tokens/${revoked.id}`);
    for (const token of [null, 'cct_nothing', ended.token, revoked.token])
      expect((await through(port, '/', {}, token)).status).toBe(401);
    const eve = await server.person('eve');
    expect((await through(port, '/', { headers: { cookie: eve.cookie } }, null)).status).toBe(401);
    const made = await server.ask('/api/tokens', {
      ...{ method: 'POST', as: eve.cookie, headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ label: 'x', scopes: ['*'] }),
    });
    const { plaintext } = (await made.json()) as { plaintext: string };
    expect((await through(port, '/', {}, plaintext)).status).toBe(404);
    expect((await ask('DELETE', `/api/ports/${port}`, undefined, plaintext)).status).toBe(404);
    expect(await (await ask('GET', '/api/ports', undefined, plaintext)).json()).toMatchObject({
      mappings: [],
    });
    expect((await expose({ internal_port: inside, sandbox_id: BOX }, plaintext)).status).toBe(404);
    expect(seen).toEqual([]);
  });

  test('a person’s browser is led to where the program has an origin of its own', async () => {
    const port = await mapped();
    const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    // fetch says of itself that it is a script.
    const asked = requestHttp({ host: '127.0.0.1', port, path: '/deep?x=1', headers, agent: false });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.resume();
    expect([answer.statusCode, answer.headers.location]).toEqual([
      ...[303, `http://127.0.0.1:${server.port}/sandboxes/${BOX}/ports/${inside}/deep?x=1`],
    ]);
    expect(seen).toEqual([]);
  });

  test('WebSockets with a token, cut when it is revoked', async () => {
    const port = await mapped();
    const { token, id } = await mint(['ports:read', 'ports:write']);
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, [`bearer.${token}`, 'json']);
    await once(ws, 'open');
    expect(seen.length).toBe(0);
    ws.send('hello');
    expect(String((await once(ws, 'message'))[0])).toBe('hello');
    const closed = once(ws, 'close');
    await ask('DELETE', `/api/tokens/${id}`);
    const from = performance.now();
    await closed;
    expect(performance.now() - from).toBeLessThan(1_000);
    for (const protocols of [[], ['bearer.cct_nothing'], [`bearer.${(await mint(['ports:read'])).token}`]]) {
      const refused = new WebSocket(`ws://127.0.0.1:${port}/ws`, protocols);
      refused.on('error', () => undefined);
      const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
      expect([401, 403]).toContain(response.statusCode);
      refused.terminate();
    }
  });
});

describe('no other host than the sandbox’s own loopback', () => {
  const hosts = ['10.0.0.1', '169.254.169.254', '0.0.0.0', '::1', '[::1]', '127.0.0.2', 'evil.test'];
  test.each([...hosts, '127.0.0.1@evil.test', '127.0.0.1:22', 'LOCALHOST', '', 2130706433, null])(
    'internal_host %j',
    async (internal_host) => {
      const before = await (await ask('GET', '/api/ports')).json();
      const answer = await expose({ internal_port: inside, internal_host });
      expect([answer.status, await answer.json()]).toMatchObject([400, { field: 'internal_host' }]);
      expect(await (await ask('GET', '/api/ports')).json()).toEqual(before);
    },
  );
  test.each([0, -1, 65_536, 1.5, '80', 7878, 7879])('internal_port %j', async (internal_port) => {
    expect((await expose({ internal_port })).status).toBe(400);
  });
  test.each(['http://10.0.0.1/', 'http://169.254.169.254/latest', '//evil.test/x', '*'])(
    'the target %s',
    async (target) => {
      const port = await mapped();
      const asked = requestHttp({
        ...{ port, path: target, agent: false, headers: { authorization: `Bearer ${MASTER}` } },
      });
      asked.end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      // Either refused or asked of the sandbox's own program as a path.
      if (target === '//evil.test/x') expect([answer.statusCode, seen[0]?.url]).toEqual([200, target]);
      else expect([answer.statusCode, seen]).toEqual([400, []]);
      expect(seen[0]?.headers.host ?? `localhost:${inside}`).toBe(`localhost:${inside}`);
    },
  );
  test('CONNECT is not spoken', async () => {
    const port = await mapped();
    const socket = connect(port, '127.0.0.1');
    socket.write(`CONNECT 10.0.0.1:80 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${MASTER}\r\n\r\n`);
    let told = '';
    socket.on('data', (data) => {
      told += String(data);
    });
    await once(socket, 'close');
    expect([told, seen]).toEqual(['', []]);
  });
});

describe('limits', () => {
  test('each port of the range once; then it is told', async () => {
    await mapped();
    expect((await expose({ internal_port: 3001 })).status).toBe(201);
    expect((await expose({ internal_port: 3002 })).status).toBe(201);
    const [full] = await Promise.all([expose({ internal_port: 3003 }), expose({ internal_port: 3004 })]);
    expect([full.status, await full.json()]).toMatchObject([409, { code: 'limit_reached' }]);
    const { mappings } = (await (await ask('GET', '/api/ports')).json()) as {
      mappings: { internal_port: number; host_port: number }[];
    };
    expect(mappings.map((it) => it.host_port)).toEqual([first + 1, first + 2, first + 3]);
    for (const it of mappings) await ask('DELETE', `/api/ports/${it.host_port}`);
  });

  test('one sandbox cannot take all', async () => {
    const { db } = server.parts;
    const data = Array.from({ length: PORT_MAPPINGS_PER_SANDBOX }, (_, at) => ({
      ...{ hostPort: 100 + at, sandboxId: BOX, internalPort: 100 + at, createdBy: 'x' },
    }));
    await db.portMapping.createMany({ data });
    expect(await (await expose({ internal_port: inside })).json()).toMatchObject({ code: 'limit_reached' });
    const { mappings } = (await (await ask('GET', '/api/ports')).json()) as {
      mappings: { problem: string }[];
    };
    expect(mappings[0]?.problem).toMatch(/outside of PORT_RANGE/);
    await db.portMapping.deleteMany();
  });
});

test('rows are what is wanted: after a restart they listen again, and without their sandbox they answer nobody', async () => {
  const { db } = server.parts;
  const port = first + 2;
  await db.portMapping.create({
    data: { hostPort: port, sandboxId: BOX, internalPort: inside, createdBy: 'x' },
  });
  const asked: number[] = [];
  const listeners = createPortListeners({
    ...{ db, log: pino({ level: 'silent' }) },
    // Not where the server itself would take it in the meantime.
    host: '127.0.0.2',
    range: { first, last: first + 3 },
    proxy: {
      handle(_request, response, find) {
        void find().then((place) => {
          asked.push(place?.port ?? 0);
          response.end();
        });
      },
      upgrade: () => undefined,
    },
  });
  expect(listeners.problemOf(port)).toMatch(/Another program/);
  listeners.start();
  await expect.poll(() => listeners.problemOf(port)).toBeNull();
  const answered = () => fetch(`http://127.0.0.2:${port}/`);
  await answered();
  await db.portMapping.deleteMany();
  await answered();
  expect(asked).toEqual([inside, 0]);
  await listeners.close();
});

test('where no range is set, nothing is mapped and that is told', async () => {
  const other = await startTestServer({ CLOUD_CLAUDE_TOKEN: MASTER, CLOUD_CLAUDE_MODE: 'headless' });
  await addLoopbackBox(other, box);
  const headers = { authorization: `Bearer ${MASTER}`, 'content-type': 'application/json' };
  expect(await (await other.ask('/api/ports', { headers })).json()).toEqual({ range: [0, 0], mappings: [] });
  const refused = await other.ask('/api/ports/expose', {
    ...{ method: 'POST', headers, body: JSON.stringify({ internal_port: 80 }) },
  });
  expect([refused.status, await refused.json()]).toMatchObject([
    503,
    { error: expect.stringContaining('PORT_RANGE') },
  ]);
  await other.stop();
});
