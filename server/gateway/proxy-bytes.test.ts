/** What an API answers when something is wrong with it arrives as it was sent: status, headers and every byte. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Scope } from '../../shared/lifecycle';
import { openProxied, token } from './testing/proxied';

let scope = new Scope();
afterEach(async () => {
  await scope.close();
  scope = new Scope();
});

const error = (type: string) =>
  `{"type":"error","error":{"type":"${type}","message":"naïve ☃"},"request_id":"req_1"}`;
const events = [
  'event: message_start\ndata: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":1}}}\n\n',
  'event: ping\ndata: {"type": "ping"}\n\n: a comment\n\n',
];
const broken =
  'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
const chunked = (texts: readonly string[], end = '0\r\n\r\n') =>
  texts.map((it) => `${Buffer.byteLength(it).toString(16)}\r\n${it}\r\n`).join('') + end;
const whole = (body: string) => [`Content-Length: ${Buffer.byteLength(body)}`];
/** Of one hop: how the body is framed there, and how long the connection is kept. */
const OF_A_HOP = /^(connection|keep-alive|transfer-encoding):/i;

interface Said {
  status: string;
  headers: string[];
  /** As it was sent: framed. */
  sent: string;
  body: string;
  /** The connection breaks before the end. */
  cut?: boolean;
}
const json = 'Content-Type: application/json';
const stream = ['Content-Type: text/event-stream; charset=utf-8', 'Transfer-Encoding: chunked'];
const plain = (status: string, type: string, ...more: string[]): Said => ({
  ...{ status, headers: [json, 'Request-Id: req_1', ...more, ...whole(error(type))] },
  ...{ sent: error(type), body: error(type) },
});
const cases: [name: string, said: Said][] = [
  ['401', plain('401 Unauthorized', 'authentication_error', 'x-should-retry: false')],
  [
    '429 with its time and its figures',
    plain(
      ...['429 Too Many Requests', 'rate_limit_error'],
      ...[
        'retry-after: 17',
        'Anthropic-RateLimit-Requests-Remaining: 0',
        'anthropic-ratelimit-unified-5h-status: x',
      ],
    ),
  ],
  ['529 with words of its own', plain('529 Site is overloaded', 'overloaded_error', 'x-should-retry: true')],
  ['413', plain('413 Payload Too Large', 'request_too_large', 'Set-Cookie: a=1', 'Set-Cookie: b=2')],
  [
    'no JSON',
    {
      status: '502 Bad Gateway',
      headers: ['Server: cloudflare', ...whole('<html>')],
      sent: '<html>',
      body: '<html>',
    },
  ],
  [
    'an error in the middle of a stream',
    {
      ...{ status: '200 OK', headers: ['request-id: req_2', ...stream] },
      ...{ sent: chunked([...events, broken]), body: [...events, broken].join('') },
    },
  ],
  [
    'a stream that breaks off',
    {
      ...{ status: '200 OK', headers: stream, sent: chunked(events, ''), body: events.join(''), cut: true },
    },
  ],
  [
    'an answer that breaks off',
    {
      status: '200 OK',
      headers: [json, 'Content-Length: 100'],
      sent: '{"type":',
      body: '{"type":',
      cut: true,
    },
  ],
  [
    'an answer that ends with its connection',
    { status: '200 OK', headers: [json, 'Connection: close'], sent: '{"a":1}', body: '{"a":1}' },
  ],
];

test.each(cases)('%s', async (_name, said) => {
  const { port, upstream } = await openProxied(scope, {});
  upstream.removeAllListeners('connection').on('connection', (socket: Socket) => {
    socket.once('data', () => {
      socket.write([`HTTP/1.1 ${said.status}`, ...said.headers, '', said.sent].join('\r\n'));
      if (said.cut) setImmediate(() => socket.resetAndDestroy());
      else socket.end();
    });
  });
  const socket = connect(port, '127.0.0.1');
  const request = ['POST /proxy/anthropic/v1/messages HTTP/1.1', 'host: x', `x-api-key: ${token}`];
  socket.write([...request, 'content-length: 2', 'connection: close', '', '{}'].join('\r\n'));
  const chunks: Buffer[] = [];
  socket.on('data', (it: Buffer) => chunks.push(it)).on('error', () => undefined);
  await once(socket, 'close');

  const [head = '', ...rest] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  const [status, ...headers] = head.split('\r\n');
  expect(status).toBe(`HTTP/1.1 ${said.status}`);
  const passed = (list: string[]) => list.filter((it) => !OF_A_HOP.test(it));
  expect(passed(headers)).toEqual(passed(said.headers));
  const { text, ended } = unframed(rest.join('\r\n\r\n'), headers);
  expect(text).toBe(said.body);
  expect(ended).toBe(!said.cut);
});

/** The body, and whether it says itself that it is whole. */
function unframed(body: string, headers: string[]): { text: string; ended: boolean } {
  if (!headers.some((it) => /^transfer-encoding: chunked$/i.test(it))) {
    const length = Number(headers.find((it) => /^content-length:/i.test(it))?.split(':')[1]);
    return { text: body, ended: Buffer.byteLength(body) === length };
  }
  let left = Buffer.from(body);
  let text = '';
  for (;;) {
    const line = left.indexOf('\r\n');
    const size = line < 0 ? -1 : Number.parseInt(left.toString('latin1', 0, line), 16);
    if (size <= 0) return { text, ended: size === 0 };
    text += left.toString('utf8', line + 2, line + 2 + size);
    left = left.subarray(line + 2 + size + 2);
  }
}
