'use client';

import { Check, Circle, CircleDot } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { Conversation } from '../../shared/conversation';
import type { ToolItem, Turn } from '../../shared/conversation-items';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { duration } from '../ui/time';
import { Elapsed, useDriver } from './driver-context';
import type { Figures } from './figures';
import { Meter } from './meter';
import { taskNote } from './shown';
import { shortTime } from './tool-card';
import { faceOf } from './tool-parts';

/** Turns that the timeline shows more each time it is asked for earlier ones. */
const TURNS_AT_ONCE = 25;
const TOOLS_SHOWN = 40;

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="grid min-w-0 grid-cols-1 gap-2 border-b px-3.5 py-3 last:border-b-0">
      <h3 className="font-semibold text-xs">{title}</h3>
      {children}
    </section>
  );
}

/** Beside the conversation: what is left to do, what it has used, and when it did what. */
export function SidePanel({
  conversation,
  figures,
  onJump,
}: {
  conversation: Conversation;
  figures: Figures;
  onJump(itemId: string): void;
}) {
  return (
    <>
      <Part title="Used">
        <Meter figures={figures} />
      </Part>
      {conversation.todos.length > 0 && (
        <Part title="Tasks">
          <Todos items={conversation.todos} />
        </Part>
      )}
      {conversation.turns.length > 0 && (
        <Part title="Timeline">
          <Timeline onJump={onJump} />
        </Part>
      )}
    </>
  );
}

const marks: Record<string, { icon: typeof Check; tone: string; words: string }> = {
  completed: { icon: Check, tone: 'text-good', words: 'done' },
  in_progress: { icon: CircleDot, tone: 'text-accent', words: 'in progress' },
};

export function Todos({ items }: { items: Conversation['todos'] }) {
  const shown = items.filter((it) => it.status !== 'deleted');
  const done = shown.filter((it) => it.status === 'completed').length;
  return (
    <div>
      <p className="sr-only">
        {done} of {shown.length} done
      </p>
      <ul className="grid gap-1" data-todos>
        {shown.map((it) => {
          const {
            icon: Icon,
            tone,
            words,
          } = marks[it.status] ?? { icon: Circle, tone: 'text-ink-faint', words: 'to do' };
          const running = it.status === 'in_progress';
          return (
            <li key={it.id} className="flex items-start gap-2 text-sm">
              <Icon className={cx('mt-0.75 size-3.5 shrink-0', tone)} aria-label={words} />
              <span className={cx('min-w-0', it.status === 'completed' && 'text-ink-faint line-through')}>
                {running ? (it.activeForm ?? it.subject) : it.subject}
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Timeline({ onJump }: { onJump(itemId: string): void }) {
  const { source } = useDriver();
  const [most, setMost] = useState(TURNS_AT_ONCE);
  const stretches = [...source.earlier, source.conversation];
  const all = stretches.flatMap((it) => it.turns);
  const turns = all.slice(-most).reverse();
  const first = turns.at(-1)?.number ?? 0;
  const byTurn = new Map<number, ToolItem[]>();
  for (const item of stretches.flatMap((it) => it.items)) {
    if (item.type !== 'tool' || item.turn === undefined || item.turn < first) continue;
    const tools = byTurn.get(item.turn);
    if (tools) tools.push(item);
    else byTurn.set(item.turn, [item]);
  }
  return (
    <>
      <ol className="grid grid-cols-1 gap-3">
        {turns.map((turn) => (
          <li key={turn.number}>
            <TurnLine turn={turn} onJump={onJump} />
            <Tools items={(byTurn.get(turn.number) ?? []).slice(-TOOLS_SHOWN)} onJump={onJump} />
          </li>
        ))}
      </ol>
      {(all.length > most || !source.complete) && (
        <Button
          look="ghost"
          size="sm"
          busy={source.loadingEarlier}
          onClick={() => {
            setMost(most + TURNS_AT_ONCE);
            if (all.length <= most + TURNS_AT_ONCE) void source.loadEarlier();
          }}
        >
          Earlier turns
        </Button>
      )}
    </>
  );
}

function TurnLine({ turn, onJump }: { turn: Turn; onJump(itemId: string): void }) {
  const { first } = turn;
  return (
    <button
      type="button"
      disabled={first === null}
      onClick={() => first !== null && onJump(first)}
      className="flex w-full items-baseline gap-2 rounded text-left text-sm hover:text-accent"
    >
      <span className="tabular shrink-0 text-2xs text-ink-faint">{turn.number}</span>
      <span className="min-w-0 flex-1 truncate">{taskNote(turn.prompt) ?? (turn.prompt || 'Turn')}</span>
      <span className="tabular shrink-0 text-2xs text-ink-faint">
        {turn.endedAt ? (
          duration(Date.parse(turn.endedAt) - Date.parse(turn.startedAt))
        ) : (
          <Elapsed since={turn.startedAt} />
        )}
      </span>
    </button>
  );
}

function Tools({ items, onJump }: { items: readonly ToolItem[]; onJump(itemId: string): void }) {
  const { workdir } = useDriver();
  const longest = Math.max(1, ...items.map((it) => it.durationMs ?? 0));
  return (
    <ul className="mt-1 grid grid-cols-1">
      {items.map((it) => {
        const { title, detail } = faceOf(it.tool, it.input, workdir);
        const running = it.state === 'running';
        return (
          <li key={it.id}>
            <button
              type="button"
              onClick={() => onJump(it.id)}
              className="grid w-full grid-cols-[minmax(0,1fr)_auto] items-center gap-x-2 rounded px-1 py-0.5 text-left text-xs hover:bg-sunken"
            >
              <span className="truncate">
                {title} <span className="text-ink-faint">{detail}</span>
              </span>
              <span className="tabular text-2xs text-ink-faint">
                {running ? <Elapsed since={it.ts} /> : it.durationMs !== null && shortTime(it.durationMs)}
              </span>
              <span className="col-span-2 h-0.5 rounded-full bg-line" aria-hidden>
                <span
                  className={cx(
                    'block h-full rounded-full',
                    it.state === 'failed' ? 'bg-bad' : running ? 'animate-pulse bg-accent' : 'bg-good',
                  )}
                  style={{ width: `${running ? 100 : Math.max(2, ((it.durationMs ?? 0) / longest) * 100)}%` }}
                />
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
