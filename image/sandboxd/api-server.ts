/** The operations of shared/sandboxd-api.ts on a Unix socket. */
import { readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { z } from 'zod';
import type { sandboxdErrorSchema } from '../../shared/sandboxd-api';
import { PROMPT_MAX_BYTES } from '../../shared/sandboxd-limits';
import { createServer } from './builtins';
import { listCommands } from './commands';
import { findFiles } from './files';
import type { HooksAnswer } from './hooks/api';
import { inputs } from './inputs';
import { object } from './message-events';
import { ModelRefused } from './model-switch';
import type { Entry, Sessions } from './sessions';
import { streamFrames, streamViews } from './streams';

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
const TURNS_MAX = 100;

class Refused extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

interface Asked {
  request: IncomingMessage;
  response: ServerResponse;
  query: Record<string, string>;
  /** The path's part behind the operation. */
  rest: string;
}

export async function startApiServer(options: {
  socket: string;
  home: string;
  sessions: Sessions;
  log: (message: string, fields?: Record<string, unknown>) => void;
  /** `/hooks` and what is below it. */
  hooks: (asked: {
    route: string;
    body: Record<string, unknown>;
    signal: AbortSignal;
  }) => Promise<HooksAnswer>;
}): Promise<{ close(): Promise<void> }> {
  const { sessions, home } = options;
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
    if (route === 'GET /sessions/watch') return streamViews(response, sessions);
    if (/^\/hooks(\/|$)/.test(url.pathname)) {
      const closed = new AbortController();
      response.once('close', () => closed.abort());
      const asked = { route, body: await jsonOf(request), signal: closed.signal };
      const { status, body } = await options.hooks(asked);
      return say(response, body, status);
    }
    const [, method = '', id = '', name = '', rest = ''] =
      /^(GET|POST) \/sessions\/([^/]+)\/([a-z]+)(?:\/([^/]+))?$/.exec(route) ?? [];
    const entry = sessions.get(id);
    if (!entry) throw new Refused('not_found', 'There is no such session here.');
    const operation = operations[`${method} ${name}`];
    if (!operation) throw new Refused('not_found', 'There is no such operation.');
    const query = Object.fromEntries(url.searchParams);
    const body = await operation(entry, { request, response, query, rest });
    if (body !== undefined) say(response, body);
  }

  /** What an operation gives is its answer; nothing when it has written one itself. */
  const operations: Record<string, (entry: Entry, asked: Asked) => unknown> = {
    'GET frames': (entry, { response, query }) =>
      streamFrames(response, entry, checked(inputs.frames(query), 'from is a seq.')),
    'GET turns'({ session }, { query }) {
      const { after = 0 } = checked(inputs.after(query), 'after is the number of a turn.');
      return { turns: session.recorder.turnFile.after(after, TURNS_MAX) };
    },
    async 'POST prompt'({ queue }, { request }) {
      const { text, id } = checked(inputs.prompt(await jsonOf(request)), 'A prompt is a text.');
      if (text.trim() === '') throw new Refused('invalid_input', 'A prompt is a text.');
      if (Buffer.byteLength(text) > PROMPT_MAX_BYTES)
        throw new Refused('invalid_input', 'A prompt has at most 1 MB.');
      return placed(queue.add(text, { id }));
    },
    async 'POST command'({ queue }, { request }) {
      const given = inputs.command(await jsonOf(request));
      const { command, id } = checked(given, 'A command is one line that begins with /.');
      return placed(queue.add(command.trim(), { id, command: true }));
    },
    async 'POST interrupt'(entry, { request }) {
      request.resume();
      return { sent: await sessions.interrupt(entry) };
    },
    async 'POST answer'(entry, { request }) {
      const given = inputs.answer(await jsonOf(request));
      const { requestId, decision } = checked(given, 'An answer names a request and a decision.');
      return { accepted: sessions.answer(entry, requestId, decision) };
    },
    async 'POST model'(entry, { request }) {
      const given = inputs.model(await jsonOf(request));
      const { model } = checked(given, 'A model is a name such as opus or claude-opus-5-5.');
      return { model: await sessions.switchModel(entry, model) };
    },
    async 'POST raw'({ bytes }, { request }) {
      const { on } = checked(inputs.raw(await jsonOf(request)), 'on is true or false.');
      await bytes.set(on);
      return { on };
    },
    'GET commands': async ({ session }) => ({
      commands: await listCommands({ home, workdir: workdirOf(session.id) }),
    }),
    async 'GET files'({ session }, { query, response }) {
      const input = checked(inputs.files(query), 'query is a text.');
      const closed = new AbortController();
      response.once('close', () => closed.abort());
      return { paths: await findFiles(workdirOf(session.id) ?? home, input.query, closed.signal) };
    },
    async 'GET exchanges'({ session }, { query, rest }) {
      if (rest !== '') {
        const exchange = /^[1-9]\d{0,15}$/.test(rest) ? await session.exchanges.get(Number(rest)) : null;
        if (!exchange) throw new Refused('not_found', 'There is no such exchange any more.');
        return exchange;
      }
      const { after = 0 } = checked(inputs.after(query), 'after is the number of an exchange.');
      return { exchanges: session.exchanges.list(after) };
    },
  };

  /** Where the session was started, as session-run wrote it down. */
  function workdirOf(id: string): string | null {
    try {
      return readFileSync(join(home, '.cloud-claude/sessions', id, 'workdir'), 'utf8').trim() || null;
    } catch {
      return null;
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy();
      const refused = refusalOf(error);
      if (refused.code === 'internal') options.log('request failed', { error: String(error) });
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

function refusalOf(error: unknown): Refused {
  if (error instanceof Refused) return error;
  if (error instanceof ModelRefused) return new Refused('conflict', error.message);
  return new Refused('internal', 'sandboxd could not do this.');
}

function checked<T>(input: T | null, message: string): T {
  if (input === null) throw new Refused('invalid_input', message);
  return input;
}

function placed<T>(place: T | null): T {
  if (place === null) throw new Refused('limit_reached', 'Too many prompts wait in this session.');
  return place;
}

function say(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function jsonOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const data = chunk as Buffer; // no encoding is set
    size += data.length;
    if (size > BODY_MAX_BYTES) throw new Refused('invalid_input', 'The request is too large.');
    chunks.push(data);
  }
  try {
    return object(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch {
    return {};
  }
}
