'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useReducer, useRef } from 'react';
import { useTRPC } from '../api/trpc';
import { emptyLayout, type Layout, type LayoutAction, layoutReducer } from './layout';
import { readLayout } from './read-layout';

/** A drag of a handle makes many layouts; one is sent when this many ms brought no other. */
const SAVE_AFTER_MS = 400;

/** What this window had: a reload keeps it, whatever other windows of the same person have saved meanwhile. */
function ofThisWindow(key: string): Layout | null {
  try {
    return readLayout(JSON.parse(sessionStorage.getItem(key) ?? 'null'));
  } catch {
    return null;
  }
}

function cached(key: string): Layout {
  try {
    return ofThisWindow(key) ?? readLayout(JSON.parse(localStorage.getItem(key) ?? 'null')) ?? emptyLayout;
  } catch {
    return emptyLayout;
  }
}

function remember(key: string, layout: Layout): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(layout));
    localStorage.setItem(key, JSON.stringify(layout));
  } catch {
    // Private windows and full stores: the server has it.
  }
}

/** What a person does by hand; the rest follows from the sandbox's sessions. */
const byHand = (action: LayoutAction) => action.type !== 'sync' && action.type !== 'load';

/**
 * The layout of one sandbox as this user left it, on the server. What this browser knew last is shown until the
 * answer comes, and wins over it when it was changed by hand meanwhile, or was this window's before a reload. Mounted
 * in the browser only.
 */
export function useLayout(userId: string, sandboxId: string): [Layout, (action: LayoutAction) => void] {
  const key = `cloud-claude.layout.${userId}.${sandboxId}`;
  const [layout, dispatchNow] = useReducer(layoutReducer, key, cached);
  const trpc = useTRPC();
  const stored = useQuery({
    ...trpc.account.layout.queryOptions({ sandboxId }),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const { mutate: save } = useMutation(trpc.account.setLayout.mutationOptions({ meta: { quiet: true } }));
  /** What is here wins over what the server answers, and is saved: a reload may have cut that off. */
  const touched = useRef<boolean | null>(null);
  touched.current ??= ofThisWindow(key) !== null;
  const loaded = useRef(false);

  const dispatch = useCallback((action: LayoutAction) => {
    if (byHand(action)) touched.current = true;
    dispatchNow(action);
  }, []);

  useEffect(() => {
    if (loaded.current || stored.isPending) return;
    loaded.current = true;
    const kept = touched.current ? null : readLayout(stored.data?.layout);
    if (kept) dispatchNow({ type: 'load', layout: kept });
  }, [stored.isPending, stored.data]);

  useEffect(() => {
    remember(key, layout);
    if (!touched.current) return;
    const timer = setTimeout(
      () => save({ sandboxId, layout: JSON.parse(JSON.stringify(layout)) }),
      SAVE_AFTER_MS,
    );
    return () => clearTimeout(timer);
  }, [key, layout, save, sandboxId]);

  return [layout, dispatch];
}
