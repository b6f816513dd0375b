import fc from 'fast-check';
import { Lexer } from 'marked';
import { describe, expect, test } from 'vitest';
import { type Block, MarkdownBlocks, mended } from './markdown-blocks';

const pieces = [
  'A paragraph with **bold**, `code` and [a link](https://example.com).',
  '# Heading',
  '- one\n- two\n  - nested\n- three',
  '1. first\n2. second',
  '```ts\nconst a = 1;\n\nconst b = 2;\n```',
  '| a | b |\n| - | - |\n| 1 | 2 |',
  '> a quote\n> of two lines',
  '---',
  '<script>alert(1)</script>',
  'Title\n=====',
  '    indented code',
  'two\nlines',
];
const texts = fc
  .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join('\n\n'));

const shape = (blocks: readonly Block[]) => blocks.map((it) => [it.token.type, it.raw]);

describe('blocks of a growing text', () => {
  test('are those of the whole text, however it was cut', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (text, steps) => {
        const growing = new MarkdownBlocks();
        let blocks: readonly Block[] = [];
        for (let at = 0, step = 0; at < text.length; step++) {
          at += steps[step % steps.length] ?? 1;
          blocks = growing.update(text.slice(0, at));
        }
        expect(shape(blocks)).toEqual(shape(new MarkdownBlocks().update(text)));
        expect(new Set(blocks.map((it) => it.key)).size).toBe(blocks.length);
      }),
    );
  });

  test('that are settled stay the same objects; what grows keeps its key', () => {
    const growing = new MarkdownBlocks();
    const [one, two, three] = growing.update('one\n\ntwo\n\nthr');
    const after = growing.update('one\n\ntwo\n\nthree\n\nfour');
    expect(after[0]).toBe(one);
    expect(after[1]).toBe(two);
    expect(after[2]?.key).toBe(three?.key);
    expect(after).toHaveLength(4);
  });

  test('begin anew when the text is another one', () => {
    const growing = new MarkdownBlocks();
    growing.update('one\n\ntwo');
    expect(growing.update('else').map((it) => it.raw)).toEqual(['else']);
  });
});

test('a list of 2,000 items that grows word by word is cut without delay', () => {
  const growing = new MarkdownBlocks();
  let text = '';
  for (let at = 0; at < 3000; at++) text += `Paragraph ${at}.\n\n`;
  const started = performance.now();
  for (let at = 0; at < 200; at++) growing.update(text.slice(0, text.length - 200 + at));
  // The whole is lexed once; 200 times would take tens of seconds.
  expect(performance.now() - started).toBeLessThan(5_000);
});

describe('what is open is closed for the eye', () => {
  const visible = (raw: string): string => {
    const [token] = new Lexer({ gfm: true }).lex(raw);
    if (!token) return '';
    const shown = mended({ key: 0, raw, token });
    const walk = (it: unknown): string => {
      const { type, text, tokens } = it as { type: string; text?: string; tokens?: unknown[] }; // marked's own shape
      return tokens ? `<${type}>${tokens.map(walk).join('')}</>` : `${type}:${text ?? ''}`;
    };
    return walk(shown);
  };
  test.each([
    ['so **bol', '<paragraph>text:so <strong>text:bol</></>'],
    ['so **', '<paragraph>text:so</>'],
    ['run `ls -', '<paragraph>text:run codespan:ls -</>'],
    ['see [the docs](https://exa', '<paragraph>text:see the docs</>'],
    ['see [the do', '<paragraph>text:see the do</>'],
    ['done **bold** and `code`', '<paragraph>text:done <strong>text:bold</>text: and codespan:code</>'],
  ])('%s', (raw, expected) => expect(visible(raw)).toBe(expected));
});
