// Root of a sandbox may put another sandboxd in the place of ours. One that never ends: nobody holds what it tells.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Loopback, startLoopback } from '../gateway/testing/loopback';
import { startTestServer, type TestServer } from './testing';
import { addLoopbackBox, BOX } from './testing-box';

const MASTER = 'a-master-token-of-the-tests-0123456789';
const text = 'x'.repeat(200_000);
const frame = (seq: number, turn: number) =>
  JSON.stringify({
    ...{ seq, session: box.sessionId, ts: '2026-11-22T00:00:00.000Z', turn, kind: 'text.delta' },
    data: { role: 'assistant', messageId: `m${seq}`, block: 0, offset: 0, text },
  });
let box: Loopback;
let endless: Server;
let victim: TestServer;
const askVictim = (path: string) =>
  victim.ask(path.replace('{id}', box.sessionId), { headers: { authorization: `Bearer ${MASTER}` } });
beforeAll(async () => {
  box = await startLoopback();
  endless = createServer((_request, response) => {
    let seq = 0;
    const more = () => {
      while (!response.destroyed) {
        seq += 1;
        if (!response.write(`${frame(seq, seq)}\n`)) return void response.once('drain', more);
      }
    };
    more();
  }).listen(0, '127.0.0.1');
  await once(endless, 'listening');
  const { port } = endless.address() as AddressInfo;
  const real = await box.connections.get(BOX);
  const unix = async () => {
    const made = connect(port, '127.0.0.1');
    await once(made, 'connect');
    return made;
  };
  const opened = { unix, exec: real.exec, tcp: real.tcp } as unknown as typeof real;
  victim = await startTestServer(
    { CLOUD_CLAUDE_TOKEN: MASTER, CLOUD_CLAUDE_MODE: 'headless' },
    { connections: { ...box.connections, get: async () => opened } },
  );
  await addLoopbackBox(victim, box);
});
afterAll(async () => {
  await victim?.stop();
  endless?.closeAllConnections();
  endless?.close();
  await box?.close();
});

test('a transcript is a page that ends', async () => {
  const page = (await (await askVictim('/api/sessions/{id}/transcript')).json()) as {
    more: boolean;
    frames: unknown[];
  };
  expect(page.more).toBe(true);
  expect(page.frames.length).toBeLessThan(100);
});

test.each(['messages', 'chat'])('%s: refused, and not held for each who asks', async (what) => {
  const answers = await Promise.all([1, 2, 3].map(() => askVictim(`/api/sessions/{id}/${what}`)));
  for (const answer of answers) {
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: 'The sandbox told more than a session holds.' });
  }
});

test('the slim chat as events ends with an error', async () => {
  const response = await askVictim('/sse/sessions/{id}/chat');
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let end = '';
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done) break;
    end = (end + decoder.decode(value, { stream: true })).slice(-400);
  }
  expect(end).toContain('event: error');
  expect(end).toContain('told more than a session holds');
});
