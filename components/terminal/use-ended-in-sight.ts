'use client';

import { useState } from 'react';
import type { SessionView } from '../../shared/views';
import { type Layout, tabOf } from './layout';

/**
 * Sessions that ended while this page showed them. The sandbox lists open ones only; without these a pane would go
 * away under the reader's eyes, with the words that say why.
 */
export function useEndedInSight(open: readonly SessionView[], layout: Layout): readonly SessionView[] {
  const [before, setBefore] = useState(open);
  const [ended, setEnded] = useState<readonly SessionView[]>([]);
  if (open !== before) {
    const gone = before.filter((it) => !open.some(({ id }) => id === it.id) && tabOf(layout, it.id));
    setBefore(open);
    if (gone.length > 0) setEnded([...ended, ...gone.map((it) => ({ ...it, state: 'ended' as const }))]);
  }
  return ended;
}
