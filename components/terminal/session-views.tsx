'use client';

import { createContext, useContext, useEffect, useRef } from 'react';
import type { PaneView } from './layout';

/** Where one view sends another: to a frame, an exchange with the API, or a turn. */
export type ViewTarget =
  /** `words`: what stands there at that moment, the surest first. */
  | { view: 'terminal'; words?: readonly string[] }
  | { view: 'driver'; turn?: number }
  | { view: 'inspector'; seq?: number; exchange?: number };

export interface Revealed {
  target: ViewTarget;
  /** Counts the requests of a session, so that the same one twice is seen as two. */
  count: number;
}

export interface SessionViews {
  reveal(session: string, target: ViewTarget): void;
  revealed: ReadonlyMap<string, Revealed>;
}

export const SessionViewsContext = createContext<SessionViews | null>(null);

/** Brings another view of the session in front, at a place of it. Null where views do not stand side by side. */
export function useReveal(session: string): ((target: ViewTarget) => void) | null {
  const views = useContext(SessionViewsContext);
  return views && ((target) => views.reveal(session, target));
}

/** Calls `go` for each request that is meant for this view of the session, also one that came just before it was mounted. */
export function useRevealed<V extends PaneView>(
  session: string,
  view: V,
  go: (target: Extract<ViewTarget, { view: V }>) => void,
): void {
  const found = useContext(SessionViewsContext)?.revealed.get(`${session} ${view}`);
  const latest = useRef(go);
  latest.current = go;
  const seen = useRef(0);
  useEffect(() => {
    if (!found || found.count === seen.current || found.target.view !== view) return;
    seen.current = found.count;
    // The union's member with this view, by the line above.
    latest.current(found.target as Extract<ViewTarget, { view: V }>);
  }, [found, view]);
}
