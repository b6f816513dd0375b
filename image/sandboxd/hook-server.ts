/**
 * Takes Claude Code's http hooks on loopback. Whoever posts shows the session's token, which session-run made and gave
 * to this one Claude. Every known hook is answered 204 or with an opinion, whatever becomes of it: Claude shows anything
 * else to its user.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, timingSafeEqual } from './builtins';
import type { HookEvent } from './hook-events';
import { object, string } from './message-events';
import { isSessionId } from './session-id';

/** A tool's answer can be large; more than this is not read to its end. */
const HOOK_BODY_MAX_BYTES = 16 * 1024 * 1024;

export interface HookServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startHookServer(options: {
  port: number;
  /** Holds `<session>/hook-token`. */
  sessionsFolder: string;
  /** Resolves with the answer's body, or undefined for none. The signal ends with the connection. */
  take: (session: string, event: HookEvent, signal: AbortSignal) => Promise<unknown>;
  /** As `take`, on `/ask`: only what users' hooks say, as the event itself comes another way. */
  ask: (session: string, event: HookEvent, signal: AbortSignal) => Promise<unknown>;
  onError: (error: unknown) => void;
}): Promise<HookServer> {
  const server = createServer((request, response) => {
    const session = String(request.headers['x-cloud-claude-session'] ?? '');
    if (request.method !== 'POST' || !allowed(options.sessionsFolder, session, request)) {
      request.resume();
      response.writeHead(401).end();
      return;
    }
    const closed = new AbortController();
    response.once('close', () => closed.abort());
    void bodyOf(request)
      .then((body) => {
        const payload = object(JSON.parse(body));
        // The status line is no hook: it posts what it was told, which names no event.
        const name = request.url === '/status' ? 'StatusLine' : string(payload.hook_event_name);
        const taker = request.url === '/ask' ? options.ask : options.take;
        return taker(session, { name, payload }, closed.signal);
      })
      .catch(options.onError)
      .then((answer) => {
        // What was held until its connection closed has nobody to answer.
        if (closed.signal.aborted) return;
        if (answer === undefined || answer === null) response.writeHead(204).end();
        else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // a TCP server has this shape
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function allowed(folder: string, session: string, request: IncomingMessage): boolean {
  if (!isSessionId(session)) return false;
  try {
    const token = readFileSync(join(folder, session, 'hook-token'), 'utf8').trim();
    const expected = Buffer.from(`Bearer ${token}`);
    const given = Buffer.from(request.headers.authorization ?? '');
    return token.length >= 32 && given.length === expected.length && timingSafeEqual(given, expected);
  } catch {
    return false;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const data = chunk as Buffer; // no encoding is set
    size += data.length;
    if (size > HOOK_BODY_MAX_BYTES) throw new Error('a hook is too large');
    chunks.push(data);
  }
  return Buffer.concat(chunks).toString('utf8');
}
