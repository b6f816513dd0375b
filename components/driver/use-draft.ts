'use client';

import { useCallback, useEffect, useRef, useState } from 'react';

/** Written so long after the last key, in ms. */
const KEEP_MS = 250;
/** A larger draft lives as long as the page: the browser's store is small. */
const KEPT_MAX_CHARS = 100_000;

function load(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function keep(key: string, text: string): void {
  try {
    if (text === '' || text.length > KEPT_MAX_CHARS) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Private windows and full stores: the draft then lives as long as the page.
  }
}

/** What was typed and not sent, kept for each session in this browser. */
export function useDraft(session: string): [string, (text: string) => void] {
  const key = `cloud-claude.draft.${session}`;
  const [text, setText] = useState(() => load(key));
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(text);
  const set = useCallback(
    (next: string) => {
      latest.current = next;
      setText(next);
      clearTimeout(timer.current);
      // What was sent must not come back after a reload.
      if (next === '') keep(key, next);
      else timer.current = setTimeout(() => keep(key, next), KEEP_MS);
    },
    [key],
  );
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      keep(key, latest.current);
    },
    [key],
  );
  return [text, set];
}
