'use client';

import { CircleAlert, Eraser, Info, ScanSearch, Shrink, Sparkles, Waypoints } from 'lucide-react';
import type { NoticeItem, RequestItem, StopItem } from '../../shared/conversation-items';
import { modelLabel } from '../../shared/models';
import { useReveal } from '../terminal/session-views';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { duration } from '../ui/time';
import { plainText } from './ansi';
import { useDriver } from './driver-context';
import { figure } from './numbers';
import { commandOf } from './shown';
import { faceOf } from './tool-parts';

/** What became of a question or a permission, on a line of the conversation. */
const outcome = (item: RequestItem): string => {
  const { closed } = item;
  if (!closed) return 'Waits for an answer below.';
  if (closed.by === 'gone') return 'Nobody answered.';
  const where = closed.by === 'terminal' ? ' in the terminal' : '';
  if (closed.behavior === 'deny') return `Denied${where}${closed.message ? `: ${closed.message}` : '.'}`;
  if (closed.behavior === 'allow') return item.type === 'question' ? `Answered${where}.` : `Allowed${where}.`;
  return `Answered${where}.`;
};

export function Request({ item }: { item: RequestItem }) {
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

export function Notice({ item }: { item: NoticeItem }) {
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

export function Stop({ item }: { item: StopItem }) {
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
