'use client';

import { useCallback, useLayoutEffect, useRef, useState } from 'react';

/** Keeps focus and scroll positions where the browser can (2025); an append loses both, and nothing else. */
function put(into: Element, holder: HTMLElement): void {
  if (holder.parentElement === into) return;
  if ('moveBefore' in into && typeof into.moveBefore === 'function' && holder.isConnected && into.isConnected)
    into.moveBefore(holder, null);
  else into.append(holder);
}

export interface Holders {
  /** The element that a view is drawn into; it outlives the places where it is shown. */
  of(key: string): HTMLElement;
  /** Forgets those that are in no use any more. */
  keep(keys: ReadonlySet<string>): void;
  /** Takes in what is shown nowhere. Without a size, so that a terminal in it does not shrink its session. */
  parking: React.RefObject<HTMLDivElement | null>;
}

export function useHolders(): Holders {
  const parking = useRef<HTMLDivElement>(null);
  const [made] = useState(() => new Map<string, HTMLElement>());
  const of = useCallback(
    (key: string) => {
      const there = made.get(key);
      if (there) return there;
      const holder = document.createElement('div');
      holder.className = 'h-full min-h-0 min-w-0';
      made.set(key, holder);
      return holder;
    },
    [made],
  );
  const keep = useCallback(
    (keys: ReadonlySet<string>) => {
      for (const [key, holder] of made)
        if (!keys.has(key)) {
          made.delete(key);
          holder.remove();
        }
    },
    [made],
  );
  const [holders] = useState(() => ({ of, keep, parking }));
  return holders;
}

/**
 * The place in the page where a view stands now. The view itself is drawn elsewhere, into its holder: thus a terminal
 * keeps its connection and its screen when panes are split, moved or switched to another view.
 */
export function PaneSlot({ holders, id }: { holders: Holders; id: string }) {
  const slot = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const place = slot.current;
    const holder = holders.of(id);
    if (!place) return;
    put(place, holder);
    return () => {
      if (holder.parentElement === place && holders.parking.current) put(holders.parking.current, holder);
    };
  }, [holders, id]);
  return <div ref={slot} className="h-full min-h-0 min-w-0" />;
}
