'use client';

import { type RefObject, useEffect } from 'react';

/** Ends an element where the phone's keyboard begins: the visual viewport shrinks, the layout's does not. */
export function useVisualHeight(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const apply = () => {
      const element = ref.current;
      if (!element) return;
      const covered = Math.max(0, window.innerHeight - viewport.height - viewport.offsetTop);
      element.style.paddingBottom = covered > 0 ? `${covered}px` : '';
      // Some browsers scroll the page to show the caret; the page has nothing to scroll to.
      if (covered > 0) window.scrollTo(0, 0);
    };
    apply();
    viewport.addEventListener('resize', apply);
    viewport.addEventListener('scroll', apply);
    return () => {
      viewport.removeEventListener('resize', apply);
      viewport.removeEventListener('scroll', apply);
    };
  }, [ref]);
}
