/** A Claude API whose words are the times at which they are sent: `bench COUNT PAUSE_MS` asks for COUNT of them. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Of a stream without pauses: after so many words the event loop has a turn. */
const WORDS_AT_ONCE = 50;

/** Milliseconds since the epoch with their fractions: the same clock in each process of a machine. */
export const now = (): number => performance.timeOrigin + performance.now();

export async function startFramesApi(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      if (!request.url?.startsWith('/v1/messages')) return void response.writeHead(404).end();
      // The last one: the conversation before it is sent along.
      const [, count = '1', pause = '0'] = [...body.matchAll(/bench (\d+) (\d+)/g)].at(-1) ?? [];
      const title = body.includes('You are naming a coding session');
      void answer(
        response,
        title ? { count: 1, pauseMs: 0 } : { count: Number(count), pauseMs: Number(pause) },
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  response: ServerResponse,
  { count, pauseMs }: { count: number; pauseMs: number },
): Promise<void> {
  const send = (type: string, fields: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', model: 'claude-opus-5-5' };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  send('message_start', { message: { ...message, content: [], stop_reason: null, usage } });
  send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
  for (let at = 0; at < count && !response.destroyed; at += 1) {
    const delta = { type: 'text_delta', text: `${now().toFixed(3)} ` };
    const room = send('content_block_delta', { index: 0, delta });
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    else if (!room) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    else if (at % WORDS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  send('content_block_stop', { index: 0 });
  send('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: count } });
  send('message_stop', {});
  response.end();
}
