/**
 * A scripted Anthropic API on loopback for the real Claude Code: streams what script.ts decides and keeps every
 * request, so that a test can look at what arrived and under which key. Tests in another process ask for that at
 * `GET /scripted/requests` and let a held stream go on with `POST /scripted/release/NAME`.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPromptCache } from './prompt-cache';
import { answer, type MessagesRequest, type Part } from './script';
import { encode, events, message } from './stream';

export interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** By a clock that only goes on, ms. */
  at: number;
}

export interface ScriptedApi {
  url: string;
  requests: RecordedRequest[];
  /** Lets every stream that waits at `hold NAME`, now or later, go on. */
  release(name: string): void;
  close(): Promise<void>;
}

/**
 * Requests must carry `key` as `x-api-key` or as a bearer token; without it they get Anthropic's 401. `caching`: the
 * figures of an answer follow from the request, as with prompt caching; otherwise they are always the same.
 */
export async function startAnthropicApi(options: { key: string; caching?: boolean }): Promise<ScriptedApi> {
  const requests: RecordedRequest[] = [];
  const cached = options.caching ? createPromptCache() : null;
  const failed = new Map<string, number>();
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
    requests.push({
      ...{ method: request.method ?? '', path, headers: request.headers, body },
      at: performance.now(),
    });
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
    const parts = answer(request).filter((it) => it.type !== 'fail' || failsNow(it));
    const fault = parts.find((it) => it.type === 'fail');
    if (fault && fault.how !== 'drop' && fault.how !== 'error') return failWith(response, fault.how);
    const read = cached?.(request);
    if (read === null) return fail(response, 400, 'invalid_request_error', 'too many cache_control marks');
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
      return void response.end(JSON.stringify(message(request.model, parts, read)));
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    });
    for (const event of events(request.model, parts, read)) {
      if (event.type === 'hold')
        await Promise.race([holdOf(String(event.name)).promise, once(response, 'close')]);
      else if (event.type === 'drop' || (event.type === 'fail' && event.how === 'drop'))
        return void setImmediate(() => response.destroy());
      else if (event.type === 'fail') return void response.end(BROKEN);
      else response.write(encode(event));
      if (response.destroyed) return;
    }
    response.end();
  }

  function failsNow({ times, of }: Extract<Part, { type: 'fail' }>): boolean {
    const before = failed.get(of) ?? 0;
    failed.set(of, before + 1);
    return before < times;
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

/** In the middle of a stream, as Anthropic documents it. */
const BROKEN =
  'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';

function failWith(response: ServerResponse, status: '401' | '429' | '529'): void {
  // The one is not worth a second try; the other says when.
  if (status === '401') response.setHeader('x-should-retry', 'false');
  if (status === '429') response.setHeader('retry-after', '1');
  const types = { '401': 'authentication_error', '429': 'rate_limit_error', '529': 'overloaded_error' };
  fail(response, Number(status), types[status]);
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
