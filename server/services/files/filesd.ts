/**
 * filesd, one for each sandbox that somebody looks into: started on the sandbox's pooled connection, asked by HTTP on
 * its Unix socket, ended when nobody has asked for a while. What it answers is the sandbox's word and no more.
 */
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { AppError, toAppError } from '../../../shared/errors';
import type { GatewayConnections } from '../../gateway/connections';

const NODE = '/usr/local/bin/node';
const PROGRAM = '/usr/local/lib/cloud-claude/filesd.mjs';
/** What it may name as its socket: nothing else is ever dialled. */
const SOCKET = /^\/run\/cloud-claude\/files-[0-9a-f]{16}\.sock$/;
/** A tree that is looked at asks every few seconds; Node starts in 0.2 s. */
const IDLE_MS = 60_000;
/** Of a busy machine; 0.2 s is usual. */
const START_MAX_MS = 15_000;
const FIRST_LINE_MAX_BYTES = 4096;

export interface HelperRequest {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  path: string;
  /** Values of one name may be several. */
  query: Record<string, string | number | boolean | readonly string[] | null | undefined>;
  /** Its length is told with it. */
  body?: { stream: NodeJS.ReadableStream; bytes: number };
  signal?: AbortSignal | undefined;
}

export interface FilesHelper {
  /** The answer, whatever its status; reading it to its end or destroying it is the caller's. Throws AppError. */
  ask(sandboxId: string, request: HelperRequest): Promise<IncomingMessage>;
  close(): Promise<void>;
}

interface Running {
  dial(): Promise<Duplex>;
  stop(): void;
  ended: Promise<void>;
  active: number;
  idle: NodeJS.Timeout | null;
}

export function createFilesHelper(options: {
  connections: Pick<GatewayConnections, 'get'>;
  log: Logger;
}): FilesHelper {
  const { connections, log } = options;
  const running = new Map<string, Promise<Running>>();

  async function start(sandboxId: string): Promise<Running> {
    const connection = await connections.get(sandboxId);
    const pipes = await connection.pipes([NODE, PROGRAM]);
    pipes.on('error', () => undefined);
    const socket = await firstLine(pipes);
    const self: Running = {
      dial: () => connection.unix(socket),
      stop: () => pipes.destroy(),
      ended: new Promise((resolve) => pipes.once('close', () => resolve())),
      active: 0,
      idle: null,
    };
    return self;
  }

  function runningIn(sandboxId: string): Promise<Running> {
    const there = running.get(sandboxId);
    if (there) return there;
    const started = start(sandboxId);
    running.set(sandboxId, started);
    started.then(
      (it) => it.ended.then(() => forget(sandboxId, started)),
      () => forget(sandboxId, started),
    );
    return started;
  }

  function forget(sandboxId: string, which: Promise<Running>): void {
    if (running.get(sandboxId) === which) running.delete(sandboxId);
    void which.then(
      (it) => {
        if (it.idle) clearTimeout(it.idle);
        it.stop();
      },
      () => undefined,
    );
  }

  function begin(helper: Running): void {
    helper.active += 1;
    if (helper.idle) clearTimeout(helper.idle);
    helper.idle = null;
  }

  function end(sandboxId: string, helper: Running): void {
    helper.active -= 1;
    if (helper.active > 0) return;
    const which = running.get(sandboxId);
    if (!which) return;
    helper.idle = setTimeout(() => forget(sandboxId, which), IDLE_MS);
    helper.idle.unref();
  }

  /** On a way that may be dead already: `again` makes a second try on a new one. */
  async function attempt(sandboxId: string, given: HelperRequest, again: boolean): Promise<IncomingMessage> {
    const which = runningIn(sandboxId);
    const helper = await which;
    begin(helper);
    let stream: Duplex | null = null;
    try {
      stream = await helper.dial();
      stream.on('error', () => undefined);
      stream.once('close', () => end(sandboxId, helper));
      return await exchange(stream, given);
    } catch (error) {
      if (stream) stream.destroy();
      else end(sandboxId, helper);
      given.signal?.throwIfAborted();
      // What has a body may have been read from; before the dial nothing has.
      if (!again || (stream && given.body)) throw unavailable(error);
      log.debug({ sandbox: sandboxId, err: error }, 'the file helper is started again');
      forget(sandboxId, which);
      return attempt(sandboxId, given, false);
    }
  }

  return {
    ask: (sandboxId, given) => attempt(sandboxId, given, true),
    async close() {
      for (const [id, which] of running) forget(id, which);
    },
  };
}

function exchange(stream: Duplex, given: HelperRequest): Promise<IncomingMessage> {
  const { method, path, body, signal } = given;
  return new Promise((resolve, reject) => {
    const request = requestHttp({
      createConnection: () => stream,
      ...{ method, path: path + queryOf(given.query), host: 'files' },
      ...(signal ? { signal } : {}),
      headers: { connection: 'close', ...(body ? { 'content-length': body.bytes } : {}) },
    });
    request.once('response', (response) => {
      response.on('error', () => undefined);
      resolve(response);
    });
    request.on('error', reject);
    if (!body) {
      request.end();
      return;
    }
    // `pipeline` would destroy the browser's request with the helper's refusal, and the answer could not be sent.
    body.stream.pipe(request);
    const cut = () => request.destroy(new AppError('canceled', 'The upload was cut short.'));
    body.stream.once('error', cut);
    body.stream.once('close', () => {
      if (!request.writableEnded) cut();
    });
  });
}

function queryOf(query: HelperRequest['query']): string {
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === false) continue;
    if (value === true) pairs.push([name, '1']);
    else if (typeof value === 'object') for (const it of value) pairs.push([name, it]);
    else pairs.push([name, String(value)]);
  }
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

async function firstLine(pipes: Duplex & { exitCode: number | null }): Promise<string> {
  let text = '';
  const late = setTimeout(() => pipes.destroy(), START_MAX_MS);
  try {
    const ended = once(pipes, 'close').then(() => null);
    while (!text.includes('\n') && text.length < FIRST_LINE_MAX_BYTES) {
      const chunk: Buffer | null = pipes.read();
      if (chunk !== null) text += chunk.toString('utf8');
      else if ((await Promise.race([once(pipes, 'readable'), ended])) === null) break;
    }
  } finally {
    clearTimeout(late);
  }
  // From here on it says nothing; read, so that its end is seen.
  pipes.resume();
  const socket = /"socket":"([^"]+)"/.exec(text)?.[1] ?? '';
  if (SOCKET.test(socket)) return socket;
  const exitCode = pipes.exitCode;
  pipes.destroy();
  throw new AppError(
    'unavailable',
    'This sandbox cannot show its files. Rebuild it: its image may be older.',
    {
      cause: new Error(`filesd did not start (exit code ${exitCode})`),
    },
  );
}

function unavailable(error: unknown): AppError {
  const app = toAppError(error);
  return app.code === 'internal'
    ? new AppError('unavailable', 'The connection to the sandbox was lost.', { cause: error })
    : app;
}
