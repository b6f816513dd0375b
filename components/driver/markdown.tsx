'use client';

import { ImageOff } from 'lucide-react';
import type { Token, Tokens } from 'marked';
import { createElement, memo, type ReactNode, useRef } from 'react';
import { plainText } from './ansi';
import { CodeBlock } from './code-block';
import { decoded, safeImage, safeLink, tellsTarget } from './links';
import { type Block, MarkdownBlocks, mended } from './markdown-blocks';

/**
 * Markdown of a model as React elements. Nothing in it becomes HTML: a tag is shown as it was typed, a link leads to
 * http(s) only and says where, a picture is shown only when it is in the text itself.
 */
export function Markdown({ text, open = false }: { text: string; open?: boolean }) {
  const blocks = useRef<MarkdownBlocks>(null);
  blocks.current ??= new MarkdownBlocks();
  // What a command printed may be said again with its colours.
  const all = blocks.current.update(text.includes('\u001b') ? plainText(text) : text);
  return (
    <div className="driver-prose min-w-0 break-words">
      {all.map((block, at) => (
        <BlockView key={block.key} block={block} open={open && at === all.length - 1} />
      ))}
    </div>
  );
}

const BlockView = memo(function BlockView({ block, open }: { block: Block; open: boolean }) {
  return <BlockToken token={open ? mended(block) : block.token} />;
});

function BlockToken({ token: given }: { token: Token }): ReactNode {
  // marked types its tokens by extension points; its own kinds are these.
  const token = given as Tokens.Generic;
  switch (token.type) {
    case 'heading':
      // The page has its own first two levels.
      return createElement(
        `h${Math.min(6, Number(token.depth) + 2)}`,
        { 'data-depth': token.depth },
        inline(token),
      );
    case 'paragraph':
      return <p>{inline(token)}</p>;
    case 'code':
      return <CodeBlock code={String(token.text)} language={String(token.lang ?? '')} />;
    case 'blockquote':
      return <blockquote>{(token.tokens ?? []).map(blockAt)}</blockquote>;
    case 'list':
      return <List token={given as Tokens.List} />;
    case 'table':
      return <Table token={given as Tokens.Table} />;
    case 'hr':
      return <hr />;
    case 'space':
    case 'def':
      return null;
    case 'html':
      return <p className="whitespace-pre-wrap">{String(token.raw).trimEnd()}</p>;
    case 'text':
      return token.tokens ? inline(token) : decoded(String(token.text));
    default:
      return <p>{String(token.raw)}</p>;
  }
}

const blockAt = (token: Token, at: number): ReactNode => <BlockToken key={at} token={token} />;
const inlineAt = (token: Token, at: number): ReactNode => <Inline key={at} token={token} />;

function inline(token: { tokens?: Token[] | undefined; text?: unknown }): ReactNode {
  return token.tokens ? token.tokens.map(inlineAt) : decoded(String(token.text ?? ''));
}

function List({ token }: { token: Tokens.List }) {
  const items = token.items.map((item, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: items of one list, in their order
    <li key={at} className={item.task ? 'list-none' : undefined}>
      {item.task && (
        <input
          type="checkbox"
          checked={item.checked ?? false}
          readOnly
          tabIndex={-1}
          aria-label={item.checked ? 'done' : 'to do'}
          className="-ml-5 mr-1.5 align-[-2px]"
        />
      )}
      {item.tokens.filter((it) => it.type !== 'checkbox').map(blockAt)}
    </li>
  ));
  return token.ordered ? <ol start={Number(token.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ token }: { token: Tokens.Table }) {
  const align = (at: number) => ({ textAlign: token.align[at] ?? undefined });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <div className="my-2 w-fit max-w-full overflow-x-auto rounded-lg border" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {token.header.map((cell, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns of one table
              <th key={at} style={align(at)}>
                {inline(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, line) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of one table
            <tr key={line}>
              {row.map((cell, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns of one table
                <td key={at} style={align(at)}>
                  {inline(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Inline({ token: given }: { token: Token }): ReactNode {
  const token = given as Tokens.Generic; // see BlockToken
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token)}</strong>;
    case 'em':
      return <em>{inline(token)}</em>;
    case 'del':
      return <del>{inline(token)}</del>;
    case 'codespan':
      return <code>{String(token.text)}</code>;
    case 'br':
      return <br />;
    case 'link':
      return <Link token={given as Tokens.Link} />;
    case 'image':
      return <Picture token={given as Tokens.Image} />;
    case 'html':
      return String(token.raw);
    case 'text':
    case 'escape':
      return token.tokens ? inline(token) : decoded(String(token.text));
    default:
      return String(token.raw);
  }
}

function Link({ token }: { token: Tokens.Link }) {
  const url = safeLink(token.href);
  if (!url) return <span title={token.href}>{inline(token)}</span>;
  return (
    <>
      <a href={url.href} target="_blank" rel="noopener noreferrer nofollow" title={url.href}>
        {inline(token)}
      </a>
      {!tellsTarget(token.text, url) && <span className="text-ink-faint text-xs"> ({url.host})</span>}
    </>
  );
}

function Picture({ token }: { token: Tokens.Image }) {
  const source = safeImage(token.href);
  if (source)
    return (
      // biome-ignore lint/performance/noImgElement: it is in the text itself, there is nothing to fetch
      <img src={source} alt={token.text} className="my-2 max-h-96 max-w-full rounded-lg border" />
    );
  const url = safeLink(token.href);
  return (
    <span className="inline-flex items-center gap-1 rounded bg-sunken px-1.5 text-ink-soft text-sm">
      <ImageOff className="size-3.5" aria-hidden />
      {token.text || 'Picture'}
      {url && (
        <a href={url.href} target="_blank" rel="noopener noreferrer nofollow" title={url.href}>
          {url.host}
        </a>
      )}
    </span>
  );
}
