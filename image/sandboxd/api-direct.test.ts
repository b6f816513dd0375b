// The way to Anthropic for Claude's own log-in, against a TLS server of our own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiTap, startApiTap } from './api-tap';

const SESSION = '01234567-89ab-4cde-8f01-23456789abcd';
let folder: string;
let upstream: Server;
let tap: ApiTap;
const seen: { start: string; headers: string[]; body: Buffer; protocol: string | null }[] = [];
const watched = { request: '', response: '', closed: 0 };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cc-direct-'));
  const at = (name: string) => join(folder, name);
  const certificate = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', [
    ...[...certificate, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-keyout', at('key'), '-out', at('cert')],
  ]);
  upstream = createServer(
    { key: readFileSync(at('key')), cert: readFileSync(at('cert')) },
    (message, answer) => {
      const chunks: Buffer[] = [];
      message.on('data', (data: Buffer) => chunks.push(data));
      message.on('end', () => {
        const { method, url, rawHeaders } = message;
        const protocol = 'alpnProtocol' in message.socket ? String(message.socket.alpnProtocol) : null;
        seen.push({ start: `${method} ${url}`, headers: rawHeaders, body: Buffer.concat(chunks), protocol });
        answer.writeHead(200, ['Content-Type', 'text/event-stream', 'X-Odd', 'As It Is']);
        answer.write('data: one\n\n');
        setImmediate(() => answer.end('data: two\n\n'));
      });
    },
  );
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  tap = await startApiTap({
    port: 0,
    gatewaySocket: join(folder, 'gateway'),
    direct: {
      host: 'localhost',
      // A TCP server has this shape.
      port: (upstream.address() as AddressInfo).port,
      authorities: readFileSync(join(folder, 'cert')),
    },
    observe: () => ({
      request: (data) => {
        watched.request += data.toString('latin1');
      },
      response: (data) => {
        watched.response += data.toString('latin1');
      },
      closed: () => {
        watched.closed += 1;
      },
    }),
  });
});
afterAll(async () => {
  await tap.close();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true });
});

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
function ask(path: string, headers: string[], body: Buffer): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      port: tap.port,
      host: '127.0.0.1',
      method: 'POST',
      path,
      headers,
      setHost: false,
    };
    const asked = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (data: string) => {
        text += data;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

test('passes requests and answers as they are, but for the prefix and the host, on one kept connection', async () => {
  const body = Buffer.alloc(600_000, 'a "tools":[{ \u0001');
  const headers = [
    'hOst',
    '127.0.0.1:1',
    'X-Twice',
    'a',
    'x-twice',
    'b',
    'Authorization',
    'Bearer of-a-subscription',
  ];
  for (const transfer of [
    ['Content-Length', String(body.length)],
    ['Transfer-Encoding', 'chunked'],
  ]) {
    const answer = await ask(`/direct/${SESSION}/v1/messages?beta=true`, [...headers, ...transfer], body);
    expect(answer).toEqual({ status: 200, text: 'data: one\n\ndata: two\n\n' });
    const { start, headers: got, body: arrived, protocol } = seen.at(-1) ?? { headers: [] };
    expect({ start, protocol }).toEqual({ start: 'POST /v1/messages?beta=true', protocol: 'http/1.1' });
    expect(got?.slice(0, 8)).toEqual(['hOst', 'localhost', ...headers.slice(2)]);
    expect(arrived?.equals(body)).toBe(true);
  }
  expect(watched.request).toContain(`POST /direct/${SESSION}/v1/messages?beta=true HTTP/1.1`);
  expect(watched.response).toContain('X-Odd: As It Is');
  expect(watched.closed).toBe(0);
});

test('says that Anthropic is out of reach, as the API would say that it is overloaded', async () => {
  const { port } = upstream.address() as AddressInfo;
  const lost = await startApiTap({
    port: 0,
    gatewaySocket: join(folder, 'gateway'),
    // Nobody there trusts this certificate.
    direct: { host: 'localhost', port, authorities: Buffer.alloc(0) },
  });
  const answer = await fetch(`http://127.0.0.1:${lost.port}/direct/${SESSION}/v1/messages`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ type: 'error', error: { type: 'api_error' } });
  await lost.close();
});
