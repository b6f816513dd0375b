import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHARS_PER_TOKEN, createAnswerMeter } from './meter';

const line = (type: string, body: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
const START = line('message_start', {
  message: {
    id: 'msg_1',
    model: 'claude-opus-4-5',
    usage: {
      ...{ input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 200 },
      ...{ cache_creation_input_tokens: 30, cache_creation: { ephemeral_1h_input_tokens: 20 } },
    },
  },
});
const delta = (text: string) =>
  line('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
const END = line('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 55 } });
const WHOLE = `${START}${line('ping', {})}${delta('Grüße, 世界')}${END}${line('message_stop', {})}`;
const counted = { input: 10, cacheRead: 200, cacheWrite: 30, cacheWriteHour: 20, model: 'claude-opus-4-5' };
const stream = { contentType: 'text/event-stream; charset=utf-8' };

async function read(bytes: Buffer, headers: { contentType: string; encoding?: string }, cuts: number[] = []) {
  const meter = createAnswerMeter({ contentType: headers.contentType, encoding: headers.encoding });
  const places = [...new Set(cuts.map((it) => it % (bytes.length + 1)))].sort((a, b) => a - b);
  for (const [at, from] of [0, ...places].entries())
    meter.push(bytes.subarray(from, places[at] ?? bytes.length));
  return meter.finish();
}

test('a stream is counted however it is cut, packed or not', async () => {
  const packings = fc.constantFrom<[string | undefined, (text: string) => Buffer]>(
    [undefined, (text) => Buffer.from(text)],
    ['gzip', (text) => gzipSync(text)],
    ['br', (text) => brotliCompressSync(text)],
  );
  await fc.assert(
    fc.asyncProperty(packings, fc.array(fc.nat(), { maxLength: 30 }), async ([encoding, pack], cuts) => {
      const headers = { ...stream, ...(encoding ? { encoding } : {}) };
      expect(await read(pack(WHOLE), headers, cuts)).toEqual({ ...counted, output: 55, exact: true });
    }),
    { numRuns: 60 },
  );
});

test('one that was cut off is counted by what it said', async () => {
  const text = 'word '.repeat(100);
  const figures = await read(Buffer.from(`${START}${delta(text)}${delta(text).slice(0, -9)}`), stream);
  expect(figures).toEqual({ ...counted, output: text.length / CHARS_PER_TOKEN, exact: false });
  const packed = gzipSync(`${START}${delta(text)}`);
  const cut = await read(packed.subarray(0, packed.length - 12), { ...stream, encoding: 'gzip' });
  expect(cut).toMatchObject({ input: 10, exact: false });
});

test('a whole answer is counted; what is no answer is not', async () => {
  const message = { type: 'message', model: 'm', usage: { input_tokens: 3, output_tokens: 4 } };
  const json = { contentType: 'application/json' };
  expect(await read(Buffer.from(JSON.stringify(message)), json)).toMatchObject({
    ...{ input: 3, output: 4, model: 'm', exact: true },
  });
  expect(await read(Buffer.from('x'.repeat(99)), { contentType: 'application/pdf' })).toMatchObject({
    output: 0,
  });
  for (const other of ['{"type":"error"}', '{"data":[]}', 'no JSON', '[1]', 'null', ''])
    expect(await read(Buffer.from(other), json)).toMatchObject({ input: 0, output: 0, exact: false });
});

test('what says its usage as others do is counted, whole or streamed, by its last figures', async () => {
  const json = { contentType: 'application/json' };
  const whole = (body: object) => read(Buffer.from(JSON.stringify(body)), json);
  expect(
    await whole({ type: 'completion', model: 'm', usage: { input_tokens: 3, output_tokens: 4 } }),
  ).toMatchObject({ input: 3, output: 4, model: 'm', exact: true });
  expect(await whole({ response: { usage: { prompt_tokens: 5, completion_tokens: 6 } } })).toMatchObject({
    ...{ input: 5, output: 6, exact: true },
  });
  const chunk = (usage: object | null) =>
    `data: ${JSON.stringify({ object: 'chunk', model: 'm', usage })}\n\n`;
  const streamed = `${chunk(null)}${chunk({ prompt_tokens: 7, completion_tokens: 1 })}${chunk({ completion_tokens: 8 })}`;
  expect(await read(Buffer.from(`${streamed}data: [DONE]\n\n`), stream)).toMatchObject({
    ...{ input: 7, output: 8, model: 'm', exact: true },
  });
});

test('nonsense and packings that are not known break nothing', async () => {
  const bad = `data: {"type":"message_start","message":{"usage":{"input_tokens":-5,"output_tokens":"x"}}}\n\ndata: {"usage"\n\n${END}`;
  expect(await read(Buffer.from(bad), stream)).toMatchObject({ input: 0, output: 0, exact: false });
  expect(await read(Buffer.from(WHOLE), { ...stream, encoding: 'zstd' })).toMatchObject({ exact: false });
  expect(await read(Buffer.from(WHOLE), { ...stream, encoding: 'gzip' })).toMatchObject({ exact: false });
});
