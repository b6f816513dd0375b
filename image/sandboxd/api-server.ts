/** The operations of shared/sandboxd-api.ts on a Unix socket. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { z } from 'zod';
import {
  FRAMES_HEARTBEAT_MS,
  PROMPT_MAX_BYTES,
  sandboxdApi,
  type sandboxdErrorSchema,
} from '../../shared/sandboxd-api';
import { readJournal } from './journal-reader';
import type { Entry, Sessions } from './sessions';

type ErrorCode = z.output<typeof sandboxdErrorSchema>['code'];
const STATUS: Record<ErrorCode, number> = {
  invalid_input: 400,
  not_found: 404,
  conflict: 409,
  limit_reached: 409,
  unavailable: 503,
  internal: 500,
};
/** JSON may write one byte as six (\u0001). */
const BODY_MAX_BYTES = 6 * PROMPT_MAX_BYTES + 1024;

class Refused extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export async function startApiServer(options: {
  socket: string;
  sessions: Sessions;
  log: (message: string, fields?: Record<string, unknown>) => void;
}): Promise<{ close(): Promise<void> }> {
  const { sessions } = options;
  const started = Date.now();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://sandboxd');
    const route = `${request.method} ${url.pathname}`;
    if (route === 'GET /health') {
      const { pid } = process;
      const rssBytes = process.memoryUsage.rss();
      return say(response, { pid, uptimeMs: Date.now() - started, rssBytes, sessions: sessions.size });
    }
    if (route === 'GET /sessions') return say(response, { sessions: sessions.views() });
    const [, method, id = '', operation] =
      /^(GET|POST) \/sessions\/([^/]+)\/(frames|prompt|interrupt)$/.exec(route) ?? [];
    const entry = sessions.get(id);
    if (!entry) throw new Refused('not_found', 'There is no such session here.');
    if (method === 'GET' && operation === 'frames') return frames(entry, url, response);
    if (method === 'POST' && operation === 'prompt') return prompt(entry, await bodyOf(request), response);
    if (method === 'POST' && operation === 'interrupt')
      return say(response, { sent: await sessions.interrupt(entry) });
    throw new Refused('not_found', 'There is no such operation.');
  }

  async function frames({ session }: Entry, url: URL, response: ServerResponse): Promise<void> {
    const input = sandboxdApi.frames.input.safeParse(Object.fromEntries(url.searchParams));
    if (!input.success) throw new Refused('invalid_input', 'from is a seq.');
    const { from = 0, follow = false } = input.data;
    const ended = new AbortController();
    response.once('close', () => ended.abort());
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write('\n');
    }, FRAMES_HEARTBEAT_MS);
    try {
      const place = { session: session.id, from, follow, signal: ended.signal };
      for await (const lines of readJournal(session.recorder.journal, place)) {
        if (!response.write(lines)) await once(response, 'drain', { signal: ended.signal });
      }
    } catch (error) {
      if (!ended.signal.aborted) throw error;
    } finally {
      clearInterval(heartbeat);
      response.end();
    }
  }

  function prompt({ queue }: Entry, body: string, response: ServerResponse): void {
    const input = sandboxdApi.prompt.input.safeParse(parse(body));
    if (!input.success || input.data.text.trim() === '')
      throw new Refused('invalid_input', 'A prompt is a text.');
    if (Buffer.byteLength(input.data.text) > PROMPT_MAX_BYTES)
      throw new Refused('invalid_input', 'A prompt has at most 1 MB.');
    const place = queue.add(input.data.text, input.data.id);
    if (!place) throw new Refused('limit_reached', 'Too many prompts wait in this session.');
    say(response, place);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy();
      const refused =
        error instanceof Refused ? error : new Refused('internal', 'sandboxd could not do this.');
      if (refused !== error) options.log('request failed', { error: String(error) });
      request.resume();
      say(response, { code: refused.code, error: refused.message }, STATUS[refused.code]);
    });
  });
  // Only one sandboxd runs; the socket of one that died is in the way.
  rmSync(options.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function say(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const data = Buffer.from(chunk);
    size += data.length;
    if (size > BODY_MAX_BYTES) throw new Refused('invalid_input', 'The request is too large.');
    chunks.push(data);
  }
  return Buffer.concat(chunks).toString('utf8');
}
