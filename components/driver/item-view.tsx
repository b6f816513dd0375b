'use client';

import {
  Bot,
  Brain,
  ChevronRight,
  CircleAlert,
  Eraser,
  Info,
  ScanSearch,
  Shrink,
  Sparkles,
  Waypoints,
} from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type {
  AgentItem,
  Item,
  NoticeItem,
  RequestItem,
  StopItem,
  TextItem,
  UserItem,
} from '../../shared/conversation-items';
import { modelLabel } from '../../shared/models';
import { useReveal } from '../terminal/session-views';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { duration } from '../ui/time';
import { plainText } from './ansi';
import { CopyText } from './code-block';
import { Elapsed, findAgent, useDriver } from './driver-context';
import { useFold } from './folds';
import { LongText } from './long-text';
import { Markdown } from './markdown';
import { figure } from './numbers';
import { commandOf, isShown, taskNote } from './shown';
import { ToolCard } from './tool-card';
import { faceOf } from './tool-parts';

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

const outcome = (item: RequestItem): string => {
  const { closed } = item;
  if (!closed) return 'Waits for an answer below.';
  if (closed.by === 'gone') return 'Nobody answered.';
  const where = closed.by === 'terminal' ? ' in the terminal' : '';
  if (closed.behavior === 'deny') return `Denied${where}${closed.message ? `: ${closed.message}` : '.'}`;
  if (closed.behavior === 'allow') return item.type === 'question' ? `Answered${where}.` : `Allowed${where}.`;
  return `Answered${where}.`;
};

function Request({ item }: { item: RequestItem }) {
  const { workdir } = useDriver();
  const bad = item.closed?.behavior === 'deny';
  const answers = item.closed?.answers;
  if (item.type === 'permission') {
    const face = faceOf(item.tool, item.input, workdir);
    return (
      <p
        className={cx('flex items-center gap-2 text-sm', bad ? 'text-bad' : 'text-ink-soft')}
        data-request="permission"
      >
        <Waypoints className="size-3.5 shrink-0" aria-hidden />
        <span className="min-w-0 truncate">
          May it use {face.title}? <span className="font-medium">{outcome(item)}</span>
        </span>
      </p>
    );
  }
  return (
    <div className="rounded-lg border px-3.5 py-2 text-sm" data-request="question">
      {item.questions.map((it) => (
        <p key={it.question}>
          <span className="text-ink-soft">{it.question}</span>{' '}
          <span className="font-medium">{answers?.[it.question] ?? ''}</span>
        </p>
      ))}
      {!answers && <p className="text-ink-faint text-xs">{outcome(item)}</p>}
    </div>
  );
}

const permissionModes: Record<string, string> = {
  acceptEdits: 'edits are accepted',
  auto: 'judged by Claude Code',
  bypassPermissions: 'everything is allowed',
  default: 'asked each time',
  dontAsk: 'what is not allowed is denied',
  manual: 'asked each time',
  plan: 'plan only',
};

const notices: Record<string, { icon: typeof Info; words(text: string): string }> = {
  'session.clear': { icon: Eraser, words: () => 'The conversation was cleared' },
  compact: { icon: Shrink, words: () => 'The conversation was summed up to make room' },
  model: { icon: Sparkles, words: (text) => `Model: ${modelLabel(text)}` },
  command: { icon: Info, words: (text) => text },
  mode: { icon: Info, words: (text) => `Permissions: ${permissionModes[text] ?? text}` },
  'prompt.failed': {
    icon: CircleAlert,
    words: (text) => `A prompt did not reach Claude${text ? `: ${text}` : ''}`,
  },
  gap: {
    icon: CircleAlert,
    words: () => 'Something is missing here: the record does not go back further, or the disk was full',
  },
};

/** A command, or what it answered, on one line: without the tags and marks of Claude Code's transcript. */
function onOneLine(text: string): string {
  const command = commandOf(text);
  const words = command ? `${command.name} ${command.args}` : plainText(text).replace(/<\/?[a-z-]+>|`/g, ' ');
  return words.replace(/\s+/g, ' ').trim();
}

function Notice({ item }: { item: NoticeItem }) {
  const known = notices[item.event];
  const Icon = known?.icon ?? Info;
  const bad = item.event === 'prompt.failed' || item.event === 'gap';
  return (
    <div
      data-notice={item.event}
      className={cx('flex items-center gap-3 py-1 text-xs', bad ? 'text-bad' : 'text-ink-faint')}
    >
      <span className="h-px flex-1 bg-line" />
      <Icon className="size-3.5 shrink-0" aria-hidden />
      <span className="min-w-0 max-w-[80%] truncate">{known?.words(onOneLine(item.text)) ?? item.event}</span>
      <span className="h-px flex-1 bg-line" />
    </div>
  );
}

const reasons: Record<string, string> = {
  completed: 'Done',
  interrupted: 'Interrupted',
  failed: 'Failed',
  lost: 'Claude ended in the middle of this',
  superseded: 'Left for another conversation',
};

function Stop({ item }: { item: StopItem }) {
  const { tokens } = item;
  const { session } = useDriver();
  const reveal = useReveal(session);
  const bad = item.reason === 'failed' || item.reason === 'lost';
  const words = item.scope === 'session' ? 'Claude has ended' : (reasons[item.reason] ?? item.reason);
  const input = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  return (
    <div
      data-stop={item.reason}
      className={cx('flex flex-wrap items-center gap-x-3 pb-3 text-2xs', bad ? 'text-bad' : 'text-ink-faint')}
    >
      <span
        className={cx(
          item.reason !== 'completed' && 'font-medium',
          item.reason === 'interrupted' && 'text-warn',
        )}
      >
        {words}
        {item.error && `: ${item.error}`}
      </span>
      {item.durationMs !== null && <span className="tabular">{duration(item.durationMs)}</span>}
      {tokens.output > 0 && (
        <span className="tabular">
          {figure(input)} in · {figure(tokens.output)} out
        </span>
      )}
      {reveal && (
        <Button
          look="ghost"
          size="tiny"
          aria-label={`Inspect turn ${item.turn ?? ''}`.trim()}
          title="Show in the inspector"
          className="-my-1 opacity-60 focus-visible:opacity-100 hover:opacity-100"
          onClick={() => reveal({ view: 'inspector', seq: item.seq })}
        >
          <ScanSearch aria-hidden />
        </Button>
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
