'use client';

import { useSearchParams } from 'next/navigation';
import { useEffect } from 'react';
import type { SessionView } from '../../shared/views';
import { type LayoutAction, type PaneView, paneViews } from './layout';

function isView(text: string | null): text is PaneView {
  return paneViews.some((it) => it === text);
}

/** `?session=ID&view=driver`, as the dashboard and notifications lead here: shown once, then gone from the address. */
export function useAskedFor(
  sandboxId: string,
  sessions: ReadonlyMap<string, SessionView>,
  dispatch: (action: LayoutAction) => void,
): void {
  const query = useSearchParams();
  const session = query.get('session');
  const view = query.get('view');
  const known = session !== null && sessions.has(session);
  useEffect(() => {
    if (session === null || !known) return;
    dispatch({ type: 'show', session });
    if (isView(view)) dispatch({ type: 'reveal', session, view, inPlace: true });
    // Next takes this up without asking the server for the page again.
    window.history.replaceState(null, '', `/sandboxes/${sandboxId}`);
  }, [session, view, known, sandboxId, dispatch]);
}
