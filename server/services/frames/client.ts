/** Speaks shared/sandboxd-api.ts over a byte stream into a sandbox. */
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { AppError } from '../../../shared/errors';
import { FRAMES_HEARTBEAT_MS, sandboxdApi, sandboxdErrorSchema } from '../../../shared/sandboxd-api';

/** A stream of frames that is silent for longer than this is dead: a heartbeat was due twice. */
const SILENCE_MAX_MS = 2 * FRAMES_HEARTBEAT_MS + 5_000;
const ANSWER_MAX_BYTES = 256 * 1024;
/** Frames are below a megabyte each; a longer line is not one of ours. */
const LINE_MAX_CHARS = 16 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 15_000;

type Called = 'prompt' | 'interrupt';

/** Runs one operation to its end on a stream of its own. */
export async function callSandboxd<O extends Called>(
  stream: Duplex,
  operation: O,
  given: { id: string; input: z.input<(typeof sandboxdApi)[O]['input']> },
): Promise<z.output<(typeof sandboxdApi)[O]['output']>> {
  const { method, path, output } = sandboxdApi[operation];
  const body = JSON.stringify(given.input);
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    const response = await ask(stream, { method, path: path.replace('{id}', given.id), body, signal });
    const text = await textOf(response);
    if (response.statusCode !== 200) throw refusal(text);
    // The operation decides which of the outputs this is; zod has just checked it.
    return output.parse(JSON.parse(text)) as z.output<(typeof sandboxdApi)[O]['output']>;
  } finally {
    stream.destroy();
  }
}

/** Whole lines as they come; '' is a heartbeat. Ends when sandboxd ends it, throws when the stream breaks. */
export async function* readFrames(
  stream: Duplex,
  given: { id: string; from: number; signal: AbortSignal },
): AsyncGenerator<string> {
  const path = `${sandboxdApi.frames.path.replace('{id}', given.id)}?from=${given.from}&follow=1`;
  const silence = setTimeout(() => stream.destroy(new Error('sandboxd is silent')), SILENCE_MAX_MS);
  try {
    const response = await ask(stream, { method: 'GET', path, signal: given.signal });
    if (response.statusCode !== 200) throw refusal(await textOf(response));
    let rest = '';
    response.setEncoding('utf8');
    for await (const chunk of response) {
      silence.refresh();
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_MAX_CHARS)
        throw new AppError('unavailable', 'The sandbox sent a frame that is too long.');
      yield* lines;
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
