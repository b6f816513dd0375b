'use client';

import { Bot, Brain, ChevronRight } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type { AgentItem, Item, TextItem, UserItem } from '../../shared/conversation-items';
import { CopyText } from '../ui/copy-button';
import { cx } from '../ui/cx';
import { duration } from '../ui/time';
import { Elapsed, findAgent, useDriver } from './driver-context';
import { useFold } from './folds';
import { Notice, Request, Stop } from './item-lines';
import { LongText } from './long-text';
import { Markdown } from './markdown';
import { isShown, taskNote } from './shown';
import { ToolCard } from './tool-card';

/** One item of the conversation. Drawn anew only when its version is another one. */
export const ItemView = memo(function ItemView({
  item,
  version,
}: {
  item: Item;
  version: number;
}): ReactNode {
  switch (item.type) {
    case 'user':
      return <Said item={item} />;
    case 'text':
      return <Answer item={item} />;
    case 'thinking':
      return <Thinking item={item} />;
    case 'tool':
      return <ToolCard item={item} version={version} nested={nestedItems} />;
    case 'question':
    case 'permission':
      return <Request item={item} />;
    case 'notice':
      return <Notice item={item} />;
    case 'stop':
      return <Stop item={item} />;
    case 'agent':
      return <LoneAgent item={item} />;
  }
});

export function nestedItems(items: readonly Item[]): ReactNode {
  return items.filter(isShown).map((it) => <ItemView key={it.id} item={it} version={it.version} />);
}

function Said({ item }: { item: UserItem }) {
  const note = taskNote(item.text);
  if (note !== null)
    return (
      <p className="flex items-center gap-2 text-ink-soft text-sm" data-notice="task">
        <Bot className="size-3.5 shrink-0" aria-hidden />
        <span className="min-w-0 truncate">{note}</span>
      </p>
    );
  return (
    <div className="group/said ml-auto flex w-fit max-w-[min(100%,46rem)] items-start gap-1">
      <CopyText
        text={() => item.text}
        label="Copy the prompt"
        className="mt-1 shrink-0 opacity-0 focus-visible:opacity-100 group-hover/said:opacity-100 max-sm:hidden"
      />
      <div className="min-w-0 rounded-2xl rounded-br-md bg-accent-soft px-3.5 py-2">
        <LongText id={item.id} text={item.text}>
          {(shown) => <p className="whitespace-pre-wrap break-words">{shown}</p>}
        </LongText>
        {(item.queued || item.truncated) && (
          <p className="mt-0.5 text-2xs text-ink-faint">
            {item.queued && 'Sent while Claude was working. '}
            {item.truncated && 'Cut: it is longer than what is recorded.'}
          </p>
        )}
      </div>
    </div>
  );
}

function Answer({ item }: { item: TextItem }) {
  return (
    <div className="group/answer relative" data-open={item.open || undefined}>
      {item.headless && (
        <p className="text-2xs text-ink-faint">The beginning of this is no longer recorded.</p>
      )}
      <Markdown text={item.text} open={item.open} />
      {item.open ? (
        <span className="driver-caret" aria-hidden />
      ) : (
        <CopyText
          text={() => item.text}
          label="Copy as Markdown"
          className="absolute -top-1 right-0 bg-canvas opacity-0 focus-visible:opacity-100 group-hover/answer:opacity-100 max-sm:hidden"
        />
      )}
    </div>
  );
}

function Thinking({ item }: { item: TextItem }) {
  const [open, toggle] = useFold(item.id, false);
  const took = Date.parse(item.endedAt) - Date.parse(item.ts);
  return (
    <div className="text-ink-soft text-sm">
      <button
        type="button"
        onClick={toggle}
        aria-expanded={open}
        className="flex items-center gap-1.5 py-0.5"
      >
        <ChevronRight className={cx('size-3.5 transition-transform', open && 'rotate-90')} aria-hidden />
        <Brain className={cx('size-3.5', item.open && 'animate-pulse text-accent')} aria-hidden />
        {item.open ? (
          <>
            Thinking… <Elapsed since={item.ts} />
          </>
        ) : (
          `Thought${took > 1000 ? ` for ${duration(took)}` : ''}`
        )}
      </button>
      {open && (
        <div className="mt-1 ml-1.5 border-l-2 pl-3.5 italic">
          <Markdown text={item.text} open={item.open} />
        </div>
      )}
    </div>
  );
}

function LoneAgent({ item }: { item: AgentItem }) {
  const { source } = useDriver();
  const agent = findAgent(source, item.runs);
  const [open, toggle] = useFold(item.id, false);
  if (!agent) return null;
  return (
    <article className="rounded-lg border bg-surface" aria-label={`Subagent ${agent.kind}`}>
      <button
        type="button"
        onClick={toggle}
        aria-expanded={open}
        className="flex min-h-8 w-full items-center gap-2 px-2.5 text-left text-sm hover:bg-sunken"
      >
        <ChevronRight className={cx('size-3.5 transition-transform', open && 'rotate-90')} aria-hidden />
        <Bot className="size-3.5" aria-hidden />
        <span className="font-medium">{agent.kind || 'Subagent'}</span>
        <span className="text-2xs text-ink-faint">{agent.ended ? 'ended' : 'running'}</span>
      </button>
      {open && <div className="grid gap-2 border-t px-3 py-2">{nestedItems(agent.items)}</div>}
    </article>
  );
}
