'use client';

import { type RefObject, useEffect, useState } from 'react';

/** From here on there is room for a column beside the conversation; of the pane, not the window; in pixels. */
const WIDE_PX = 880;

export function useWide(root: RefObject<HTMLElement | null>): boolean {
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => entry && setWide(entry.contentRect.width >= WIDE_PX));
    observer.observe(element);
    return () => observer.disconnect();
  }, [root]);
  return wide;
}
