// Readers of a session over SSE and WebSocket, against a real sandboxd: whatever happens to them, no frame is lost or doubled.
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type Loopback, startLoopback } from '../gateway/testing/loopback';
import { startTestServer, type TestServer } from './testing';
import { addLoopbackBox, BOX } from './testing-box';

const MASTER = 'a-master-token-of-the-tests-0123456789';
/** By each of the two ways: 1,000 together. */
const RECONNECTS = 500;
let box: Loopback;
let server: TestServer;
beforeAll(async () => {
  box = await startLoopback();
  server = await startTestServer(
    { CLOUD_CLAUDE_TOKEN: MASTER, CLOUD_CLAUDE_MODE: 'headless' },
    { connections: box.connections },
  );
  await addLoopbackBox(server, box);
});
afterAll(async () => {
  await server?.stop();
  await box?.close();
});

const ask = (path: string, headers: Record<string, string> = {}) =>
  server.ask(path.replace('{id}', box.sessionId), {
    headers: { authorization: `Bearer ${MASTER}`, ...headers },
  });
/** Repeatable: the same points break in each run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

/** Reads some frames after `from` and goes away in the middle of them; by bytes, so that also events are cut. */
async function overSse(from: number, bytes: number): Promise<number[]> {
  const response = await ask('/sse/sessions/{id}', from === 0 ? {} : { 'last-event-id': String(from) });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (text.length < bytes) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  // Cut where the dice say: what an EventSource takes are whole events alone.
  const whole = text.slice(0, Math.max(bytes, text.indexOf('data:')));
  return [...whole.matchAll(/^id: (\d+)\nevent: [\w.]+\ndata: (\{.*\})\n\n/gm)].map((it) => {
    const { seq, session } = JSON.parse(it[2] ?? '') as { seq: number; session: string };
    // Not by expect: it would take longer than the reading.
    if (seq !== Number(it[1]) || session !== box.sessionId) throw new Error(`frame ${it[1]} holds ${it[2]}`);
    return seq;
  });
}

async function overWebSocket(from: number, count: number): Promise<number[]> {
  const url = `ws://127.0.0.1:${server.port}/ws/sessions/${box.sessionId}?from=${from}`;
  const socket = new WebSocket(url, ['json', `bearer.${MASTER}`]);
  const seqs: number[] = [];
  socket.on('message', (data) => {
    if (seqs.length === count) return;
    seqs.push((JSON.parse(String(data)) as { seq: number }).seq);
    if (seqs.length === count) socket.terminate();
  });
  await once(socket, 'close');
  return seqs;
}

test.each(['sse', 'websocket'] as const)(
  '%s: 500 of 1,000 times cut at random points',
  { timeout: 120_000 },
  async (how) => {
    const random = dice(how === 'sse' ? 7 : 11);
    const seen: number[] = [];
    let newest = await box.emit(200);
    for (let round = 0; round < RECONNECTS; round += 1) {
      const from = seen.at(-1) ?? 0;
      // Now and then frames come while nobody reads, now and then while somebody does.
      while (newest - from < 40) newest = await box.emit(Math.ceil(random() * 60));
      const writing = random() < 0.3 ? box.emit(Math.ceil(random() * 20)) : null;
      const got =
        how === 'sse'
          ? await overSse(from, 50 + Math.floor(random() * 4_000))
          : await overWebSocket(from, 1 + Math.floor(random() * 30));
      seen.push(...got);
      if (writing) newest = await writing;
    }
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, at) => 1 + at));
    expect(seen.length).toBeGreaterThan(RECONNECTS);
  },
);

test('all views tell the same, from any seq', async () => {
  const newest = await box.emit(10);
  const from = newest - 5;
  const transcript = await (await ask(`/api/sessions/{id}/transcript?from=${from}`)).json();
  expect(transcript).toMatchObject({ last_seq: newest, more: false });
  const page = await (await ask('/api/sessions/{id}/transcript?limit=3')).json();
  expect(page).toMatchObject({ last_seq: 3, more: true });
  const messages = (await (await ask('/api/sessions/{id}/messages')).json()) as {
    last_seq: number;
    messages: { id: number; seq: number; text: string }[];
  };
  expect(messages.last_seq).toBe(newest);
  const last = messages.messages.at(-1);
  expect(last?.seq).toBe(newest);
  // What grew after `since` comes whole, under the id it had.
  const since = await (await ask(`/api/sessions/{id}/chat?since=${newest - 1}`)).json();
  expect(since).toMatchObject({
    messages: [{ id: last?.id, seq: newest, text: last?.text }],
    partial: false,
  });
  expect(await (await ask('/api/sessions/{id}')).json()).toMatchObject({ last_seq: newest });
});

test('while the sandbox is stopped: what the database has', async () => {
  const { db } = server.parts;
  const tokens = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 };
  const times = { startedAt: new Date(), endedAt: new Date(), reason: 'completed', workMs: 1 };
  await db.turn.create({
    data: {
      ...{ sessionId: box.sessionId, turn: 1, prompt: 'hi', preview: 'hello', firstSeq: 1, lastSeq: 9 },
      ...tokens,
      ...times,
    },
  });
  await db.sandbox.update({ where: { id: BOX }, data: { state: 'stopped' } });
  expect(await (await ask('/api/sessions/{id}/chat')).json()).toMatchObject({
    ...{ last_seq: 9, partial: true },
    messages: [
      { role: 'user', text: 'hi' },
      { role: 'assistant', text: 'hello' },
    ],
  });
  expect((await ask('/api/sessions/{id}/transcript')).status).toBe(409);
  expect((await ask('/sse/sessions/{id}')).status).toBe(409);
  await db.turn.deleteMany();
  await db.sandbox.update({ where: { id: BOX }, data: { state: 'running' } });
});

test('a reader that stops reading is waited for and gets all', async () => {
  const from = await box.emit(1);
  const url = `ws://127.0.0.1:${server.port}/ws/sessions/${box.sessionId}?from=${from}`;
  const socket = new WebSocket(url, ['json', `bearer.${MASTER}`]);
  const seqs: number[] = [];
  socket.on('message', (data) => seqs.push((JSON.parse(String(data)) as { seq: number }).seq));
  await once(socket, 'open');
  socket.pause();
  const newest = await box.emit(30_000);
  socket.resume();
  while (seqs.at(-1) !== newest) await once(socket, 'message');
  expect(seqs).toEqual(Array.from({ length: newest - from }, (_, at) => from + 1 + at));
  socket.close();
});

describe('a token that is revoked in the middle', () => {
  const mint = async () => {
    const made = await server.ask('/api/tokens', {
      method: 'POST',
      headers: { authorization: `Bearer ${MASTER}`, 'content-type': 'application/json' },
      body: JSON.stringify({ label: 'x', scopes: ['*'], sandbox_id: BOX }),
    });
    const { plaintext, token } = (await made.json()) as { plaintext: string; token: { id: string } };
    return { token: plaintext, id: token.id };
  };
  /** How long it took from the answer to the revocation, ms. */
  async function revoked(id: string, ended: Promise<unknown>): Promise<number> {
    const headers = { authorization: `Bearer ${MASTER}` };
    const answer = await server.ask(`/api/tokens/${id}`, { method: 'DELETE', headers });
    expect(answer.status).toBe(204);
    const from = performance.now();
    await ended;
    return performance.now() - from;
  }
  test.each([
    '/sse/sessions/{id}',
    '/sse/sessions/{id}/chat',
    '/api/sessions/{id}/events',
    '/api/sessions/{id}/frames',
    '/api/events',
  ])('cuts %s within a second', async (path) => {
    const { token, id } = await mint();
    const response = await ask(path, { authorization: `Bearer ${token}` });
    const reader = response.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    const ended = (async () => {
      for (;;) if ((await reader?.read())?.done !== false) return;
    })();
    expect(await revoked(id, ended)).toBeLessThan(1_000);
    expect((await ask(path, { authorization: `Bearer ${token}` })).status).toBe(401);
  });
  test.each(['/ws/sessions/{id}', '/api/sessions/{id}/stream'])('cuts %s within a second', async (path) => {
    const { token, id } = await mint();
    const url = `ws://127.0.0.1:${server.port}${path.replace('{id}', box.sessionId)}`;
    const socket = new WebSocket(url, ['json', `bearer.${token}`]);
    await once(socket, 'message');
    const ended = once(socket, 'close');
    expect(await revoked(id, ended)).toBeLessThan(1_000);
    expect((await ended)[0]).toBe(4401);
  });
  test('cuts a prompt that waits for its answer within a second', async () => {
    const { token, id } = await mint();
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ prompt: 'nobody answers here' });
    const sent = server.ask(`/api/sessions/${box.sessionId}/send`, { method: 'POST', headers, body });
    const { sockets } = server.parts;
    await expect.poll(() => 'size' in sockets && sockets.size).toBe(1);
    expect(await revoked(id, sent)).toBeLessThan(1_000);
    expect((await sent).status).toBe(401);
  });
});

test('a prompt that nobody answers in time: 408 with what was heard of it', async () => {
  const response = await server.ask(`/api/sessions/${box.sessionId}/send`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MASTER}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'hello', timeout_ms: 300 }),
  });
  expect([response.status, await response.json()]).toEqual([
    408,
    {
      ...{ error: 'timeout', code: 'timeout', session: box.sessionId, last_seq: expect.any(Number) },
      ...{ turn: null, messages: [], closed: false, partial: true },
    },
  ]);
});

test('the end of a session is told as such', async () => {
  const from = await box.emit(1);
  const url = `ws://127.0.0.1:${server.port}/ws/sessions/${box.sessionId}?from=${from}`;
  const socket = new WebSocket(url, ['json', `bearer.${MASTER}`]);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const events = await ask(`/sse/sessions/{id}?from=${from}`);
  const text = events.text();
  const chat = await ask(`/sse/sessions/{id}/chat?since=${from}`);
  const chatText = chat.text();
  await box.exit();
  const [code, reason] = await closed;
  expect([code, String(reason)]).toEqual([1000, 'session ended']);
  expect(await text).toMatch(/event: end\ndata: \{\}\n\n$/);
  expect(await chatText).toMatch(/event: end\ndata: \{\}\n\n$/);
});
