import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shellQuote } from './shell-quote';

test('plain paths stay readable', () => {
  expect(shellQuote('/home/claude/.cloud-claude/uploads/a1/shot.png')).toBe(
    '/home/claude/.cloud-claude/uploads/a1/shot.png',
  );
  expect(shellQuote('/tmp/a b.png')).toBe("'/tmp/a b.png'");
  expect(shellQuote("it's")).toBe("'it'\\''s'");
  expect(shellQuote('')).toBe("''");
  expect(shellQuote('a\nrm -rf b\u0003')).toBe("'arm -rf b'");
});

test('a real shell reads back every path as one word', () => {
  const path = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((it) => !/\p{Cc}/u.test(it));
  fc.assert(
    fc.property(fc.array(path, { minLength: 40, maxLength: 40 }), (paths) => {
      const script = `printf '%s\\0' ${paths.map(shellQuote).join(' ')}`;
      const words = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
      expect(words).toEqual(paths);
    }),
    { numRuns: 10 },
  );
});
