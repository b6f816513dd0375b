'use client';

import type { ReactNode } from 'react';
import type { ToolItem } from '../../shared/conversation-items';
import { CopyText } from '../ui/copy-button';
import { cx } from '../ui/cx';
import { ansiPieces, plainText } from './ansi';
import { CodeText } from './code-block';
import { DiffView } from './diff-view';
import { languageOf } from './highlight';
import { LongText } from './long-text';
import { fields, fileOf, imagesOf, patchOf, plannedPatch, shellOf, str } from './tool-parts';

const box =
  'driver-code overflow-x-auto whitespace-pre-wrap break-words px-3 py-2 font-mono text-xs leading-5';

export function AnsiText({ text }: { text: string }): ReactNode {
  return ansiPieces(text).map((it, at) =>
    it.className === '' && !it.color && !it.background ? (
      it.text
    ) : (
      <span
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, in their order
        key={at}
        className={it.className}
        style={{ color: it.color, background: it.background }}
      >
        {it.text}
      </span>
    ),
  );
}

export function ShellBody({ item }: { item: ToolItem }) {
  const { command, stdout, stderr } = shellOf(item);
  const failed = item.state === 'failed';
  return (
    <div className="bg-sunken">
      <div className="flex items-start border-b">
        <pre className={cx(box, 'min-w-0 flex-1')}>
          <span className="select-none text-ink-faint">$ </span>
          <CodeText code={command} language="bash" />
        </pre>
        <CopyText text={() => command} label="Copy the command" className="m-1 shrink-0" />
      </div>
      <Output id={item.id} text={stdout} bad={failed} />
      {stderr !== '' && stderr !== stdout && <Output id={`${item.id}-err`} text={stderr} bad />}
      {item.state !== 'running' && stdout === '' && stderr === '' && (
        <p className="px-3 py-1.5 text-ink-faint text-xs">No output.</p>
      )}
    </div>
  );
}

function Output({ id, text, bad = false }: { id: string; text: string; bad?: boolean }) {
  if (text.trim() === '') return null;
  return (
    <div className="group/out relative">
      <LongText id={id} text={text} end="tail">
        {(shown) => (
          <pre className={cx(box, bad && 'text-bad')}>
            <AnsiText text={shown} />
          </pre>
        )}
      </LongText>
      <CopyText
        text={() => plainText(text)}
        label="Copy the output"
        className="absolute top-1 right-1 bg-sunken opacity-0 focus-visible:opacity-100 group-hover/out:opacity-100"
      />
    </div>
  );
}

export function EditBody({ item, path }: { item: ToolItem; path: string }) {
  const hunks = patchOf(item.result) ?? plannedPatch(item.input);
  return (
    <>
      {hunks ? <DiffView id={item.id} path={path} hunks={hunks} /> : <JsonBody item={item} />}
      {item.state === 'failed' && <ErrorText text={item.output} />}
    </>
  );
}

export function FileBody({ item }: { item: ToolItem }) {
  const { images, cut } = imagesOf(item.result);
  if (images.length > 0 || cut) return <Pictures images={images} cut={cut} />;
  if (item.state === 'failed') return <ErrorText text={item.output} />;
  const file = fileOf(item);
  if (!file) return <JsonBody item={item} />;
  return (
    <div className="bg-sunken">
      <LongText id={item.id} text={file.text}>
        {(shown) => <Numbered text={shown} first={file.firstLine} language={languageOf(file.path)} />}
      </LongText>
    </div>
  );
}

function Numbered({ text, first, language }: { text: string; first: number; language: string }) {
  const lines = text.split('\n').length;
  const numbers = Array.from({ length: lines }, (_, at) => first + at).join('\n');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <div className="driver-code flex overflow-x-auto font-mono text-xs leading-5" tabIndex={0}>
      <pre
        className="sticky left-0 select-none bg-sunken py-2 pr-2 pl-3 text-right text-ink-faint"
        aria-hidden
      >
        {numbers}
      </pre>
      <pre className="py-2 pr-3">
        <code>
          <CodeText code={text} language={language} />
        </code>
      </pre>
    </div>
  );
}

export function Pictures({ images, cut }: { images: readonly string[]; cut: boolean }) {
  return (
    <div className="flex flex-wrap gap-2 p-3">
      {images.map((source, at) => (
        // biome-ignore lint/performance/noImgElement: it is in the transcript itself, there is nothing to fetch
        <img
          // biome-ignore lint/suspicious/noArrayIndexKey: pictures of one result
          key={at}
          src={source}
          alt={`Result ${at + 1}`}
          className="max-h-96 max-w-full rounded-md border"
        />
      ))}
      {cut && <p className="text-ink-faint text-xs">A picture was too large to be recorded.</p>}
    </div>
  );
}

export function ErrorText({ text }: { text: string }) {
  if (text === '') return null;
  return (
    <pre className={cx(box, 'border-t text-bad')}>
      <AnsiText text={text.replace(/^<tool_use_error>|<\/tool_use_error>$/g, '')} />
    </pre>
  );
}

/** Any other tool: what it was given and what it gave. */
export function JsonBody({ item }: { item: ToolItem }) {
  const { images, cut } = imagesOf(item.result);
  return (
    <div className="divide-y">
      {Object.keys(fields(item.input)).length > 0 && (
        <Json id={`${item.id}-in`} title="Input" value={item.input} />
      )}
      {(images.length > 0 || cut) && <Pictures images={images} cut={cut} />}
      {item.output !== '' &&
        (item.state === 'failed' ? (
          <ErrorText text={item.output} />
        ) : (
          <Json id={`${item.id}-out`} title="Result" value={parsed(item.output)} />
        ))}
    </div>
  );
}

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function Json({ id, title, value }: { id: string; title: string; value: unknown }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return (
    <div className="bg-sunken">
      <div className="flex h-7 items-center justify-between pr-1 pl-3 text-2xs text-ink-faint">
        {title}
        <CopyText text={() => text} label={`Copy: ${title.toLowerCase()}`} />
      </div>
      <LongText id={id} text={text}>
        {(shown) => (
          <pre className={cx(box, 'pt-0')}>
            <CodeText code={shown} language={typeof value === 'string' ? '' : 'json'} />
          </pre>
        )}
      </LongText>
    </div>
  );
}

/** What a subagent was asked. */
export function askedOf(item: ToolItem): string {
  return str(fields(item.input).prompt);
}
