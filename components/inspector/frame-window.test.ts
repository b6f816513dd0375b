import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Frame, FrameKind } from '../../shared/frames';
import { FrameWindow, indexOfSeq } from './frame-window';
import { holds } from './gist';

const session = '01234567-89ab-4cde-8f01-23456789abcd';
const make = (seq: number): Frame => {
  const base = { seq, session, ts: '2026-11-21T10:00:00.000Z' };
  return seq % 3 === 0
    ? { ...base, kind: 'pty.raw', data: { base64: `word${seq % 5}` } }
    : { ...base, kind: 'thinking', data: { messageId: 'm', block: 0, offset: 0, text: `word${seq % 5}` } };
};
const all = Array.from({ length: 60 }, (_, at) => make(at + 1));

test('however frames come, go and are filtered, it shows what a look at all of them would', () => {
  const kinds = [null, new Set<FrameKind>(['thinking']), new Set<FrameKind>()];
  const step = fc.record({
    from: fc.integer({ min: 0, max: 40 }),
    length: fc.integer({ min: 0, max: 60 }),
    kinds: fc.constantFrom(...kinds),
    text: fc.constantFrom('', 'word1', 'none'),
    until: fc.constantFrom(Number.POSITIVE_INFINITY, 20, 40),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const window = new FrameWindow();
      for (const it of steps) {
        const frames = all.slice(it.from, it.from + it.length);
        const filter = { kinds: it.kinds, text: it.text };
        const wanted = frames.filter(
          (frame) =>
            frame.seq <= it.until && (!it.kinds || it.kinds.has(frame.kind)) && holds(frame, it.text),
        );
        expect(window.update(frames, filter, it.until).map((frame) => frame.seq)).toEqual(
          wanted.map((frame) => frame.seq),
        );
      }
    }),
    { numRuns: 500 },
  );
});

test('a seq is found, or the next one that is there', () => {
  const frames = all.filter((it) => it.seq % 2 === 0);
  expect(indexOfSeq(frames, 2)).toBe(0);
  expect(indexOfSeq(frames, 7)).toBe(3);
  expect(indexOfSeq(frames, 61)).toBe(-1);
});
