import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { IMPORT_TEXT_MAX_CHARS } from '../../../shared/egress-views';
import { importEgresses } from './import';
import { IN_PLACE_MAX_CHARS, readEgresses } from './read-apart';

/** As long as a text may be. */
const fill = (part: string, begin = 'proxies:\n - ') =>
  begin + part.repeat(Math.floor((IMPORT_TEXT_MAX_CHARS - begin.length) / part.length));
/** Each held up one thread for 1 s to minutes. */
const hostile = {
  'a chain of tags': fill('!a '),
  'a chain of anchors': fill('&a '),
  'deep lists': fill('[', 'proxies: '),
  'deep maps': fill('? ', 'proxies:\n'),
  'many keys': fill('a,', 'proxies:\n - {'),
  'many aliases': fill(' - *a\n', 'proxies:\n - &a x\n'),
  comments: fill('#\n', 'proxies:\n'),
};

test('no text that is made to be slow holds up anybody', async () => {
  const before = performance.eventLoopUtilization();
  const results = await Promise.all(Object.values(hostile).map((it) => readEgresses(it, { limitMs: 2_000 })));
  // The share of the time that this thread was at work, or waited for a processor that the others had: 1 when it reads
  // one of them itself.
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.9);
  expect(results.flatMap((it) => it.entries).filter((it) => it.config !== null)).toEqual([]);
});

test('an alias bomb is refused whatever its length', async () => {
  const levels = Array.from({ length: 20 }, (_, n) => {
    const one =
      n === 0
        ? 'x'
        : Array(10)
            .fill(`*a${n - 1}`)
            .join(',');
    return `b${n}: &a${n} [${one}]\n`;
  });
  const text = `proxies: [*a19]\n${levels.join('')}`;
  for (const it of [text, text + '#\n'.repeat(IN_PLACE_MAX_CHARS)]) {
    expect(await readEgresses(it)).toMatchObject({
      entries: [],
      problem: expect.stringMatching(/YAML cannot be read/),
    });
  }
});

test('what takes too long is ended and told', async () => {
  expect(await readEgresses(hostile['a chain of tags'], { limitMs: 300 })).toEqual({
    format: null,
    entries: [],
    problem: 'The text takes too long to read; import it in parts.',
  });
});

test('whoever asked may leave', async () => {
  const leave = new AbortController();
  const reading = readEgresses(hostile['a chain of tags'], { signal: leave.signal });
  leave.abort();
  await expect(reading).rejects.toMatchObject({ code: 'canceled' });
  await expect(readEgresses(hostile.comments, { signal: leave.signal })).rejects.toMatchObject({
    code: 'canceled',
  });
});

test('a long list is read as a short one is', async () => {
  const links = Array.from(
    { length: 500 },
    (_, n) => `ss://YWVzLTEyOC1nY206cHc@s${n}.example.org:8388#Server%20${n}`,
  ).join('\n');
  const result = await readEgresses(`${links}\nvless://not-a-uuid@proxy.example.org:443`);
  expect(result).toEqual(importEgresses(`${links}\nvless://not-a-uuid@proxy.example.org:443`));
  expect(result.entries).toHaveLength(501);
});
