import { expect, test } from 'vitest';
import { caretWord, fitting, replaced } from './caret-word';

test.each([
  ['/', 1, 'command', ''],
  ['/comp', 5, 'command', 'comp'],
  ['/git:push', 9, 'command', 'git:push'],
  ['/compact now', 12, null, null],
  ['say /compact', 12, null, null],
  ['@', 1, 'file', ''],
  ['look at @src/a', 14, 'file', 'src/a'],
  ['look at @src/a and', 14, 'file', 'src/a'],
  ['mail@example.com', 16, null, null],
  ['', 0, null, null],
])('%j with the caret at %i asks for %s %j', (text, caret, kind, query) => {
  const word = caretWord(text, caret);
  expect([word?.kind ?? null, word?.query ?? null]).toEqual([kind, query]);
});

test('what is chosen takes the place of the word', () => {
  const word = caretWord('see @sr please', 7);
  expect(word && replaced('see @sr please', word, '@src/a.ts')).toEqual({
    text: 'see @src/a.ts please',
    caret: 14,
  });
  const end = caretWord('/comp', 5);
  expect(end && replaced('/comp', end, '/compact')).toEqual({ text: '/compact ', caret: 9 });
});

test('commands that begin so come first', () => {
  const all = ['model', 'compact', 'context'].map((name) => ({ name, description: `about ${name}` }));
  expect(fitting(all, 'co').map((it) => it.name)).toEqual(['compact', 'context']);
  expect(fitting(all, 'about mod').map((it) => it.name)).toEqual(['model']);
});
