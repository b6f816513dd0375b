/** Speaks shared/sandboxd-api.ts over a byte stream into a sandbox. */
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { AppError } from '../../../shared/errors';
import {
  FRAMES_HEARTBEAT_MS,
  MODEL_SWITCH_MAX_MS,
  type SandboxdSession,
  sandboxdApi,
  sandboxdErrorSchema,
} from '../../../shared/sandboxd-api';

/** A stream of frames that is silent for longer than this is dead: a heartbeat was due twice. */
const SILENCE_MAX_MS = 2 * FRAMES_HEARTBEAT_MS + 5_000;
/** An exchange holds two bodies of 4 MB at most, as JSON texts, and a stream's events. */
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
/** Frames are below a megabyte each; a longer line is not one of ours. */
const LINE_MAX_CHARS = 16 * 1024 * 1024;
/** A summary's texts are short; many are held, one for each session. */
const SUMMARY_MAX_CHARS = 256 * 1024;
const ANSWER_TIMEOUT_MS = 15_000;

/** Operations of one session that answer one JSON text; `watch` and `frames` are streams. */
export type SandboxdCall = Exclude<keyof typeof sandboxdApi, 'health' | 'sessions' | 'watch' | 'frames'>;
export type SandboxdInput<O extends SandboxdCall> = z.output<(typeof sandboxdApi)[O]['input']>;
export type SandboxdOutput<O extends SandboxdCall> = z.output<(typeof sandboxdApi)[O]['output']>;

/** Runs one operation to its end on a stream of its own. `exchange` is for the operation of that name. */
export async function callSandboxd<O extends SandboxdCall>(
  stream: Duplex,
  operation: O,
  given: { id: string; input: SandboxdInput<O>; exchange?: number },
): Promise<SandboxdOutput<O>> {
  const { method, path: template, output } = sandboxdApi[operation];
  const asked = method === 'GET' ? queryOf(given.input) : '';
  const path = template.replace('{id}', given.id).replace('{exchange}', String(given.exchange ?? ''));
  // A switch of the model is confirmed by Claude Code before it is answered.
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS + (operation === 'model' ? MODEL_SWITCH_MAX_MS : 0));
  try {
    const response = await ask(stream, {
      ...{ method, path: path + asked, signal },
      ...(method === 'GET' ? {} : { body: JSON.stringify(given.input) }),
    });
    const text = await textOf(response);
    if (response.statusCode !== 200) throw refusal(text);
    // The operation decides which of the outputs this is; zod has just checked it.
    return output.parse(JSON.parse(text)) as SandboxdOutput<O>;
  } finally {
    stream.destroy();
  }
}

/** One request that is no session's, such as `/hooks`; its answer is the caller's to check. */
export async function askSandboxd(
  stream: Duplex,
  asked: { method: 'GET' | 'PUT' | 'POST'; path: string; body?: unknown; withinMs: number },
): Promise<unknown> {
  const { method, path, body } = asked;
  try {
    const response = await ask(stream, {
      ...{ method, path, signal: AbortSignal.timeout(asked.withinMs) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await textOf(response);
    if (response.statusCode !== 200) throw refusal(text);
    return json(text);
  } finally {
    stream.destroy();
  }
}

function queryOf(input: object): string {
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return query === '' ? '' : `?${query}`;
}

/** Frames of a session, one to a line; those that are there, unless it is to `follow`. */
export function readFrames(
  stream: Duplex,
  given: { id: string; from: number; follow: boolean; signal: AbortSignal },
): AsyncGenerator<string> {
  const follow = given.follow ? '&follow=1' : '';
  const path = `${sandboxdApi.frames.path.replace('{id}', given.id)}?from=${given.from}${follow}`;
  return readLines(stream, { path, signal: given.signal });
}

/** What sandboxd knows of one session now; null: nothing yet. */
export async function readSummary(
  stream: Duplex,
  given: { id: string; signal: AbortSignal },
): Promise<SandboxdSession | null> {
  const { method, path, output } = sandboxdApi.sessions;
  try {
    const response = await ask(stream, { method, path, signal: given.signal });
    const text = await textOf(response);
    if (response.statusCode !== 200) throw refusal(text);
    return output.parse(JSON.parse(text)).sessions.find((it) => it.id === given.id) ?? null;
  } finally {
    stream.destroy();
  }
}

/** Summaries of all sessions, one to a line, then each again when it has changed. */
export function readWatch(stream: Duplex, given: { signal: AbortSignal }): AsyncGenerator<string> {
  const { path } = sandboxdApi.watch;
  return readLines(stream, { path, signal: given.signal, lineMax: SUMMARY_MAX_CHARS });
}

/** Whole lines as they come; '' is a heartbeat. Ends when sandboxd ends it, throws when the stream breaks. */
async function* readLines(
  stream: Duplex,
  given: { path: string; signal: AbortSignal; lineMax?: number },
): AsyncGenerator<string> {
  const { path, lineMax = LINE_MAX_CHARS } = given;
  // A reader that takes its time is not sandboxd's silence: it may stand still as long as it likes.
  let held = false;
  const silence = setTimeout(() => {
    if (held) silence.refresh();
    else stream.destroy(new Error('sandboxd is silent'));
  }, SILENCE_MAX_MS);
  try {
    const response = await ask(stream, { method: 'GET', path, signal: given.signal });
    if (response.statusCode !== 200) throw refusal(await textOf(response));
    let rest = '';
    response.setEncoding('utf8');
    for await (const chunk of response) {
      silence.refresh();
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > lineMax)
        throw new AppError('unavailable', 'The sandbox sent a frame that is too long.');
      held = true;
      yield* lines;
      held = false;
      silence.refresh();
    }
  } finally {
    clearTimeout(silence);
    stream.destroy();
  }
}

async function ask(
  stream: Duplex,
  options: { method: string; path: string; body?: string; signal: AbortSignal },
): Promise<IncomingMessage> {
  const { body, signal, method, path } = options;
  const request = requestHttp({
    createConnection: () => stream,
    method,
    path,
    host: 'sandboxd',
    signal,
    headers: {
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      connection: 'close',
    },
  });
  request.end(body);
  const [response] = await once(request, 'response');
  return response;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const data = Buffer.from(chunk);
    size += data.length;
    if (size > ANSWER_MAX_BYTES) throw new AppError('unavailable', 'The sandbox answered too much.');
    chunks.push(data);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusal(text: string): AppError {
  const parsed = sandboxdErrorSchema.safeParse(json(text));
  if (!parsed.success) return new AppError('unavailable', 'The sandbox did not answer as expected.');
  const { code, error } = parsed.data;
  return code === 'internal' ? new AppError('unavailable', error) : new AppError(code, error);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
