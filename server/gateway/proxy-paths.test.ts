/** What passes with whose key, and that nothing is read in two ways. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { apiPath } from './proxy-paths';
import { ask, BOX, headers, openProxied, token, tokens } from './testing/proxied';
import type { Upstream } from './upstreams';

const SESSION = '0b1c2d3e-1111-4222-8333-444455556666';
const OWN = `/s/${SESSION}`;
const GATEWAY = '/proxy/anthropic';
let scope = new Scope();
afterEach(async () => {
  await scope.close();
  scope = new Scope();
});

const sessionOf = (personal: boolean) => (base: URL) => ({
  ...{ provider: 'p1', base, models: null, reach: null, personal },
  credential: { name: 'x-api-key', value: 'their-own' } satisfies Upstream['credential'],
});
const ours = [
  'host',
  'x',
  'x-api-key',
  tokens.forSession(BOX, SESSION),
  'Anthropic-Beta',
  'not-yet-2031-01-01',
];
const gateways = ['host', 'x', 'x-api-key', token, 'Anthropic-Beta', 'not-yet-2031-01-01'];

const STORES = [
  ...['/v1/files', '/v1/files/file_1/content', '/v1/skills', '/v1/messages/batches', '/v1/organizations/me'],
  ...['/v1/messages/batches/msgbatch_1/results', '/v1/agents', '/v1/sessions/s/events', '/v1/environments'],
  ...['/v1/vaults', '/v1/memory_stores', '/v1/Files', '/v1/%66iles', '/v1/messages/%62atches'],
];

test.each([
  ...STORES.flatMap((path) => [['POST', path] as const, ['GET', path] as const]),
  ...(['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD'] as const).map(
    (method) => [method, '/v1/not/known/yet'] as const,
  ),
  ...[['DELETE', '/v1/models/m'] as const, ['GET', '/v1/models/m/more'] as const],
])('%s %s: not with a key that several share, but with one of one’s own', async (method, path) => {
  const { port, seen } = await openProxied(scope, { session: sessionOf(true) });
  const refused = await ask(port, `${GATEWAY}${path}`, { method, headers: gateways });
  expect([refused.status, seen.length]).toEqual([403, 0]);
  if (method !== 'HEAD')
    expect(JSON.parse(refused.body.toString())).toMatchObject({
      type: 'error',
      error: { type: 'permission_error', message: expect.stringMatching(/add a key of your own/) },
    });
  const passed = await ask(port, `${OWN}${path}?after_id=a%2Fb`, { method, headers: ours });
  expect([passed.status, seen[0]?.method, seen[0]?.url]).toEqual([200, method, `${path}?after_id=a%2Fb`]);
});

test('a provider that is shared is no key of one’s own', async () => {
  const { port, seen } = await openProxied(scope, { session: sessionOf(false) });
  expect((await ask(port, `${OWN}/v1/files`, { method: 'GET', headers: ours })).status).toBe(403);
  expect((await ask(port, `${OWN}/v1/messages`, { headers: ours, body: Buffer.from('{}') })).status).toBe(
    200,
  );
  expect(seen.map((it) => it.url)).toEqual(['/v1/messages']);
});

test.each([
  ['POST', GATEWAY, '/v1/not/known-yet'],
  ['POST', GATEWAY, '/v1/messages/something_new'],
  ['POST', OWN, '/v1/not/known-yet'],
  ['PUT', OWN, '/v1/memory_stores/m/memories/a%20b'],
  ['PATCH', OWN, '/v1/x'],
  ['DELETE', OWN, '/v1/x'],
] as const)('%s %s%s passes byte for byte, with betas that nobody knows', async (method, place, path) => {
  const { port, seen } = await openProxied(scope, { session: sessionOf(true) });
  const body = randomBytes(100_000);
  const given = place === OWN ? ours : gateways;
  for (const framing of [
    ['content-length', String(body.length)],
    ['transfer-encoding', 'chunked'],
  ])
    await ask(port, `${place}${path}?beta=true`, { method, headers: [...given, ...framing], body });
  for (const it of seen) {
    expect([it.method, it.url, it.body.equals(body)]).toEqual([method, `${path}?beta=true`, true]);
    expect(headers(it.raw, 'anthropic-beta')).toEqual(['not-yet-2031-01-01']);
  }
  expect(seen).toHaveLength(2);
});

test('no path gets through that anybody could read as another one', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '..',
      '.',
      '%2e',
      '%2F',
      '%5c',
      '\\',
      ';',
      '//',
      '/',
      '%',
      '%25',
      '%00',
      'v1',
      'files',
      '#',
      '@',
    ),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = `/v1/${pieces.join('')}`;
      const found = apiPath('POST', path);
      if (!found) return;
      expect(new URL(`http://h${found.path}`).pathname).toBe(found.path);
      expect(new URL(`http://h/v1/${found.segments.join('/')}`).pathname.split('/')).toHaveLength(
        found.segments.length + 2,
      );
    }),
    { numRuns: 3_000 },
  );
});

/** What comes back for these bytes, until the connection ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text, 'latin1');
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(Buffer.from(chunk));
  } catch {
    // Reset: refused as well.
  }
  return Buffer.concat(chunks).toString('latin1');
}
const head = (line: string, ...more: string[]) =>
  [line, 'host: x', `x-api-key: ${token}`, 'connection: close', ...more, '', ''].join('\r\n');

test('whole addresses, tunnels and other protocols lead nowhere', async () => {
  const { port, seen } = await openProxied(scope, {});
  for (const target of ['http://169.254.169.254/v1/messages', 'http://x/proxy/anthropic/v1/messages'])
    expect(await raw(port, head(`POST ${target} HTTP/1.1`, 'content-length: 0'))).toMatch(/^HTTP\/1\.1 404 /);
  for (const target of ['/s/../proxy/anthropic/v1/models', '/proxy/anthropic/../anthropic/v1/messages', '*'])
    expect(await raw(port, head(`POST ${target} HTTP/1.1`, 'content-length: 0'))).toMatch(/^HTTP\/1\.1 404 /);
  expect(await raw(port, head('CONNECT api.anthropic.com:443 HTTP/1.1'))).not.toMatch(/^HTTP\/1\.1 2/);
  expect(seen).toEqual([]);
  // A wish for another protocol is not handed on: it is an ordinary request.
  const wish = ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13'];
  const answer = await raw(
    port,
    `${head(`GET ${GATEWAY}/v1/models HTTP/1.1`).trimEnd()}\r\n${wish.join('\r\n')}\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(headers(seen[0]?.raw ?? [], 'upgrade')).toEqual([]);
});

test('an API that goes over to another protocol gives no answer', async () => {
  const { port, upstream } = await openProxied(scope, {});
  upstream.removeAllListeners('connection').on('connection', (socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nanything');
  });
  const answer = await ask(port, `${GATEWAY}/v1/messages`, { body: Buffer.from('{}') });
  expect([answer.status, JSON.parse(answer.body.toString()).error.type]).toEqual([502, 'api_error']);
});

test('what is announced and does not belong to a request never becomes another one', async () => {
  const { port, seen, upstream } = await openProxied(scope, { session: sessionOf(true) });
  const connections: unknown[] = [];
  upstream.on('connection', (it) => connections.push(it));
  const hidden = 'GET /v1/files HTTP/1.1\r\nhost: x\r\n\r\n';
  const given = ['content-length', String(hidden.length)];
  const looksUp = (method: string) => {
    const body = Buffer.from(hidden);
    return ask(port, `${GATEWAY}/v1/models`, { method, headers: [...gateways, ...given], body });
  };
  await looksUp('GET');
  const chunked = ['transfer-encoding', 'chunked'];
  await ask(port, `${OWN}/v1/x`, {
    ...{ method: 'DELETE', headers: [...ours, ...chunked], body: Buffer.from(hidden) },
  });
  await ask(port, `${OWN}/v1/x`, { method: 'DELETE', headers: ours });
  await looksUp('HEAD');
  expect(seen.map((it) => [it.method, it.url, it.body.toString()])).toEqual([
    ['GET', '/v1/models', ''],
    ['DELETE', '/v1/x', hidden],
    ['DELETE', '/v1/x', ''],
    ['HEAD', '/v1/models', ''],
  ]);
  // One connection for all of them: there it would have shown.
  expect(connections).toHaveLength(1);
  for (const more of [
    'content-length: 3\r\ncontent-length: 4',
    'content-length: 3\r\ntransfer-encoding: chunked',
  ])
    expect(await raw(port, `${head(`POST ${GATEWAY}/v1/messages HTTP/1.1`, more)}0\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  expect(seen).toHaveLength(4);
});

test('an answer that comes before its request is whole takes the connection with it', async () => {
  const { port, seen } = await openProxied(scope, {});
  const socket = connect(port, '127.0.0.1');
  socket.write(head(`POST ${GATEWAY}/v1/messages HTTP/1.1`, 'content-length: 1000').concat('GET /v1/files'));
  socket.end();
  await once(socket.resume(), 'close');
  expect((await ask(port, `${GATEWAY}/v1/models`, { method: 'GET' })).status).toBe(200);
  expect(seen.map((it) => it.url)).toEqual(['/v1/models']);
});
