'use client';

import { ArrowDownToLine, Pause, Play, ScrollText } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import type { Frame, FrameKind } from '../../shared/frames';
import type { ViewTarget } from '../terminal/session-views';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Input } from '../ui/field';
import { EmptyState } from '../ui/panel';
import { clock, span } from './clock';
import { exchangeOf, FrameDetail } from './frame-detail';
import { FrameWindow, indexOfSeq } from './frame-window';
import { gist, kindTone, toneText } from './gist';
import { KindFilter } from './kind-filter';
import { momentOf } from './moment';
import { SplitView } from './split-view';
import type { Inspected } from './use-inspected';
import { VirtualList } from './virtual-list';

const hooks: ReadonlySet<FrameKind> = new Set(['hook']);
const HOOK_ANSWER_CHARS = 120;

function FrameRow({ frame }: { frame: Frame }) {
  return (
    <>
      <span className="tabular shrink-0 font-mono text-ink-faint max-sm:hidden">{clock(frame.ts)}</span>
      <span className="tabular w-9 shrink-0 text-right font-mono text-ink-faint">{frame.seq}</span>
      <span className={cx('w-30 shrink-0 truncate font-mono', toneText[kindTone[frame.kind] ?? 'quiet'])}>
        {frame.kind}
      </span>
      <span className="tabular w-6 shrink-0 text-right text-ink-faint" title="Turn">
        {frame.turn ?? ''}
      </span>
      <span className="min-w-0 flex-1 truncate">{gist(frame)}</span>
    </>
  );
}

function HookRow({ frame }: { frame: Frame }) {
  if (frame.kind !== 'hook') return null;
  const { event, name, answer, error, durationMs } = frame.data;
  const said = error ?? (answer === undefined ? '' : JSON.stringify(answer).slice(0, HOOK_ANSWER_CHARS));
  return (
    <>
      <span className="tabular shrink-0 font-mono text-ink-faint">{clock(frame.ts)}</span>
      <span className="w-40 shrink-0 truncate font-mono">{event}</span>
      <span className="w-28 shrink-0 truncate text-ink-soft">{name ?? 'Claude Code'}</span>
      <span className="tabular w-16 shrink-0 text-right text-ink-faint">
        {durationMs === undefined ? '' : span(durationMs)}
      </span>
      <span className={cx('min-w-0 flex-1 truncate font-mono', error ? 'text-bad' : 'text-ink-soft')}>
        {said}
      </span>
    </>
  );
}

/** A list of frames, filtered, paused or followed, and the chosen one in full. */
export function FramesTab({
  inspected,
  only,
  selected,
  onSelect,
  onExchange,
  reveal,
  empty,
}: {
  inspected: Inspected;
  /** The hooks have a list of their own, with columns of their own. */
  only: 'all' | 'hooks';
  /** Seq, or null. */
  selected: number | null;
  onSelect(seq: number | null): void;
  onExchange(exchange: number): void;
  reveal: ((target: ViewTarget) => void) | null;
  empty: ReactNode;
}) {
  const { source, frames, earlier, loading, loadEarlier } = inspected;
  const [chosen, setChosen] = useState<ReadonlySet<FrameKind> | null>(null);
  const [text, setText] = useState('');
  const [follow, setFollow] = useState(true);
  const [pausedAt, setPausedAt] = useState<number | null>(null);
  const window = useRef<FrameWindow>(null);
  window.current ??= new FrameWindow();
  const kinds = only === 'hooks' ? hooks : chosen;
  const shown = window.current.update(frames, { kinds, text }, pausedAt ?? Number.POSITIVE_INFINITY);
  const at = selected === null ? -1 : indexOfSeq(shown, selected);
  const index = shown[at]?.seq === selected ? at : -1;
  // Chosen from elsewhere it may be filtered out of the list, and is shown all the same.
  const wanted = selected === null ? undefined : frames[indexOfSeq(frames, selected)];
  const frame = wanted?.seq === selected ? wanted : undefined;
  const { lastSeq } = source.conversation;
  const waiting = pausedAt === null ? 0 : lastSeq - pausedAt;

  function select(seq: number | null) {
    if (seq !== null) setFollow(false);
    onSelect(seq);
  }
  const list = (
    <>
      <div className="flex shrink-0 flex-wrap items-center gap-1.5 border-b px-2 py-1.5">
        {only === 'all' && <KindFilter kinds={chosen} onChange={setChosen} />}
        <Input
          type="search"
          aria-label="Filter by text"
          placeholder="Filter by text"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="h-7 min-w-24 flex-1 px-2 text-xs max-sm:order-last max-sm:basis-full"
        />
        <Button
          size="sm"
          aria-pressed={pausedAt !== null}
          className={pausedAt === null ? undefined : 'border-warn text-warn'}
          onClick={() => setPausedAt(pausedAt === null ? lastSeq : null)}
        >
          {pausedAt === null ? <Pause aria-hidden /> : <Play aria-hidden />}
          {pausedAt === null ? 'Pause' : waiting > 0 ? `${waiting} new` : 'Paused'}
        </Button>
        <Button
          size="sm"
          aria-pressed={follow}
          className={follow ? 'border-accent text-accent' : undefined}
          onClick={() => setFollow(!follow)}
        >
          <ArrowDownToLine aria-hidden /> Follow
        </Button>
        <span className="tabular text-2xs text-ink-faint" aria-live="off">
          {shown.length.toLocaleString('en')} of {frames.length.toLocaleString('en')}
        </span>
        {earlier && (
          <Button size="sm" look="link" busy={loading} onClick={loadEarlier}>
            Earlier frames
          </Button>
        )}
      </div>
      {shown.length === 0 ? (
        <div className="min-h-0 flex-1 overflow-auto">
          {text !== '' || chosen ? (
            <EmptyState icon={ScrollText} title="No frame passes the filter" />
          ) : (
            empty
          )}
        </div>
      ) : (
        <VirtualList
          label={only === 'hooks' ? 'Hooks' : 'Frames'}
          count={shown.length}
          keyOf={(it) => shown[it]?.seq ?? it}
          selected={index}
          onSelect={(it) => select(shown[it]?.seq ?? null)}
          follow={follow && pausedAt === null}
          onFollow={setFollow}
          onStart={loadEarlier}
          minWidth={420}
        >
          {(it) => {
            const row = shown[it];
            if (!row) return null;
            return only === 'hooks' ? <HookRow frame={row} /> : <FrameRow frame={row} />;
          }}
        </VirtualList>
      )}
    </>
  );
  return (
    <SplitView
      list={list}
      detail={
        frame ? (
          <FrameDetail
            key={frame.seq}
            frame={frame}
            exchange={exchangeOf(frame, frames)}
            moment={() => momentOf(frame, frames)}
            onExchange={onExchange}
            reveal={reveal}
            onClose={() => select(null)}
          />
        ) : null
      }
    />
  );
}
