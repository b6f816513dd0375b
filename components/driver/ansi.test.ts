import { describe, expect, test } from 'vitest';
import { ansiPieces, plainText } from './ansi';

describe('terminal output', () => {
  test('keeps its colours', () => {
    expect(ansiPieces('a \x1b[31mred\x1b[0m \x1b[1;42mbold\x1b[0m')).toMatchObject([
      { text: 'a ', className: '' },
      { text: 'red', className: 'ansi-red' },
      { text: ' ' },
      { text: 'bold', className: 'ansi-green-bg ansi-bold' },
    ]);
    expect(ansiPieces('\x1b[38;5;196mx')).toMatchObject([{ color: 'rgb(255, 0, 0)' }]);
    expect(ansiPieces('\x1b[38;5;244mx')).toMatchObject([{ color: 'rgb(128, 128, 128)' }]);
    expect(ansiPieces('\x1b[38;2;1;2;3mx')).toMatchObject([{ color: 'rgb(1, 2, 3)' }]);
  });

  test.each([
    ['\x1b]0;title\x07hello', 'hello'],
    ['\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['\x1b[2J\x1b[Hhome\x1b[K', 'home'],
    ['10%\r50%\r100%\nnext', '100%\nnext'],
    ['one\r\ntwo\r\n', 'one\ntwo\n'],
    ['bell\x07 and\x00 nul', 'bell and nul'],
    ['<b>no html</b>', '<b>no html</b>'],
    ['', ''],
  ])('%j is read as %j', (raw, shown) => expect(plainText(raw)).toBe(shown));
});
