'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef } from 'react';
import { cx } from '../ui/cx';

/** One line of text and its air. */
const ROW_PX = 26;
/** Within this of the end counts as being at it. */
const END_PX = 40;
const OVERSCAN = 12;
const PAGE_ROWS = 15;

/**
 * A list of any length of which only what is seen is drawn. One row is chosen by click, arrows, Home and End; with
 * `follow` it stays at its end while rows come, until it is scrolled up.
 */
export function VirtualList({
  label,
  count,
  keyOf,
  selected,
  onSelect,
  follow,
  onFollow,
  onStart,
  minWidth,
  children,
}: {
  label: string;
  count: number;
  keyOf(index: number): string | number;
  selected: number;
  onSelect(index: number): void;
  follow: boolean;
  onFollow(follow: boolean): void;
  /** The first row came into sight: older ones may be fetched. */
  onStart?: () => void;
  /** Narrower panes scroll sideways, in px. */
  minWidth?: number;
  children(index: number): ReactNode;
}) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    getItemKey: keyOf,
    overscan: OVERSCAN,
  });
  /** Set by a wheel, a finger or a key; what the list scrolls by itself is not a wish of the reader. */
  const byHand = useRef(false);

  useLayoutEffect(() => {
    if (follow && count > 0) list.scrollToIndex(count - 1, { align: 'end' });
  }, [follow, count, list]);
  useEffect(() => {
    if (selected >= 0) list.scrollToIndex(selected, { align: 'auto' });
  }, [selected, list]);

  function onScroll() {
    const element = box.current;
    if (!element || !byHand.current) return;
    byHand.current = false;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < END_PX;
    if (atEnd !== follow) onFollow(atEnd);
    if (element.scrollTop < ROW_PX) onStart?.();
  }
  function onKeyDown(event: KeyboardEvent) {
    const to = {
      ArrowDown: selected + 1,
      ArrowUp: selected < 0 ? count - 1 : selected - 1,
      PageDown: selected + PAGE_ROWS,
      PageUp: selected - PAGE_ROWS,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (to === undefined || count === 0) return;
    event.preventDefault();
    onSelect(Math.min(count - 1, Math.max(0, to)));
  }
  const hand = () => {
    byHand.current = true;
  };
  const items = list.getVirtualItems();
  const drawn = items.some((it) => it.index === selected);
  return (
    <div
      ref={box}
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={drawn ? `${id}-${selected}` : undefined}
      onScroll={onScroll}
      onWheel={hand}
      onTouchMove={hand}
      onPointerDown={hand}
      onKeyDown={onKeyDown}
      className="min-h-0 flex-1 overflow-auto focus-visible:-outline-offset-2"
    >
      <div role="presentation" className="relative" style={{ height: list.getTotalSize(), minWidth }}>
        {items.map((it) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keyboard, as the pattern for list boxes asks
          <div
            key={it.key}
            id={`${id}-${it.index}`}
            role="option"
            aria-selected={it.index === selected}
            aria-posinset={it.index + 1}
            aria-setsize={count}
            tabIndex={-1}
            onClick={() => onSelect(it.index)}
            className={cx(
              'absolute inset-x-0 top-0 flex cursor-pointer items-center gap-2.5 px-2.5 text-xs',
              it.index === selected ? 'bg-accent-soft' : 'hover:bg-sunken',
            )}
            style={{ height: ROW_PX, transform: `translateY(${it.start}px)` }}
          >
            {children(it.index)}
          </div>
        ))}
      </div>
    </div>
  );
}
