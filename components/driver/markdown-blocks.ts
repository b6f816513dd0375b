import { Lexer, type Token } from 'marked';

/** A top-level piece of Markdown. One that did not change stays the same object. */
export interface Block {
  key: number;
  raw: string;
  token: Token;
}

/**
 * How many blocks at the end a further word may still change: the last one, and the one before it, which the last may
 * yet turn out to belong to (`1` after a list becomes the item `1.`).
 */
const UNSETTLED = 2;

/**
 * Cuts a growing Markdown text into blocks; only the end of it is looked at again when it grows. Of marked this uses
 * the lexer alone: no HTML is made from anything.
 */
export class MarkdownBlocks {
  #text = '';
  /** Source of the blocks from `#settled` on. */
  #tail = '';
  #settled = 0;
  #blocks: Block[] = [];
  #nextKey = 0;

  update(given: string): readonly Block[] {
    const text = given.replace(/\r\n?/g, '\n');
    if (text === this.#text) return this.#blocks;
    if (!text.startsWith(this.#text)) {
      this.#text = '';
      this.#tail = '';
      this.#settled = 0;
      this.#blocks = [];
    }
    this.#tail += text.slice(this.#text.length);
    this.#text = text;
    const open = this.#blocks.slice(this.#settled);
    const fresh = split(this.#tail).map(({ raw, token }, at): Block => {
      const before = open[at];
      if (before?.raw === raw) return before;
      // The same place keeps its key, so that what grows is changed and not replaced.
      return { key: before?.key ?? this.#nextKey++, raw, token };
    });
    this.#blocks = [...this.#blocks.slice(0, this.#settled), ...fresh];
    const done = fresh.slice(0, -UNSETTLED);
    const source = done.map((it) => it.raw).join('');
    // What marked calls raw is not the source where it trimmed a line; that settles with the words to come.
    if (done.length > 0 && this.#tail.startsWith(source)) {
      this.#settled += done.length;
      this.#tail = this.#tail.slice(source.length);
    }
    return this.#blocks;
  }
}

function split(text: string): { raw: string; token: Token }[] {
  const out: { raw: string; token: Token }[] = [];
  for (const token of new Lexer({ gfm: true }).lex(text)) {
    const last = out.at(-1);
    // Empty lines belong to the block before them.
    if (token.type === 'space' && last) last.raw += token.raw;
    else out.push({ raw: token.raw, token });
  }
  return out;
}

/**
 * Tokens of a block whose end has not come yet, as they will most likely be: what is opened is closed, so that signs
 * do not show up as text only to vanish a word later.
 */
export function mended(block: Block): Token {
  if (!['paragraph', 'list', 'heading', 'blockquote', 'text'].includes(block.token.type)) return block.token;
  let raw = block.raw.trimEnd();
  const before = raw;
  const link = /!?\[([^[\]]*)(\]\([^()\s]*)?$/.exec(raw);
  if (link) raw = raw.slice(0, link.index) + (link[1] ?? '');
  if (count(raw, /`/g) % 2 === 1) raw = raw.endsWith('`') ? raw.slice(0, -1).trimEnd() : `${raw}\``;
  const plain = raw.replace(/`[^`]*`/g, '');
  if (count(plain, /\*\*/g) % 2 === 1)
    raw = /\*\*\s*$/.test(raw) ? raw.replace(/\s*\*+\s*$/, '') : `${raw}**`;
  return raw === before ? block.token : (new Lexer({ gfm: true }).lex(raw)[0] ?? block.token);
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
