'use client';

import { useEffect, useReducer, useRef } from 'react';
import { emptyLayout, type Layout, type LayoutAction, layoutReducer, type Node } from './layout';

function isNode(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  if (value.kind === 'pane') return 'session' in value && typeof value.session === 'string';
  return (
    value.kind === 'split' &&
    'children' in value &&
    Array.isArray(value.children) &&
    value.children.every(isNode) &&
    'sizes' in value &&
    typeof value.sizes === 'object'
  );
}

function isLayout(value: unknown): value is Layout {
  return (
    typeof value === 'object' &&
    value !== null &&
    'tabs' in value &&
    Array.isArray(value.tabs) &&
    value.tabs.every(
      (it) => typeof it === 'object' && it !== null && typeof it.id === 'string' && isNode(it.root),
    )
  );
}

function load(key: string): Layout {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
    return isLayout(value) ? value : emptyLayout;
  } catch {
    return emptyLayout;
  }
}

/** The layout of one sandbox as this user left it in this browser. Mounted in the browser only. */
export function useLayout(userId: string, sandboxId: string): [Layout, (action: LayoutAction) => void] {
  const key = `cloud-claude.layout.${userId}.${sandboxId}`;
  const [layout, dispatch] = useReducer(layoutReducer, key, load);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    try {
      localStorage.setItem(key, JSON.stringify(layout));
    } catch {
      // Private windows and full stores: the layout then lives as long as the page.
    }
  }, [key, layout]);
  return [layout, dispatch];
}
