'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import {
  type KeyboardEvent,
  type RefObject,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { useDriver } from './driver-context';
import { ItemView } from './item-view';
import type { Row } from './rows';

/** Closer to the end than this, the view goes along with what is new; in pixels. */
const END_PX = 80;
/** Closer to the beginning than this, earlier turns are fetched; in pixels. */
const START_PX = 400;
/** Drawn beyond what is visible: a fast wheel stays ahead of empty space. */
const OVERSCAN = 8;

export interface TranscriptHandle {
  toRow(key: string): void;
  toEnd(): void;
}

const guess: Partial<Record<Row['item']['type'], number>> = {
  user: 56,
  text: 120,
  tool: 90,
  stop: 28,
  notice: 28,
};

/** The conversation as a list that draws only what is in sight, and stays at its end while one reads there. */
export function Transcript({
  rows,
  version,
  highlighted,
  ref,
}: {
  rows: readonly Row[];
  /** Of the source: what is drawn is looked at again when it changes. */
  version: number;
  /** Key of the row that a search or a jump has found. */
  highlighted: string | null;
  ref: RefObject<TranscriptHandle | null>;
}) {
  const { source } = useDriver();
  const scroller = useRef<HTMLDivElement>(null);
  const [away, setAway] = useState(false);
  const [unread, setUnread] = useState(false);
  /** Whether the end is kept in sight: until somebody goes up or is led elsewhere. */
  const follow = useRef(true);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (at) => guess[rows[at]?.item.type ?? 'text'] ?? 60,
    getItemKey: (at) => rows[at]?.key ?? at,
    overscan: OVERSCAN,
    anchorTo: 'end',
    // The list's own idea of the end is a scroll event behind: a row that comes right after a jump would undo the jump.
    followOnAppend: follow.current,
    scrollEndThreshold: END_PX,
    paddingStart: 12,
    paddingEnd: 16,
    gap: 10,
  });

  const content = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !content.current) return;
    // Rows are measured after they are drawn, and a pane may get its size after its rows.
    const observer = new ResizeObserver(() => {
      if (follow.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);

  const last = rows.at(-1);
  const lastVersion = last?.item.version;
  const awayNow = useRef(false);
  awayNow.current = away;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is new is the reason to look
  useEffect(() => {
    if (awayNow.current) setUnread(true);
  }, [last?.key, lastVersion]);

  const toEnd = useCallback(() => {
    follow.current = true;
    virtual.scrollToEnd();
    setUnread(false);
  }, [virtual]);
  function lead(at: number) {
    follow.current = false;
    virtual.scrollToIndex(at, { align: 'start' });
    // The event of this scroll comes with the next frame, and what is said until then is new to the reader.
    scrolled();
  }
  useImperativeHandle(ref, () => ({
    toRow: (key) => {
      const at = rows.findIndex((it) => it.key === key);
      if (at >= 0) lead(at);
    },
    toEnd,
  }));

  /** The browser's own way glides, and rows that are measured on the way would stop it. */
  function keyed(event: KeyboardEvent) {
    if (event.target !== event.currentTarget || (event.key !== 'Home' && event.key !== 'End')) return;
    event.preventDefault();
    if (event.key === 'End') return toEnd();
    lead(0);
  }
  const before = useRef({ top: 0, height: 0 });
  function scrolled() {
    const element = scroller.current;
    if (!element) return;
    const left = element.scrollHeight - element.scrollTop - element.clientHeight;
    // What the view does by itself leads down, or up as far as the content has become shorter.
    const { top, height } = before.current;
    if (left <= END_PX) follow.current = true;
    else if (element.scrollTop < top && element.scrollHeight >= height) follow.current = false;
    before.current = { top: element.scrollTop, height: element.scrollHeight };
    setAway(left > END_PX);
    if (left <= END_PX) setUnread(false);
    if (element.scrollTop < START_PX && element.scrollHeight > element.clientHeight && !source.complete)
      void source.loadEarlier();
  }

  return (
    <div className="relative min-h-0 flex-1">
      <section
        ref={scroller}
        onScroll={scrolled}
        onKeyDown={keyed}
        aria-label="Conversation"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        className="driver-scroller absolute inset-0 overflow-y-auto overflow-x-hidden focus-visible:-outline-offset-2"
        data-version={version}
      >
        {source.loadingEarlier && (
          <p role="status" className="absolute inset-x-0 top-1 z-10 text-center text-ink-faint text-xs">
            Reading earlier turns…
          </p>
        )}
        <div ref={content} className="relative w-full" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((it) => {
            const row = rows[it.index];
            if (!row) return null;
            return (
              <div
                key={it.key}
                ref={virtual.measureElement}
                data-index={it.index}
                data-row={row.item.type}
                data-turn={row.item.turn}
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${it.start}px)` }}
              >
                <div
                  className={cx(
                    'mx-auto max-w-3xl px-3 @2xl:px-6',
                    highlighted === row.key && 'rounded-lg ring-2 ring-accent ring-inset',
                  )}
                >
                  <ItemView item={row.item} version={row.item.version} />
                </div>
              </div>
            );
          })}
        </div>
      </section>
      {away && (
        <div className="pointer-events-none absolute inset-x-0 bottom-2 grid justify-items-center">
          <Button
            look={unread ? 'primary' : 'secondary'}
            size="sm"
            onClick={toEnd}
            className="pointer-events-auto animate-fade rounded-full shadow-float"
          >
            <ArrowDown aria-hidden /> {unread ? 'New' : 'To the end'}
          </Button>
        </div>
      )}
    </div>
  );
}
