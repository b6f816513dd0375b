import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { PROXY_BODY_MAX_BYTES } from '../../shared/limits';
import { ask, BOX, headers, KEY, openProxied, token, tokens } from './testing/proxied';
import { settles } from './testing/until';

let scope = new Scope();

afterEach(async () => {
  await scope.close();
  scope = new Scope();
});

test('body, path and headers pass as they are; only the credential is exchanged', async () => {
  const compressed = gzipSync('{"answer":true}');
  const { port, seen, active } = await openProxied(scope, {
    answer: (_request, response) => {
      response.writeHead(200, [
        ...['Content-Encoding', 'gzip', 'X-Odd-CASE', 'a', 'X-Odd-CASE', 'b'],
        ...['Request-Id', 'req_1', 'Content-Length', String(compressed.length)],
      ]);
      response.end(compressed);
    },
  });
  const body = randomBytes(200_000);
  const answer = await ask(port, '/proxy/anthropic/v1/messages?beta=true&x=%2F', {
    body,
    headers: [
      ...[
        'host',
        '127.0.0.1:7878',
        'x-api-key',
        token,
        'Anthropic-Beta',
        'one,two',
        'accept-encoding',
        'gzip, br',
      ],
      ...['X-New-Header', 'zzz', 'connection', 'keep-alive, x-hop', 'x-hop', '1', 'te', 'trailers'],
      ...['content-length', String(body.length)],
    ],
  });
  const [request] = seen;
  expect(request?.method).toBe('POST');
  expect(request?.url).toBe('/v1/messages?beta=true&x=%2F');
  expect(request?.body.equals(body)).toBe(true);
  expect(headers(request?.raw ?? [], 'x-api-key')).toEqual([KEY]);
  expect(headers(request?.raw ?? [], 'authorization')).toEqual([]);
  expect(headers(request?.raw ?? [], 'accept-encoding')).toEqual(['gzip, br']);
  expect(headers(request?.raw ?? [], 'x-new-header')).toEqual(['zzz']);
  expect(request?.raw).toContain('Anthropic-Beta');
  for (const hop of ['x-hop', 'te', 'transfer-encoding'])
    expect(headers(request?.raw ?? [], hop)).toEqual([]);
  expect(answer.status).toBe(200);
  expect(answer.body.equals(compressed)).toBe(true);
  expect(headers(answer.raw, 'x-odd-case')).toEqual(['a', 'b']);
  expect(answer.raw).toContain('X-Odd-CASE');
  expect(active).toEqual([BOX]);
});

test.each([
  ['', '/v1/models', '/v1/models'],
  ['/', '/v1/models', '/v1/models'],
  ['/v1', '/v1/models', '/v1/models'],
  ['/v1/', '/v1/models', '/v1/models'],
  ['/anthropic', '/v1/models', '/anthropic/v1/models'],
  ['/anthropic/v1/', '/v1/models?a=1', '/anthropic/v1/models?a=1'],
  ['', '/api/hello', '/api/hello'],
])('base %s and path %s give %s', async (base, path, expected) => {
  const { port, seen } = await openProxied(scope, { base });
  await ask(port, `/proxy/anthropic${path}`, { method: 'GET' });
  expect(seen[0]?.url).toBe(expected);
});

test('a bearer credential goes as a bearer', async () => {
  const { port, seen } = await openProxied(scope, { key: 'authToken' });
  await ask(port, '/proxy/anthropic/v1/messages', { body: Buffer.from('{}') });
  expect(headers(seen[0]?.raw ?? [], 'authorization')).toEqual([`Bearer ${KEY}`]);
  expect(headers(seen[0]?.raw ?? [], 'x-api-key')).toEqual([]);
});

test('events pass one by one, as they come', async () => {
  const steps = [Buffer.from('event: a\ndata: {"t":"ä"}\n\n'), Buffer.from('event: b\ndata: 2\n\n')];
  let next: () => void = () => undefined;
  const { port } = await openProxied(scope, {
    answer: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      let at = 0;
      next = () => {
        const step = steps[at++];
        if (step) response.write(step);
        else response.end();
      };
    },
  });
  const request = httpRequest({
    port,
    path: '/proxy/anthropic/v1/messages',
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  request.end('{}');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  for (const step of steps) {
    const data = once(response, 'data');
    next();
    expect((await data)[0].equals(step)).toBe(true);
  }
  next();
  await once(response, 'end');
});

test('when the client goes, the upstream request ends', async () => {
  let gone: Promise<unknown> = Promise.resolve();
  const { port } = await openProxied(scope, {
    answer: (_request, response) => {
      gone = once(response, 'close');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: a\n\n');
    },
  });
  const request = httpRequest({
    port,
    path: '/proxy/anthropic/v1/messages',
    method: 'POST',
    headers: { 'x-api-key': token },
  });
  request.on('error', () => undefined);
  request.end('{}');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  request.destroy();
  await gone;
});

test('an answer that breaks off is not made whole', async () => {
  const { port } = await openProxied(scope, {
    answer: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: a\n\n', () => response.destroy());
    },
  });
  await expect(ask(port, '/proxy/anthropic/v1/messages')).rejects.toThrow();
});

test('a slow reader holds the upstream back', async () => {
  let written = 0;
  const { port } = await openProxied(scope, {
    answer: (request, response) => {
      if (request.url !== '/v1/models/endless') return response.end();
      const more = () => {
        while (!response.destroyed) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536))) break;
        }
      };
      response.on('drain', more);
      more();
    },
  });
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET /proxy/anthropic/v1/models/endless HTTP/1.1\r\nhost: x\r\nx-api-key: ${token}\r\n\r\n`);
  await settles(
    () => written,
    (bytes) => bytes > 0,
    () => ask(port, '/proxy/anthropic/v1/messages'),
  );
  // Kernel buffers of two connections hold some; an endless stream does not.
  expect(written).toBeLessThan(32 * 1024 * 1024);
  socket.destroy();
});

const MESSAGES = '/proxy/anthropic/v1/messages';
const OURS = ['authorization', `Bearer ${token}`];
type Refused = [name: string, path: string, raw: string[], status: number, type: string];
test.each<Refused>([
  ['no token', '/proxy/anthropic/v1/messages', ['host', 'x'], 401, 'authentication_error'],
  [
    'another box',
    '/proxy/anthropic/v1/messages',
    ['host', 'x', 'x-api-key', tokens.tokenFor('sproxytest000002')],
    401,
    'authentication_error',
  ],
  [
    'the real key',
    '/proxy/anthropic/v1/messages',
    ['host', 'x', 'x-api-key', KEY],
    401,
    'authentication_error',
  ],
  ['another path', '/api/trpc/x', ['host', 'x', 'x-api-key', token], 404, 'not_found_error'],
  ['two credentials', MESSAGES, ['host', 'x', 'x-api-key', 'sk', ...OURS], 403, 'permission_error'],
  [
    'two, ours as the key',
    MESSAGES,
    ['host', 'x', 'authorization', 'Bearer x', 'x-api-key', token],
    403,
    'permission_error',
  ],
  [
    'two strangers',
    MESSAGES,
    ['host', 'x', 'authorization', 'Bearer x', 'x-api-key', 'y'],
    401,
    'authentication_error',
  ],
  ...[
    ...[
      '/v1/messages/../files',
      '/v1/models/..%2ffiles',
      '/v1/models/..',
      '/v1/x/%2e%2E/files',
      '/v1/./files',
    ],
    ...['//v1/messages', '/v1//files', '/v1/files//x', '/v1/messages/', '/v1', '/v1/', '', '/', '/v1;/files'],
    ...[
      '/v1/messages;/../files',
      '/v1/messages%3bx',
      '/v1/x%5c..%5cfiles',
      '/v1/x%00',
      '/v1/%252e%252e/files',
    ],
    ...[
      '/%761/messages',
      '/V1/messages',
      '/v2/messages',
      '/api/organizations',
      '/api/../v1/files',
      '/v1\\files',
    ],
  ].map(
    (path): Refused => [
      `the path ${path}`,
      `/proxy/anthropic${path}`,
      ['host', 'x', ...OURS],
      404,
      'not_found_error',
    ],
  ),
  ['a path beside', '/proxy/anthropicx', ['host', 'x', 'x-api-key', token], 404, 'not_found_error'],
  [
    'too large',
    '/proxy/anthropic/v1/messages',
    ['host', 'x', 'x-api-key', token, 'content-length', String(PROXY_BODY_MAX_BYTES + 1)],
    413,
    'request_too_large',
  ],
])('%s is refused in the shape of the API', async (_name, path, raw, status, type) => {
  const { port, seen, active } = await openProxied(scope, {});
  const request = httpRequest({ port, path, method: 'POST', headers: raw, agent: false });
  request.on('error', () => undefined);
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  expect(response.statusCode).toBe(status);
  expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ type: 'error', error: { type } });
  expect([seen.length, active.length]).toEqual([0, 0]);
  request.destroy();
});

test('one token in both headers is one; cookies and other methods do not pass', async () => {
  const { port, seen } = await openProxied(scope, {});
  const both = ['host', 'x', 'x-api-key', token, 'cookie', 'a=b', ...OURS];
  expect((await ask(port, MESSAGES, { headers: both, body: Buffer.from('{}') })).status).toBe(200);
  expect(headers(seen[0]?.raw ?? [], 'cookie')).toEqual([]);
  for (const [method, status] of [
    ['TRACE', 404],
    ['OPTIONS', 404],
    ['PUT', 403],
    ['DELETE', 403],
    ['GET', 403],
  ] as const)
    expect((await ask(port, MESSAGES, { method, headers: both })).status).toBe(status);
  expect(seen).toHaveLength(1);
});

test('no bytes from a sandbox end the gateway', async () => {
  const { port, seen } = await openProxied(scope, {});
  const odd = [
    ...[
      '/v1/messages?a\tb',
      '/v1/messages?a\fb',
      '/v1/messages?\u00ff',
      '/v1/messages?a#b',
      '/v1/models/\u00e4',
    ],
    ...['/v1/messages HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\nx:'],
  ];
  for (const path of odd) {
    const socket = connect(port, '127.0.0.1');
    const head = ['host: x', `x-api-key: ${token}`, 'connection: close', '', ''].join('\r\n');
    socket.write(`POST /proxy/anthropic${path} HTTP/1.1\r\n${head}`, 'latin1');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(Buffer.from(chunk));
    expect(String(Buffer.concat(chunks))).toMatch(/^HTTP\/1\.1 [24]/);
  }
  const before = seen.length;
  const body = Buffer.from('GET /v1/files HTTP/1.1\r\nhost: x\r\n\r\n');
  const smuggled = ['host', 'x', 'transfer-encoding', 'chunked', ...OURS];
  const models = '/proxy/anthropic/v1/models';
  expect((await ask(port, models, { method: 'GET', headers: smuggled, body })).status).toBe(200);
  expect((await ask(port, models, { method: 'GET' })).status).toBe(200);
  expect(seen.slice(before).map((it) => [it.url, it.body.length])).toEqual([
    ['/v1/models', 0],
    ['/v1/models', 0],
  ]);
});

test('without a key there is no provider and the proxy says so', async () => {
  const { port, proxy } = await openProxied(scope, { key: 'none' });
  expect([proxy.configured, proxy.env(BOX)]).toEqual([false, '']);
  expect((await ask(port, '/proxy/anthropic/v1/messages')).status).toBe(401);
});

test('an upstream that is not there: 502 in its shape, and the key is in no log line', async () => {
  const { port, upstream, logged } = await openProxied(scope, {});
  upstream.close();
  upstream.closeAllConnections();
  const answer = await ask(port, '/proxy/anthropic/v1/messages', { body: Buffer.from('{}') });
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body.toString()).error.type).toBe('api_error');
  const text = logged.join('') + answer.body;
  expect(logged.length).toBeGreaterThan(0);
  expect(text).not.toContain(KEY);
  expect(text).not.toContain(token);
});
