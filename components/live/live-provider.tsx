'use client';

import { type Query, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { type Affected, affectedBy } from './affected';
import { type FeedState, LiveFeed } from './live-feed';

/** Changes of one task come in bursts; one fetch for all that arrive within this many ms. */
const GATHER_MS = 60;

const FeedContext = createContext<FeedState>('connecting');

export function useFeedState(): FeedState {
  return useContext(FeedContext);
}

/** tRPC's query keys are `[path, {input}]`. */
function shows(query: Query, { path, id }: Affected): boolean {
  const [own, options] = query.queryKey;
  if (!Array.isArray(own) || path.some((part, at) => own[at] !== part)) return false;
  if (id === undefined) return true;
  const input = typeof options === 'object' && options !== null && 'input' in options ? options.input : null;
  if (typeof input !== 'object' || input === null) return false;
  return ('id' in input && input.id === id) || ('sandboxId' in input && input.sandboxId === id);
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [state, setState] = useState<FeedState>('connecting');

  useEffect(() => {
    let gathered: Affected[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      const now = gathered;
      gathered = [];
      timer = undefined;
      void queries.invalidateQueries({ predicate: (query) => now.some((it) => shows(query, it)) });
    };
    const feed = new LiveFeed('/api/events', {
      onState: setState,
      onGap: () => void queries.invalidateQueries(),
      // The stream does not tell why it was refused; this query leads to the sign-in page if it must.
      onRefused: () =>
        void queries.invalidateQueries({ predicate: (query) => shows(query, { path: ['account', 'me'] }) }),
      onEvent: (event) => {
        gathered.push(...affectedBy(event));
        timer ??= setTimeout(flush, GATHER_MS);
      },
    });
    return () => {
      clearTimeout(timer);
      feed.close();
    };
  }, [queries]);

  return <FeedContext.Provider value={state}>{children}</FeedContext.Provider>;
}
