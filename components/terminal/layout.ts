/**
 * Which sessions are shown where. A tab holds one session or several split right and down; each session stands in
 * exactly one place. Pure: the screen is drawn from it, and it is kept per user and sandbox in the browser.
 */
export type Direction = 'right' | 'down';
export type Node =
  | { kind: 'pane'; session: string }
  | { kind: 'split'; id: string; direction: Direction; children: Node[]; sizes: Record<string, number> };
export interface Tab {
  id: string;
  root: Node;
  /** The session that had the keyboard last. */
  active: string;
}
export interface Layout {
  tabs: Tab[];
  activeTab: string | null;
}

export type LayoutAction =
  /** `open`: every session that has not ended; `known`: all there are. What is not known goes, what is new gets a tab. */
  | { type: 'sync'; open: string[]; known: string[] }
  | { type: 'show'; session: string }
  | { type: 'split'; target: string; session: string; direction: Direction }
  | { type: 'detach'; session: string }
  | { type: 'close'; session: string }
  | { type: 'move'; tab: string; before: string | null }
  | { type: 'resize'; split: string; sizes: Record<string, number> };

export const emptyLayout: Layout = { tabs: [], activeTab: null };

export function sessionsOf(node: Node): string[] {
  return node.kind === 'pane' ? [node.session] : node.children.flatMap(sessionsOf);
}

/** What names a node among its siblings: its session or its split. */
export function nodeId(node: Node): string {
  return node.kind === 'pane' ? node.session : node.id;
}

function splitIds(node: Node): string[] {
  return node.kind === 'pane' ? [] : [node.id, ...node.children.flatMap(splitIds)];
}

/** A tab or split keeps its id when the session it was named after leaves it, so the plain name may be taken. */
function fresh(name: string, taken: readonly string[]): string {
  for (let at = 1; ; at++) {
    const id = at === 1 ? name : `${name}-${at}`;
    if (!taken.includes(id)) return id;
  }
}

function newTab(session: string, tabs: readonly Tab[]): Tab {
  const taken = tabs.map((it) => it.id);
  return { id: fresh(`tab-${session}`, taken), root: { kind: 'pane', session }, active: session };
}

/** A split with one child left is that child; an empty one is gone. */
function without(node: Node, gone: (session: string) => boolean): Node | null {
  if (node.kind === 'pane') return gone(node.session) ? null : node;
  const children = node.children.flatMap((it) => without(it, gone) ?? []);
  if (children.length === node.children.length && children.every((it, at) => it === node.children[at]))
    return node;
  const [only] = children;
  if (children.length <= 1) return only ?? null;
  return { ...node, children, sizes: {} };
}

function splitAt(node: Node, action: Extract<LayoutAction, { type: 'split' }>, id: string): Node {
  const pane: Node = { kind: 'pane', session: action.session };
  if (node.kind === 'pane') {
    if (node.session !== action.target) return node;
    return { kind: 'split', id, direction: action.direction, children: [node, pane], sizes: {} };
  }
  const at = node.children.findIndex((it) => it.kind === 'pane' && it.session === action.target);
  if (at >= 0 && node.direction === action.direction)
    return { ...node, children: node.children.toSpliced(at + 1, 0, pane), sizes: {} };
  return { ...node, children: node.children.map((it) => splitAt(it, action, id)) };
}

function resized(node: Node, split: string, sizes: Record<string, number>): Node {
  if (node.kind === 'pane') return node;
  return {
    ...node,
    sizes: node.id === split ? sizes : node.sizes,
    children: node.children.map((it) => resized(it, split, sizes)),
  };
}

/** Takes sessions out; tabs that become empty go, and the neighbour of the active one takes its place. */
function take(layout: Layout, gone: (session: string) => boolean): Layout {
  const tabs = layout.tabs.flatMap((tab) => {
    const root = without(tab.root, gone);
    if (!root) return [];
    const left = sessionsOf(root);
    return [{ ...tab, root, active: left.includes(tab.active) ? tab.active : (left[0] ?? '') }];
  });
  if (tabs.some((it) => it.id === layout.activeTab)) return { ...layout, tabs };
  const at = layout.tabs.findIndex((it) => it.id === layout.activeTab);
  return { tabs, activeTab: (tabs[Math.min(Math.max(at, 0), tabs.length - 1)] ?? null)?.id ?? null };
}

export function tabOf(layout: Layout, session: string): Tab | undefined {
  return layout.tabs.find((it) => sessionsOf(it.root).includes(session));
}

export function layoutReducer(layout: Layout, action: LayoutAction): Layout {
  switch (action.type) {
    case 'sync': {
      const kept = take(layout, (it) => !action.known.includes(it));
      const tabs = [...kept.tabs];
      for (const session of action.open) if (!tabOf(kept, session)) tabs.push(newTab(session, tabs));
      return { tabs, activeTab: kept.activeTab ?? tabs[0]?.id ?? null };
    }
    case 'show': {
      const there = tabOf(layout, action.session);
      if (!there) {
        const tab = newTab(action.session, layout.tabs);
        return { tabs: [...layout.tabs, tab], activeTab: tab.id };
      }
      const tabs = layout.tabs.map((it) => (it === there ? { ...it, active: action.session } : it));
      return { tabs, activeTab: there.id };
    }
    case 'split': {
      if (action.target === action.session || !tabOf(layout, action.target)) return layout;
      const freed = take(layout, (it) => it === action.session);
      const home = tabOf(freed, action.target);
      if (!home) return layout;
      const id = fresh(`split-${action.target}-${action.session}`, splitIds(home.root));
      const tabs = freed.tabs.map((it) =>
        it === home ? { ...it, root: splitAt(it.root, action, id), active: action.session } : it,
      );
      return { tabs, activeTab: home.id };
    }
    case 'detach': {
      const home = tabOf(layout, action.session);
      if (!home || home.root.kind === 'pane') return layout;
      const freed = take(layout, (it) => it === action.session);
      const tab = newTab(action.session, freed.tabs);
      const at = freed.tabs.findIndex((it) => it.id === home.id);
      return { tabs: freed.tabs.toSpliced(at + 1, 0, tab), activeTab: tab.id };
    }
    case 'close':
      return take(layout, (it) => it === action.session);
    case 'move': {
      const tab = layout.tabs.find((it) => it.id === action.tab);
      if (!tab || action.tab === action.before) return layout;
      const rest = layout.tabs.filter((it) => it !== tab);
      const at = action.before === null ? rest.length : rest.findIndex((it) => it.id === action.before);
      return at < 0 ? layout : { ...layout, tabs: rest.toSpliced(at, 0, tab) };
    }
    case 'resize':
      return {
        ...layout,
        tabs: layout.tabs.map((it) => ({ ...it, root: resized(it.root, action.split, action.sizes) })),
      };
  }
}
