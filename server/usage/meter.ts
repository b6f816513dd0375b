/**
 * Reads tokens out of an answer of the API as it passes, without touching a byte of it: the Messages API's, and what
 * else says its `usage` in a place and in words that are common.
 */
import type { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { TokenCounts } from '../../shared/usage';

/** One event of a stream, or a whole answer; what is larger is not read and is estimated. */
const TEXT_MAX_CHARS = 32 * 1024 * 1024;
/** Waiting to be unpacked: an answer that comes faster than that is counted by estimate. */
const UNPACK_MAX_BYTES = 16 * 1024 * 1024;
/** `data: {"type":` and spaces. */
const TYPE_WITHIN_CHARS = 32;
/** Of English text, by Anthropic's own rule of thumb. Only for answers that were cut off. */
export const CHARS_PER_TOKEN = 4;

export interface MeterFigures extends TokenCounts {
  model: string | null;
  /** The API said how many tokens it wrote; otherwise they are counted by their text. */
  exact: boolean;
}

export interface AnswerMeter {
  push(chunk: Buffer): void;
  /** What is known now. Waits for what is still being unpacked; `push` is over. */
  finish(): Promise<MeterFigures>;
}

type Json = Record<string, unknown>;

/** `headers`: of the answer, names in lower case. */
export function createAnswerMeter(headers: {
  contentType: string | undefined;
  encoding: string | undefined;
}): AnswerMeter {
  const counts = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 };
  let model: string | null = null;
  let exact = false;
  let written = 0;
  let text = '';
  // Files and the like say nothing of what they cost.
  let broken = !/\b(json|event-stream)\b/.test(headers.contentType ?? 'json');
  const decoder = new StringDecoder('utf8');
  const streamed = /\btext\/event-stream\b/.test(headers.contentType ?? '');

  const take = (usage: Json) => {
    const set = (key: keyof TokenCounts, value: unknown) => {
      if (typeof value === 'number' && Number.isFinite(value) && value >= 0) counts[key] = Math.floor(value);
    };
    set('input', usage.input_tokens ?? usage.prompt_tokens);
    set('output', usage.output_tokens ?? usage.completion_tokens);
    set('cacheRead', usage.cache_read_input_tokens);
    set('cacheWrite', usage.cache_creation_input_tokens);
    set('cacheWriteHour', object(usage.cache_creation).ephemeral_1h_input_tokens);
  };
  const event = (body: Json) => {
    if (body.type === 'message_start') whole(object(body.message));
    else if (body.type === 'message_delta') {
      take(object(body.usage));
      exact = true;
    } else other(body);
  };
  /** Of an API that we do not know: the last figures count, as streams tell them so far or at their end. */
  const other = (body: Json) => {
    const told = [body, object(body.message), object(body.response)].find((it) => isObject(it.usage));
    if (!told) return;
    whole(told);
    exact = true;
  };
  const whole = (message: Json) => {
    if (typeof message.model === 'string') model = message.model;
    take(object(message.usage));
  };
  const read = (more: string) => {
    text += more;
    if (text.length > TEXT_MAX_CHARS) throw new Error('an answer is too long to be read');
    if (!streamed) return;
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(0, end).split('\n'))
      if (isDelta(line)) written += lastStringOf(line);
      else if (line.startsWith('data:') && line.includes('"usage"')) event(object(JSON.parse(line.slice(5))));
    text = text.slice(end);
  };
  /** Whatever is wrong with an answer is the client's to find: it is only not counted exactly. */
  const safely = (work: () => void) => {
    if (broken) return;
    try {
      work();
    } catch {
      broken = true;
      text = '';
    }
  };
  const unpacked = unpackerOf(headers.encoding);
  if (unpacked === 'unknown') broken = true;
  const unpack = unpacked === 'unknown' ? null : unpacked;
  let over = unpack === null;
  unpack?.on('data', (data: Buffer) => safely(() => read(decoder.write(data))));
  // One that was cut ends with an error: what was read until then counts.
  for (const name of ['end', 'error', 'close']) unpack?.on(name, () => (over = true));

  return {
    push(chunk) {
      if (broken) return;
      if (unpack) {
        unpack.write(chunk);
        if (unpack.writableLength > UNPACK_MAX_BYTES) broken = true;
      } else safely(() => read(decoder.write(chunk)));
    },
    async finish() {
      if (unpack && !over)
        await new Promise<void>((resolve) => {
          unpack.once('end', resolve).once('error', () => resolve());
          unpack.end();
        });
      if (!streamed)
        safely(() => {
          const message = object(JSON.parse(text));
          if (message.type === 'message') {
            whole(message);
            exact = true;
          } else other(message);
        });
      if (!exact) counts.output = Math.max(counts.output, Math.ceil(written / CHARS_PER_TOKEN));
      return { ...counts, model, exact: exact && !broken };
    },
  };
}

function unpackerOf(encoding: string | undefined): Transform | null | 'unknown' {
  if (encoding === undefined || encoding === 'identity') return null;
  const make = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress }[encoding];
  if (!make) return 'unknown';
  return make();
}

/** Nearly all of a stream, word for word: measured, not parsed. The type stands first, as the API writes it. */
function isDelta(line: string): boolean {
  const at = line.indexOf('"content_block_delta"');
  return at >= 0 && at < TYPE_WITHIN_CHARS && line.startsWith('data:');
}

/** Characters of the last string in a line of JSON, escapes as they stand: `":"` is in no string. */
function lastStringOf(line: string): number {
  return Math.max(0, line.lastIndexOf('"') - line.lastIndexOf('":"') - 3);
}

const object = (value: unknown): Json => (isObject(value) ? value : {});

/** Every object read from JSON is a Json. */
function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
