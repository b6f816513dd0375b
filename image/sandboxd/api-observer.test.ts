import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createApiObserver, type Exchange, type ExchangeSink } from './api-observer';
import type { MessageEvent } from './message-events';

const EVENTS = [
  {
    type: 'message_start',
    message: { id: 'msg_1', model: 'm', usage: { input_tokens: 7, output_tokens: 1 } },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'ping' },
  { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'añ€' } },
  { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: '😀 b' } },
  { type: 'content_block_stop', index: 1 },
  {
    type: 'content_block_start',
    index: 2,
    content_block: { type: 'tool_use', id: 't1', name: 'Bash', input: {} },
  },
  { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"command":' } },
  { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '"ls"}' } },
  { type: 'content_block_stop', index: 2 },
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } },
  { type: 'message_stop' },
];
const SSE = Buffer.from(EVENTS.map((it) => `event: ${it.type}\ndata: ${JSON.stringify(it)}\n\n`).join(''));
const WANTED: MessageEvent[] = [
  { type: 'start', messageId: 'msg_1', model: 'm' },
  { type: 'piece', messageId: 'msg_1', block: 0, channel: 'thinking', at: 0, text: 'hm' },
  { type: 'piece', messageId: 'msg_1', block: 1, channel: 'text', at: 0, text: 'añ€' },
  { type: 'piece', messageId: 'msg_1', block: 1, channel: 'text', at: 3, text: '😀 b' },
  { type: 'tool', messageId: 'msg_1', toolUseId: 't1', tool: 'Bash', input: { command: 'ls' } },
  {
    type: 'end',
    messageId: 'msg_1',
    usage: { model: 'm', input: 7, output: 9, cacheRead: 0, cacheWrite: 0, stopReason: 'tool_use' },
  },
];

const REQUEST_BODY = JSON.stringify({
  model: 'm',
  messages: [{ content: 'x "tools":[{ x' }],
  tools: [{ name: 'Bash' }],
});
const request = (body: string, path = '/v1/messages?beta=true') =>
  Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nX-Claude-Code-Session-Id: s1\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
function chunked(head: string, body: Buffer, size: number): Buffer {
  const parts: Buffer[] = [Buffer.from(`HTTP/1.1 200 OK\r\n${head}transfer-encoding: chunked\r\n\r\n`)];
  for (let at = 0; at < body.length; at += size) {
    const data = body.subarray(at, at + size);
    parts.push(Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

function watched() {
  const events: MessageEvent[] = [];
  const exchanges: Exchange[] = [];
  const asked: Parameters<ExchangeSink['requestEnd']>[0][] = [];
  const seen = { request: '', answer: '', names: [] as string[], status: 0, bytes: 0 };
  const ends: boolean[] = [];
  const observer = createApiObserver((exchange) => {
    exchanges.push(exchange);
    return {
      requestBody: (data) => {
        seen.request += data.toString();
      },
      requestEnd: (it) => asked.push(it),
      answerHead: (status) => {
        seen.status = status;
      },
      event: (name) => seen.names.push(name),
      message: (it) => events.push(it),
      answerText: (text) => {
        seen.answer = text;
      },
      answerBytes: (length) => {
        seen.bytes += length;
      },
      end: (cut) => ends.push(cut),
    };
  });
  return { observer, events, exchanges, asked, seen, cuts: ends, ends: () => ends.length };
}

/** Cuts the bytes at any places. */
function pieces(data: Buffer, cuts: number[]): Buffer[] {
  const places = [...new Set(cuts.map((it) => it % data.length))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => data.subarray(from, places[i] ?? data.length));
}

test('reads a streamed answer whatever the borders of chunks and reads', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(20_000)),
      fc.array(fc.nat(20_000)),
      fc.integer({ min: 1, max: 900 }),
      (a, b, size) => {
        const { observer, events, exchanges, asked, ends } = watched();
        const answer = chunked('content-type: text/event-stream; charset=utf-8\r\n', SSE, size);
        // Two on one kept-alive connection.
        for (let i = 1; i <= 2; i++) {
          for (const data of pieces(request(REQUEST_BODY), a)) observer.request(data);
          for (const data of pieces(answer, b)) observer.response(data);
          expect(events.splice(0)).toEqual(WANTED);
          expect(ends()).toBe(i);
        }
        expect(exchanges[0]).toMatchObject({ claudeId: 's1', agent: undefined, method: 'POST' });
        expect(asked[0]).toEqual({ message: true, tools: true, model: 'm' });
      },
    ),
    { numRuns: 80 },
  );
});

test('reads a plain answer, with a length', () => {
  const { observer, events } = watched();
  const body = JSON.stringify({
    ...{ id: 'msg_1', type: 'message', model: 'm', stop_reason: 'end_turn' },
    content: [{ type: 'text', text: 'whole' }],
    usage: { input_tokens: 1, output_tokens: 2 },
  });
  observer.request(request(REQUEST_BODY));
  observer.response(
    Buffer.from(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    ),
  );
  expect(events.map((it) => it.type)).toEqual(['start', 'piece', 'end']);
});

test('unpacks gzip', async () => {
  const { observer, events, ends } = watched();
  observer.request(request(REQUEST_BODY));
  observer.response(
    chunked('content-type: text/event-stream\r\ncontent-encoding: gzip\r\n', gzipSync(SSE), 50),
  );
  await expect.poll(ends).toBe(1);
  expect(events).toEqual(WANTED);
});

test('tells a request without tools, errors, other paths and a cut answer', () => {
  const side = watched();
  side.observer.request(request(JSON.stringify({ messages: [{ content: '"tools":[{' }] })));
  side.observer.response(chunked('content-type: text/event-stream\r\n', SSE, 100));
  expect(side.asked).toEqual([{ message: true, tools: false, model: undefined }]);

  const failed = watched();
  failed.observer.request(request(REQUEST_BODY));
  failed.observer.response(Buffer.from('HTTP/1.1 529 Overloaded\r\ncontent-length: 2\r\n\r\n{}'));
  failed.observer.request(request('{}', '/v1/messages/count_tokens'));
  failed.observer.response(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'));
  expect(failed.events).toEqual([]);
  expect(failed.ends()).toBe(2);
  expect(failed.seen).toMatchObject({ status: 200, answer: '{}', request: `${REQUEST_BODY}{}` });
  expect(failed.asked.map((it) => it.message)).toEqual([true, false]);

  const cut = watched();
  cut.observer.request(request(REQUEST_BODY));
  cut.observer.response(chunked('content-type: text/event-stream\r\n', SSE, 100).subarray(0, 600));
  cut.observer.closed();
  expect(cut.cuts).toEqual([true]);
  expect(cut.events.at(-1)?.type).not.toBe('end');
});
