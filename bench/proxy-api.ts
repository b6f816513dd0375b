/** A Claude API as a program of its own: streams as many words as the request's `max_tokens`, one each `pace_ms`. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const WORDS_AT_ONCE = 20;
const event = (type: string, fields: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const message = {
  ...{ id: 'msg_bench', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [] },
  ...{ stop_reason: null, stop_sequence: null, usage: { input_tokens: 10, output_tokens: 1 } },
};
const start =
  event('message_start', { message }) +
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
const word = event('content_block_delta', {
  index: 0,
  delta: { type: 'text_delta', text: 'one word more ' },
});
const end = (words: number) =>
  event('content_block_stop', { index: 0 }) +
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: words } }) +
  event('message_stop', {});

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text) => {
    body += text;
  });
  request.on('end', async () => {
    const words = Number(/"max_tokens": ?(\d+)/.exec(body)?.[1] ?? 1);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const pace = Number(/"pace_ms": ?(\d+)/.exec(body)?.[1] ?? 0);
    response.write(start);
    for (let sent = 0; pace > 0 && sent < words && !response.destroyed; sent += 1) {
      response.write(word);
      await delay(pace);
    }
    for (let sent = pace > 0 ? words : 0; sent < words && !response.destroyed; sent += WORDS_AT_ONCE) {
      const room = response.write(word.repeat(Math.min(WORDS_AT_ONCE, words - sent)));
      if (!room) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    response.end(end(words));
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo; // a TCP server
process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
