import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Demultiplexer } from './frames';

function frame(stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function demultiplex(chunks: Buffer[]): Promise<{ out: Buffer; err: Buffer }> {
  const err: Buffer[] = [];
  const out: Buffer[] = [];
  const stream = new Demultiplexer((chunk) => err.push(Buffer.from(chunk)));
  const read = (async () => {
    for await (const chunk of stream) out.push(chunk as Buffer);
  })();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await read;
  return { out: Buffer.concat(out), err: Buffer.concat(err) };
}

test('frames cut anywhere give the same two streams', async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 12,
  });
  const cuts = fc.array(fc.nat(600), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(frames, cuts, async (list, places) => {
      const wire = Buffer.concat(list.map(([stream, data]) => frame(stream, Buffer.from(data))));
      const edges = [0, ...places.filter((it) => it < wire.length).sort((a, b) => a - b), wire.length];
      const chunks = edges.slice(1).map((end, at) => wire.subarray(edges[at], end));
      const { out, err } = await demultiplex(chunks);
      const expected = (which: number) =>
        Buffer.concat(list.filter(([stream]) => stream === which).map(([, data]) => Buffer.from(data)));
      expect(out).toEqual(expected(1));
      expect(err).toEqual(expected(2));
    }),
    { numRuns: 200 },
  );
});

test('an unknown stream number and a cut frame are errors', async () => {
  await expect(demultiplex([frame(7, Buffer.from('x'))])).rejects.toThrow('unknown stream 7');
  await expect(demultiplex([frame(1, Buffer.from('hello')).subarray(0, 10)])).rejects.toThrow(
    'inside a frame',
  );
});

test('a reader that does not read holds the writer back', async () => {
  const stream = new Demultiplexer(() => {});
  const wire = frame(1, Buffer.alloc(256 * 1024));
  let taken = 0;
  while (stream.write(wire) && taken < 100) taken += 1;
  expect(taken).toBeLessThan(3);
});
