// Runs inside of a sandbox, as root: Anthropic's API on 443, with the key and the certificate of /tmp. Answers each prompt
// with its own words.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const certified = { key: readFileSync('/tmp/api-key'), cert: readFileSync('/tmp/api-certificate') };
const server = createServer(certified, (request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text) => {
    body += text;
  });
  request.on('end', () => {
    const send = (type, fields) =>
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
    const usage = { input_tokens: 12, output_tokens: 1 };
    const message = { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', model: 'scripted' };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    send('message_start', { message: { ...message, content: [], stop_reason: null, usage } });
    send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
    const text = JSON.parse(body).messages[0].content.slice('say '.length);
    send('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
    send('content_block_stop', { index: 0 });
    send('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 34 } });
    send('message_stop', {});
    response.end();
  });
});
server.listen(443, '127.0.0.1');
