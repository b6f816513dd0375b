import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type AgentNotice,
  type AgentStep,
  directNetwork,
  ensureSteps,
  type SandboxSpec,
} from '../shared/agent-api';
import { createAgentClient } from './agent-client';
import { AGENT_LINE_MAX_BYTES, LineParser } from './agent-lines';
import { TEST_IMAGE, TEST_KEY } from './tasks/testing/facts';
import { type ScriptedAgent, startScriptedAgent } from './tasks/testing/scripted-agent';

const spec: SandboxSpec = {
  id: 'a234567890123456',
  generation: 1,
  power: 'running',
  image: TEST_IMAGE,
  hostname: 'box',
  limits: { cpus: 1, memoryMb: 1024, pids: 256, diskGb: null },
  timezone: 'UTC',
  locale: 'C.UTF-8',
  sudo: true,
  network: directNetwork,
  gatewayKey: TEST_KEY,
};

let folder: string;
let socket: string;
let client: ReturnType<typeof createAgentClient>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cc-client-'));
  socket = join(folder, 'agent.sock');
  client = createAgentClient({ socket, log: pino({ level: 'silent' }) });
});
afterEach(async () => {
  client.close();
  await rm(folder, { recursive: true, force: true });
});

describe('with an agent', () => {
  let agent: ScriptedAgent;
  beforeEach(async () => {
    agent = await startScriptedAgent(socket);
  });
  afterEach(() => agent.close());

  test('plain answers are parsed, steps come as they happen, the result last', async () => {
    expect(await client.call('sandbox.list', {}, {})).toEqual([]);
    const steps: AgentStep[] = [];
    const observed = await client.call('sandbox.ensure', spec, { onStep: (it) => steps.push(it) });
    expect(observed).toMatchObject({ id: spec.id, power: 'running', released: true });
    expect(steps.length).toBe(
      2 * ensureSteps.filter((it) => it !== 'container.stop' && it !== 'container.pause').length,
    );
    expect(steps[0]).toMatchObject({ step: 'image.check', state: 'started' });
  });

  test('the agent’s own error keeps its code and sentence', async () => {
    agent.at('container.start', { type: 'fail', code: 'image_missing', message: 'No such image.' });
    await expect(client.call('sandbox.ensure', spec, {})).rejects.toMatchObject({
      code: 'image_missing',
      message: 'No such image.',
    });
  });

  test('an agent that dies in the middle is unreachable, and answers again after its restart', async () => {
    await client.call('sandbox.list', {}, {});
    agent.at('network.rules', { type: 'die' });
    await expect(client.call('sandbox.ensure', spec, {})).rejects.toMatchObject({
      code: 'agent_unreachable',
    });
    await expect(client.call('sandbox.list', {}, {})).rejects.toMatchObject({ code: 'agent_unreachable' });
    await agent.restart();
    expect(await client.call('sandbox.list', {}, {})).toHaveLength(1);
  });

  test('a signal ends a stream, and the agent sees it', async () => {
    agent.at('ssh.ready', { type: 'hang' });
    const end = new AbortController();
    const call = client.call('sandbox.ensure', spec, { signal: end.signal });
    await agent.reached('ssh.ready');
    end.abort();
    await expect(call).rejects.toMatchObject({ code: 'canceled' });
    // The agent's queue for this sandbox is free again only when it saw the connection close.
    await client.call('sandbox.ensure', spec, {});
  });

  test('notices come until the signal', async () => {
    const end = new AbortController();
    const notices: AgentNotice[] = [];
    const heard = new Promise<void>((resolve) => {
      const call = client.call(
        'watch',
        {},
        {
          signal: end.signal,
          onNotice: (it) => {
            notices.push(it);
            resolve();
          },
        },
      );
      call.catch(() => {});
    });
    const timer = setInterval(() => agent.disturb(spec.id, () => {}, 'tunnel.up'), 10);
    await heard;
    clearInterval(timer);
    end.abort();
    expect(notices[0]).toMatchObject({ sandbox: spec.id, what: 'tunnel.up' });
  });

  test('the ssh stream carries bytes both ways, the first ones too, and outlives the signal that opened it', async () => {
    const opening = new AbortController();
    const stream = await client.openSsh(spec.id, opening.signal);
    opening.abort();
    stream.write('echo');
    let text = '';
    for await (const chunk of stream) {
      text += chunk;
      if (text === 'hello echo') break;
    }
    expect(text).toBe('hello echo');
  });
});

describe('with a strange peer', () => {
  let server: Server;
  const serve = (listener: RequestListener) =>
    new Promise<void>((resolve) => {
      server = createServer(listener).listen(socket, resolve);
    });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each<[string, RequestListener, string]>([
    ['not JSON', (_q, r) => r.end('<html>'), 'agent_failed'],
    ['JSON of another shape', (_q, r) => r.end('{"a":1}'), 'agent_failed'],
    [
      'a code that is not in the table',
      (_q, r) => r.writeHead(500).end('{"error":"x","code":"zzz"}'),
      'agent_failed',
    ],
    [
      'a code of the table',
      (_q, r) => r.writeHead(503).end('{"error":"x","code":"unavailable"}'),
      'unavailable',
    ],
    ['a closed connection', (q) => q.socket.destroy(), 'agent_unreachable'],
  ])('%s', async (_name, listener, code) => {
    await serve(listener);
    await expect(client.call('sandbox.list', {}, {})).rejects.toMatchObject({ code });
  });

  test('a stream that ends without a result, and one with a strange line', async () => {
    await serve((request, response) => {
      response.writeHead(200);
      response.end(request.url === '/v1/watch' ? '' : '{"type":"step","step":"zzz"}\n');
    });
    await expect(client.call('watch', {}, {})).rejects.toMatchObject({ code: 'agent_unreachable' });
    await expect(client.call('sandbox.ensure', spec, {})).rejects.toMatchObject({ code: 'agent_failed' });
  });

  test('a refused upgrade gives the reason', async () => {
    await serve((_request, response) => {
      response.writeHead(409).end('{"error":"It does not run.","code":"sandbox_not_running"}');
    });
    await expect(client.openSsh(spec.id, new AbortController().signal)).rejects.toMatchObject({
      code: 'sandbox_not_running',
    });
  });
});

test('no socket, or a file that is none: unreachable', async () => {
  await expect(client.call('health', {}, {})).rejects.toMatchObject({ code: 'agent_unreachable' });
  await writeFile(socket, '');
  await expect(client.call('health', {}, {})).rejects.toMatchObject({ code: 'agent_unreachable' });
  await expect(client.openSsh(spec.id, new AbortController().signal)).rejects.toMatchObject({
    code: 'agent_unreachable',
  });
});

test('lines are the same however the bytes are cut', () => {
  const bytes = Buffer.from('{"a":"ü"}\n\n{"b":2}\n{"c":3}');
  for (let size = 1; size <= bytes.length; size++) {
    const values: unknown[] = [];
    const parser = new LineParser((value) => values.push(value));
    for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
    parser.end();
    expect(values).toEqual([{ a: 'ü' }, { b: 2 }, { c: 3 }]);
  }
  const parser = new LineParser(() => {});
  expect(() => parser.push(Buffer.alloc(AGENT_LINE_MAX_BYTES + 1))).toThrow('too long');
});
