import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { Journal } from './journal';
import { readJournal } from './journal-reader';

const root = mkdtempSync(join(tmpdir(), 'cc-journal-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const newFolder = () => join(root, String(count++));

const session = '01234567-89ab-4cde-8f01-23456789abcd';
const line = (text: string) => (seq: number) =>
  JSON.stringify({ seq, session, kind: 'meta', data: { event: text } });
const small = { segmentBytes: 400, maxBytes: 100_000 };

interface Read {
  seq: number;
  kind: string;
  data: { event?: string; from?: number; to?: number };
}
async function all(journal: Journal, from = 0): Promise<Read[]> {
  const out: Read[] = [];
  const { signal } = new AbortController();
  for await (const lines of readJournal(journal, { session, from, follow: false, signal }))
    for (const text of lines.toString().trim().split('\n')) out.push(JSON.parse(text));
  return out;
}

test('whatever a crash leaves of the last write, the next start has whole frames and goes on without a hole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.string({ maxLength: 80 }), { maxLength: 12 }), { minLength: 1, maxLength: 5 }),
      fc.nat(200),
      fc.boolean(),
      async (runs, cut, garbage) => {
        const folder = newFolder();
        let expected: string[] = [];
        for (const texts of runs) {
          const journal = new Journal({ folder, ...small });
          expect(journal.last).toBe(expected.length);
          for (const text of texts) expect(journal.append(line(text))).toBe(expected.push(text));
          journal.close();
          // A crash in the middle of the last write: some of its end is missing, or the start of one more is there.
          const newest = readdirSync(folder).sort().at(-1);
          if (newest === undefined) continue;
          const path = join(folder, newest);
          if (garbage) appendFileSync(path, line('torn')(expected.length + 1).slice(0, cut));
          else if (texts.length > 0) {
            const lost = Buffer.byteLength(line(texts.at(-1) ?? '')(expected.length)) + 1;
            const keep = Math.min(cut, lost);
            truncateSync(path, statSync(path).size - keep);
            if (keep > 0) expected = expected.slice(0, -1);
          }
        }
        const journal = new Journal({ folder, ...small });
        expect((await all(journal)).map((it) => [it.seq, it.data.event])).toEqual(
          expected.map((text, index) => [index + 1, text]),
        );
        journal.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('replays from any place, over the borders of segments', async () => {
  const journal = new Journal({ folder: newFolder(), ...small });
  for (let i = 1; i <= 50; i++) journal.append(line(`text ${i}`));
  expect(journal.segments.length).toBeGreaterThan(3);
  for (let from = 0; from <= 51; from++) {
    const seqs = (await all(journal, from)).map((it) => it.seq);
    expect(seqs).toEqual(Array.from({ length: Math.max(0, 50 - from) }, (_, i) => from + i + 1));
  }
  journal.close();
});

test('what was evicted is told by one gap in its place', async () => {
  const journal = new Journal({ folder: newFolder(), segmentBytes: 400, maxBytes: 1200 });
  for (let i = 1; i <= 100; i++) journal.append(line(`text ${i}`));
  expect(journal.bytes).toBeLessThanOrEqual(1200);
  const [gap, ...rest] = await all(journal, 7);
  expect(gap).toMatchObject({
    kind: 'gap',
    seq: journal.first - 1,
    data: { from: 8, to: journal.first - 1 },
  });
  expect(rest.map((it) => it.seq)).toEqual(
    Array.from({ length: 101 - journal.first }, (_, i) => journal.first + i),
  );
  journal.close();
});

test('a reader follows, also when it is so slow that the journal outruns it', async () => {
  const journal = new Journal({ folder: newFolder(), segmentBytes: 400, maxBytes: 1200 });
  const ended = new AbortController();
  const reader = readJournal(journal, { session, from: 0, follow: true, signal: ended.signal });
  const first = reader.next();
  journal.append(line('one'));
  expect(JSON.parse(String((await first).value))).toMatchObject({ seq: 1 });
  for (let i = 2; i <= 200; i++) journal.append(line(`text ${i}`));
  let next = 2;
  while (next <= 200) {
    const { value } = await reader.next();
    for (const text of String(value).trim().split('\n')) {
      const frame: Read = JSON.parse(text);
      expect(frame.kind === 'gap' ? frame.data.from : frame.seq).toBe(next);
      next = frame.seq + 1;
    }
  }
  const last = reader.next();
  ended.abort();
  expect((await last).done).toBe(true);
  journal.close();
});

test('folds what comes after the checkpoint, and keeps counting when every segment is gone', () => {
  const folder = newFolder();
  const journal = new Journal({ folder, ...small });
  for (let i = 1; i <= 30; i++) journal.append(line(`text ${i}`));
  journal.close();
  const folded: number[] = [];
  new Journal({ folder, ...small, foldFrom: 12, onLine: (it) => folded.push(JSON.parse(it).seq) }).close();
  expect(folded).toEqual(Array.from({ length: 19 }, (_, i) => i + 12));
  rmSync(folder, { recursive: true });
  const next = new Journal({ folder, ...small, lastSeq: 30 });
  expect(next.append(line('after'))).toBe(31);
  next.close();
});
