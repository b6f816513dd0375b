/**
 * HTTP on a Unix socket for the gateway: JSON for what is small, bytes for contents and archives, lines for watching.
 * Everybody who can open the socket is the sandbox's user already, so it asks for nothing more.
 */
import { closeSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import {
  FILE_PAGE_ENTRIES,
  FILE_TEXT_BODY_MAX_BYTES,
  FILE_TEXT_MAX_BYTES,
  FILE_WATCH_HEARTBEAT_MS,
  FILE_WATCH_MAX_FOLDERS,
} from '../../shared/file-limits';
import { partsOf } from '../../shared/file-names';
import { archiveOf } from './archive';
import { makeFolder, move, remove } from './changes';
import type { Root } from './confined';
import { openFile, readText, sourceOf, streamFile, writeFile } from './contents';
import { etagOf, listFolder, statOf } from './entries';
import { listeningPorts } from './listening';
import { Refusal, refusalOf } from './refusal';
import { watchFolders } from './watch';

export interface ServerOptions {
  roots: Readonly<Record<string, Root>>;
  /** Ports that are our own and not told. */
  ownPorts: ReadonlySet<number>;
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  query: URLSearchParams;
}
type Handler = (call: Call) => Promise<void> | void;

const statusOf: Record<Refusal['code'], number> = {
  ...{ invalid_input: 400, forbidden: 403, not_found: 404, name_taken: 409, conflict: 409, canceled: 409 },
  ...{ wrong_state: 409, too_large: 413, internal: 500 },
};

function answer(response: ServerResponse, body: unknown, status = 200): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function partsFrom(path: string | null): string[] {
  const parts = partsOf(path ?? '');
  if (parts === null) throw new Refusal('invalid_input', 'This path is not valid.');
  return parts;
}

function numberFrom(text: string | null, fallback: number): number {
  const value = text === null ? fallback : Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Refusal('invalid_input', 'This number is not valid.');
  return value;
}

export function createFilesServer({ roots, ownPorts }: ServerOptions): Server {
  const rootOf = (name: string | null): Root => {
    const root = name !== null && Object.hasOwn(roots, name) ? roots[name] : undefined;
    if (!root) throw new Refusal('invalid_input', 'There is no such root.');
    return root;
  };
  const placeOf = (query: URLSearchParams) => ({
    root: rootOf(query.get('root')),
    parts: partsFrom(query.get('path')),
  });

  const handlers: Record<string, Handler> = {
    'GET /ports': ({ response }) => answer(response, { ports: listeningPorts(ownPorts) }),
    'GET /list': ({ query, response }) => {
      const { root, parts } = placeOf(query);
      const limit = Math.min(numberFrom(query.get('limit'), FILE_PAGE_ENTRIES), FILE_PAGE_ENTRIES);
      const from = numberFrom(query.get('from'), 0);
      const hidden = query.get('hidden') === '1';
      answer(response, listFolder(root, { root: query.get('root') ?? '', parts, from, limit, hidden }));
    },
    'GET /stat': ({ query, response }) => {
      const { root, parts } = placeOf(query);
      answer(response, statOf(root, parts));
    },
    'GET /text': ({ query, response }) => {
      const { root, parts } = placeOf(query);
      answer(response, readText(root, { root: query.get('root') ?? '', parts }));
    },
    'GET /content': sendContent,
    'GET /archive': sendArchive,
    'GET /watch': sendChanges,
    'PUT /text': async ({ request, response, query }) => {
      const { root, parts } = placeOf(query);
      const text = await bodyOf(request);
      if (Buffer.byteLength(text) > FILE_TEXT_MAX_BYTES)
        throw new Refusal('too_large', `A text may have ${FILE_TEXT_MAX_BYTES / 1024 / 1024} MiB.`);
      answer(response, await writeFile(root, parts, { ...sourceOf(text), conditions: conditionsOf(query) }));
    },
    'PUT /content': async ({ request, response, query }) => {
      const { root, parts } = placeOf(query);
      const bytes = numberFrom(request.headers['content-length'] ?? null, -1);
      if (query.get('parents') === '1') makeFolder(root, parts.slice(0, -1), true);
      const given = { source: request, bytes, conditions: conditionsOf(query) };
      answer(response, await writeFile(root, parts, given));
    },
    'POST /folder': ({ query, response }) => {
      const { root, parts } = placeOf(query);
      makeFolder(root, parts, query.get('parents') === '1');
      answer(response, {});
    },
    'POST /move': ({ query, response }) => {
      const from = placeOf(query);
      move(from, {
        root: rootOf(query.get('to_root') ?? query.get('root')),
        parts: partsFrom(query.get('to')),
      });
      answer(response, {});
    },
    'DELETE /entry': ({ query, response }) => {
      const { root, parts } = placeOf(query);
      remove(root, parts, query.get('recursive') === '1');
      answer(response, {});
    },
  };

  async function sendContent({ query, response }: Call): Promise<void> {
    const { root, parts } = placeOf(query);
    const { fd, stat } = openFile(root, parts);
    const start = Math.min(numberFrom(query.get('start'), 0), stat.size);
    const end = Math.min(numberFrom(query.get('end'), Number.MAX_SAFE_INTEGER), stat.size - 1);
    response.writeHead(200, {
      'content-length': Math.max(0, end - start + 1),
      'x-file-size': stat.size,
      'x-file-etag': etagOf(stat),
      'x-file-time': stat.mtime.toISOString(),
    });
    if (end < start || query.get('head') === '1') {
      closeSync(fd);
      response.end();
      return;
    }
    // A file that shrinks meanwhile ends the answer short of its announced length, which the reader sees.
    await pipeline(streamFile(fd, { start, end }), response);
  }

  async function sendArchive({ query, response }: Call): Promise<void> {
    const { root, parts } = placeOf(query);
    const archive = archiveOf(root, parts);
    response.on('close', () => archive.stop());
    response.writeHead(200, { 'content-type': 'application/gzip' });
    await pipeline(archive.stream, response, { end: false });
    await archive.done;
    response.end();
  }

  async function sendChanges({ query, response }: Call): Promise<void> {
    const root = rootOf(query.get('root'));
    const folders = query.getAll('path').slice(0, FILE_WATCH_MAX_FOLDERS).map(partsFrom);
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write('\n');
    const watched = watchFolders(root, folders, (path) => response.write(`${JSON.stringify({ path })}\n`));
    const heartbeat = setInterval(() => response.write('\n'), FILE_WATCH_HEARTBEAT_MS);
    await new Promise<void>((resolve) => response.once('close', resolve));
    clearInterval(heartbeat);
    watched.close();
  }

  return createServer({ requestTimeout: 0 }, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://files');
    const handler = handlers[`${request.method} ${url.pathname}`];
    const run = async () => {
      if (!handler) throw new Refusal('not_found', 'There is no such operation.');
      await handler({ request, response, query: url.searchParams });
    };
    run().catch((error: unknown) => {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      const { code, message } = refusalOf(error);
      response.setHeader('connection', 'close');
      answer(response, { code, error: message }, statusOf[code]);
    });
  });
}

function conditionsOf(query: URLSearchParams) {
  return { ifMatch: query.get('if_match') ?? undefined, ifNoneMatch: query.get('create') === '1' };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const data = Buffer.from(chunk);
    size += data.length;
    if (size > FILE_TEXT_BODY_MAX_BYTES) throw new Refusal('too_large', 'This text is too large.');
    chunks.push(data);
  }
  return Buffer.concat(chunks).toString('utf8');
}
