import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { directNetwork } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { BODY_MAX_BYTES } from './body';
import { listenOnSocket } from './listen';
import type { Handlers } from './ops';
import { startAgentServer } from './server';
import { createSshUpgrade } from './ssh-upgrade';

const log = pino({ level: 'silent' });
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const id = 'a0123456789abcde';
let folder: string;
let path: string;
let close: () => Promise<void>;
let ensureSignal: AbortSignal | undefined;

const handlers: Handlers = {
  health: async () => {
    throw new Error('disk is on fire');
  },
  'sandbox.list': async () => [],
  'sandbox.observe': async () => {
    throw new AppError('not_found');
  },
  'sandbox.usage': async (input) => ({
    id: input.id,
    cpuMs: 1,
    memoryBytes: 2,
    pids: 3,
    rxBytes: 4,
    txBytes: 5,
  }),
  'sandbox.ensure': async (_spec, { signal, emit }) => {
    ensureSignal = signal;
    emit({ type: 'step', step: 'image.check', state: 'started', at: 'now' });
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  },
  'sandbox.remove': async (input, { emit }) => {
    emit({ type: 'step', step: 'container.remove', state: 'done', at: 'now' });
    if (input.home) throw new AppError('agent_failed', 'the volume is in use');
    return {};
  },
  'sandbox.prove': () => Promise.reject(new AppError('unavailable')),
  'sandbox.proofs': async () => [],
  'sandbox.traffic': () => Promise.reject(new AppError('unavailable')),
  'egress.test': () => Promise.reject(new AppError('unavailable')),
  'egress.fetch': () => Promise.reject(new AppError('unavailable')),
  'wireguard.newKey': () => Promise.reject(new AppError('unavailable')),
  'wireguard.removeKey': async () => ({}),
  watch: async (_input, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-socket-'));
  path = join(folder, 'run', 'agent.sock');
  const ssh = createSshUpgrade({ log, open: () => Promise.reject(new AppError('sandbox_not_running')) });
  const server = await startAgentServer({
    place: { path, owner },
    handlers,
    ssh,
    swept: Promise.resolve(),
    log,
  });
  close = server.close;
});
afterEach(async () => {
  await close();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  text: string;
}
function send(
  url: string,
  options: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { socketPath: path, path: url, method: options.method ?? 'POST', headers: options.headers ?? {} },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, text: '' });
    });
    request.on('error', reject);
    request.end(options.body);
  });
}

test('the socket is private to its owner', async () => {
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('answers an operation', async () => {
  const answer = await send('/v1/sandbox.usage', { body: JSON.stringify({ id }) });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text)).toMatchObject({ id, cpuMs: 1 });
});

test.each([
  ['a browser by its Origin', '/v1/health', { headers: { origin: 'http://x' } }, 403, 'origin_refused'],
  ['a browser by its Referer', '/v1/health', { headers: { referer: 'http://x' } }, 403, 'origin_refused'],
  ['an unknown operation', '/v1/sandbox.exec', {}, 404, 'not_found'],
  ['a name from the prototype', '/v1/constructor', {}, 404, 'not_found'],
  ['an unknown path', '/', {}, 404, 'not_found'],
  ['a query', '/v1/health?x=1', {}, 404, 'not_found'],
  ['another method', '/v1/health', { method: 'GET' }, 405, 'method_not_allowed'],
  ['a large body', '/v1/health', { body: 'x'.repeat(BODY_MAX_BYTES + 1) }, 413, 'too_large'],
  ['a body that is not JSON', '/v1/health', { body: '{' }, 400, 'invalid_input'],
  ['input the table does not allow', '/v1/sandbox.observe', { body: '{"id":"../x"}' }, 400, 'invalid_input'],
  ['an error of an operation', '/v1/sandbox.observe', { body: `{"id":"${id}"}` }, 404, 'not_found'],
  ['a failure on the host', '/v1/health', {}, 502, 'agent_failed'],
])('refuses %s', async (_what, url, options, status, code) => {
  const answer = await send(url, options);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.text).code).toBe(code);
});

test('names the wrong field', async () => {
  const answer = await send('/v1/sandbox.observe', { body: '{"id":"../x"}' });
  expect(answer.text).toContain('sandbox.observe: id: a sandbox id is 16 lower-case letters and digits');
});

test('streams steps, then the result or the error', async () => {
  const lines = async (home: boolean) =>
    (await send('/v1/sandbox.remove', { body: JSON.stringify({ id, home }) })).text
      .trim()
      .split('\n')
      .map((it) => JSON.parse(it));
  expect((await lines(false)).map((it) => it.type)).toEqual(['step', 'result']);
  expect((await lines(true))[1]).toEqual({
    type: 'error',
    code: 'agent_failed',
    error: 'the volume is in use',
  });
});

test('a client that closes cancels the work', async () => {
  const spec = {
    id,
    generation: 1,
    power: 'running',
    image: 'cloud-claude/sandbox:0123456789abcdef',
    hostname: 'box',
    limits: { cpus: 1, memoryMb: 1024, pids: 512, diskGb: null },
    timezone: 'UTC',
    locale: 'C.UTF-8',
    sudo: true,
    network: directNetwork,
    gatewayKey: `ssh-ed25519 ${'A'.repeat(68)}`,
  };
  const request = httpRequest({ socketPath: path, path: '/v1/sandbox.ensure', method: 'POST' });
  request.on('error', () => {});
  const first = new Promise<void>((resolve) =>
    request.on('response', (response) => response.once('data', () => resolve())),
  );
  request.end(JSON.stringify(spec));
  await first;
  const signal = ensureSignal;
  if (!signal) throw new Error('ensure was not called');
  const canceled = new Promise((resolve) => signal.addEventListener('abort', resolve));
  request.destroy();
  await canceled;
});

test('refuses streams that are not in the table', async () => {
  const headers = { connection: 'Upgrade', upgrade: 'cloud-claude-stream' };
  expect((await send('/v1/streams/tcp?sandbox=x', { method: 'GET', headers })).status).toBe(404);
  expect((await send('/v1/streams/ssh?sandbox=x', { method: 'GET', headers })).status).toBe(400);
  expect((await send(`/v1/streams/ssh?sandbox=${id}`, { method: 'GET', headers })).status).toBe(409);
  const other = { ...headers, upgrade: 'websocket' };
  expect((await send(`/v1/streams/ssh?sandbox=${id}`, { method: 'GET', headers: other })).status).toBe(400);
  const browser = { ...headers, origin: 'http://x' };
  expect((await send(`/v1/streams/ssh?sandbox=${id}`, { method: 'GET', headers: browser })).status).toBe(403);
});

test('a second agent is refused, a dead socket file is replaced', async () => {
  const second = createServer();
  await expect(listenOnSocket(second, { path, owner })).rejects.toThrow('Another agent already runs');
  expect((await send('/v1/sandbox.list')).status).toBe(200);
  await close();
  // What a killed process leaves: a socket file that refuses.
  await writeFile(path, '');
  await listenOnSocket(second, { path, owner });
  await new Promise((resolve) => createConnection({ path }, () => resolve(null)).on('error', resolve));
  second.closeAllConnections();
  await new Promise((resolve) => second.close(resolve));
  close = async () => {};
});

test('closing ends watchers', async () => {
  const request = httpRequest({ socketPath: path, path: '/v1/watch', method: 'POST' });
  request.end();
  const { ended } = await new Promise<{ ended: Promise<unknown> }>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      resolve({ ended: new Promise((done) => response.on('close', done)) });
    });
  });
  await close();
  await ended;
});
