/**
 * A scripted Anthropic API on loopback for the real Claude Code: streams what script.ts decides and keeps every
 * request, so that a test can look at what arrived and under which key. Tests in another process ask for that at
 * `GET /scripted/requests` and let a held stream go on with `POST /scripted/release/NAME`.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer, type MessagesRequest } from './script';
import { encode, events, message } from './stream';

export interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface ScriptedApi {
  url: string;
  requests: RecordedRequest[];
  /** Lets every stream that waits at `hold NAME`, now or later, go on. */
  release(name: string): void;
  close(): Promise<void>;
}

/** Requests must carry `key` as `x-api-key` or as a bearer token; without it they get Anthropic's 401. */
export async function startAnthropicApi(options: { key: string }): Promise<ScriptedApi> {
  const requests: RecordedRequest[] = [];
  const holds = new Map<string, PromiseWithResolve>();
  const holdOf = (name: string): PromiseWithResolve => {
    const hold = holds.get(name) ?? promiseWithResolve();
    holds.set(name, hold);
    return hold;
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((cause: unknown) =>
      response.destroy(Error('scripted API failed', { cause })),
    );
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const path = request.url ?? '/';
    if (path === '/scripted/requests') {
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify(requests));
    }
    if (path.startsWith('/scripted/release/')) {
      holdOf(path.slice('/scripted/release/'.length)).resolve();
      return void response.writeHead(204).end();
    }
    requests.push({ method: request.method ?? '', path, headers: request.headers, body });
    const route = `${request.method} ${path.split('?')[0]}`;
    if (route === 'HEAD /api/hello') return void response.writeHead(200).end();
    if (route !== 'POST /v1/messages') return fail(response, 404, 'not_found_error');
    const { authorization, 'x-api-key': apiKey } = request.headers;
    if (apiKey !== options.key && authorization !== `Bearer ${options.key}`) {
      return fail(response, 401, 'authentication_error');
    }
    await reply(JSON.parse(body) as MessagesRequest, response); // the client is Claude Code itself
  }

  async function reply(request: MessagesRequest, response: ServerResponse): Promise<void> {
    if (request.model.startsWith('not-a-model'))
      return fail(response, 404, 'not_found_error', `model: ${request.model}`);
    const parts = answer(request);
    if (parts.some((it) => it.type === 'too long')) {
      return fail(
        response,
        400,
        'invalid_request_error',
        'prompt is too long: 250000 tokens > 200000 maximum',
      );
    }
    if (!request.stream) {
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify(message(request.model, parts)));
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    });
    for (const event of events(request.model, parts)) {
      if (event.type === 'hold')
        await Promise.race([holdOf(String(event.name)).promise, once(response, 'close')]);
      else if (event.type === 'drop') return void setImmediate(() => response.destroy());
      else response.write(encode(event));
      if (response.destroyed) return;
    }
    response.end();
  }

  // On a busy machine a request may meet a connection that is closed for being idle.
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server has this shape
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    release: (name) => holdOf(name).resolve(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Promise.withResolvers is not in Node 20. */
interface PromiseWithResolve {
  promise: Promise<void>;
  resolve: () => void;
}
function promiseWithResolve(): PromiseWithResolve {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function fail(
  response: ServerResponse,
  status: number,
  type: string,
  message = `scripted API: ${type}`,
): void {
  const error = { type: 'error', error: { type, message } };
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(error));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
