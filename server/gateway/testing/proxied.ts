/** A real API, the proxy before it, and a real byte stream into the proxy as out of a sandbox. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer as createHttp,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createNet } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Scope } from '../../../shared/lifecycle';
import type { Metering } from '../../usage/metering';
import { createAnthropicProxy } from '../anthropic-proxy';
import { createProviderTokens } from '../provider';
import type { NoUpstream, Upstream } from '../upstreams';

export const BOX = 'sproxytest000001';
export const KEY = 'sk-ant-REAL-KEY';
export const masterKey = randomBytes(32);
export const tokens = createProviderTokens(masterKey);
export const token = tokens.tokenFor(BOX);

export interface Seen {
  method: string;
  url: string;
  raw: string[];
  body: Buffer;
}

export async function openProxied(
  scope: Scope,
  options: {
    answer?: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
    base?: string;
    key?: 'apiKey' | 'authToken' | 'none';
    metering?: Metering;
    /** Of every session, at this address. */
    session?: (base: URL) => Upstream | NoUpstream;
  },
) {
  const seen: Seen[] = [];
  const upstream = createHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      seen.push({ method: request.method ?? '', url: request.url ?? '', raw: request.rawHeaders, body });
      (options.answer ?? ((_request, answer) => answer.end('{}')))(request, response, body);
    });
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  scope.add('upstream', upstream, (it) => {
    it.closeAllConnections();
    it.close();
  });
  const { port } = upstream.address() as AddressInfo; // a TCP server
  const logged: string[] = [];
  const log = pino(
    { level: 'trace' },
    new Writable({
      write(line, _encoding, done) {
        logged.push(String(line));
        done();
      },
    }),
  );
  const active: string[] = [];
  const proxy = scope.own(
    'proxy',
    createAnthropicProxy({
      masterKey,
      log,
      apiKey: (options.key ?? 'apiKey') === 'apiKey' ? KEY : undefined,
      authToken: options.key === 'authToken' ? KEY : undefined,
      baseUrl: `http://127.0.0.1:${port}${options.base ?? ''}`,
      onActivity: (id) => active.push(id),
      ...(options.metering ? { metering: options.metering } : {}),
      sessionUpstream: async () =>
        options.session?.(new URL(`http://127.0.0.1:${port}`)) ?? { refused: 'none' },
    }),
  );
  const entry = createNet((socket) => proxy.serve(BOX, socket));
  entry.listen(0, '127.0.0.1');
  await once(entry, 'listening');
  scope.add('entry', entry, (it) => {
    it.close();
  });
  return { seen, logged, active, upstream, proxy, port: (entry.address() as AddressInfo).port };
}

export interface Answer {
  status: number;
  raw: string[];
  body: Buffer;
}
export async function ask(
  port: number,
  path: string,
  options: { headers?: string[]; body?: Buffer; method?: string } = {},
): Promise<Answer> {
  const request = httpRequest({
    port,
    path,
    method: options.method ?? 'POST',
    headers: options.headers ?? ['host', 'x', 'authorization', `Bearer ${token}`],
    agent: false,
  });
  request.on('error', () => undefined);
  request.end(options.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode ?? 0, raw: response.rawHeaders, body: Buffer.concat(chunks) };
}

/** Values of a header. */
export function headers(raw: string[], name: string): string[] {
  return raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name);
}
