/**
 * Which sessions are shown where, and in which view. A tab holds one pane or several split right and down; a pane is
 * one session in one view, and each such pair stands in exactly one place. Pure: the screen is drawn from it, and it
 * is kept per user and sandbox.
 */
export const paneViews = ['terminal', 'driver', 'inspector'] as const;
export type PaneView = (typeof paneViews)[number];
export type Direction = 'right' | 'down';
/** `id` stays when the view changes, so that sizes do. */
export interface Pane {
  kind: 'pane';
  id: string;
  session: string;
  view: PaneView;
}
export interface Split {
  kind: 'split';
  id: string;
  direction: Direction;
  children: Node[];
  sizes: Record<string, number>;
}
export type Node = Pane | Split;
export interface Tab {
  id: string;
  root: Node;
  /** The pane that had the keyboard last. */
  active: string;
}
export interface Layout {
  tabs: Tab[];
  activeTab: string | null;
}

export type LayoutAction =
  /** What was kept elsewhere takes the place of everything. */
  | { type: 'load'; layout: Layout }
  /** `open`: every session that has not ended; `known`: all there are. What is not known goes, what is new gets a tab. */
  | { type: 'sync'; open: string[]; known: string[] }
  | { type: 'show'; session: string }
  | { type: 'focus'; pane: string }
  /** Another view of the same session in this pane; where it stands already, that pane is shown instead. */
  | { type: 'view'; pane: string; view: PaneView }
  /** Brings a view in front, beside the session's own pane when it stands nowhere; with `inPlace` instead of it. */
  | { type: 'reveal'; session: string; view: PaneView; inPlace: boolean }
  | { type: 'split'; target: string; session: string; view: PaneView; direction: Direction }
  | { type: 'detach'; pane: string }
  /** One view; the last one of a session stays. */
  | { type: 'closePane'; pane: string }
  | { type: 'close'; session: string }
  | { type: 'move'; tab: string; before: string | null }
  | { type: 'resize'; split: string; sizes: Record<string, number> };

export const emptyLayout: Layout = { tabs: [], activeTab: null };

export function panesOf(node: Node): Pane[] {
  return node.kind === 'pane' ? [node] : node.children.flatMap(panesOf);
}

export function allPanes(layout: Layout): Pane[] {
  return layout.tabs.flatMap((it) => panesOf(it.root));
}

export function activePane(tab: Tab): Pane | undefined {
  const panes = panesOf(tab.root);
  return panes.find((it) => it.id === tab.active) ?? panes[0];
}

function splitIds(node: Node): string[] {
  return node.kind === 'pane' ? [] : [node.id, ...node.children.flatMap(splitIds)];
}

/** A tab, split or pane keeps its id when what it was named after leaves it, so the plain name may be taken. */
function fresh(name: string, taken: readonly string[]): string {
  for (let at = 1; ; at++) {
    const id = at === 1 ? name : `${name}-${at}`;
    if (!taken.includes(id)) return id;
  }
}

function newTab(pane: Pane, tabs: readonly Tab[]): Tab {
  const taken = tabs.map((it) => it.id);
  return { id: fresh(`tab-${pane.session}`, taken), root: pane, active: pane.id };
}

function newPane(layout: Layout, session: string, view: PaneView): Pane {
  const taken = allPanes(layout).map((it) => it.id);
  return { kind: 'pane', id: fresh(session, taken), session, view };
}

/** A split with one child left is that child; an empty one is gone. */
function without(node: Node, gone: (pane: Pane) => boolean): Node | null {
  if (node.kind === 'pane') return gone(node) ? null : node;
  const children = node.children.flatMap((it) => without(it, gone) ?? []);
  if (children.length === node.children.length && children.every((it, at) => it === node.children[at]))
    return node;
  const [only] = children;
  if (children.length <= 1) return only ?? null;
  return { ...node, children, sizes: {} };
}

function splitAt(node: Node, at: { target: string; direction: Direction; pane: Pane; id: string }): Node {
  const { target, direction, pane, id } = at;
  if (node.kind === 'pane') {
    if (node.id !== target) return node;
    return { kind: 'split', id, direction, children: [node, pane], sizes: {} };
  }
  const place = node.children.findIndex((it) => it.kind === 'pane' && it.id === target);
  if (place >= 0 && node.direction === direction)
    return { ...node, children: node.children.toSpliced(place + 1, 0, pane), sizes: {} };
  return { ...node, children: node.children.map((it) => splitAt(it, at)) };
}

function mapped(node: Node, change: (node: Node) => Node): Node {
  const next = change(node);
  return next.kind === 'pane' ? next : { ...next, children: next.children.map((it) => mapped(it, change)) };
}

function changed(layout: Layout, change: (node: Node) => Node): Layout {
  return { ...layout, tabs: layout.tabs.map((it) => ({ ...it, root: mapped(it.root, change) })) };
}

/** Takes panes out; tabs that become empty go, and the neighbour of the active one takes its place. */
function take(layout: Layout, gone: (pane: Pane) => boolean): Layout {
  const tabs = layout.tabs.flatMap((tab) => {
    const root = without(tab.root, gone);
    if (!root) return [];
    const left = panesOf(root).map((it) => it.id);
    return [{ ...tab, root, active: left.includes(tab.active) ? tab.active : (left[0] ?? '') }];
  });
  if (tabs.some((it) => it.id === layout.activeTab)) return { ...layout, tabs };
  const at = layout.tabs.findIndex((it) => it.id === layout.activeTab);
  return { tabs, activeTab: (tabs[Math.min(Math.max(at, 0), tabs.length - 1)] ?? null)?.id ?? null };
}

function tabWith(layout: Layout, holds: (pane: Pane) => boolean): Tab | undefined {
  return layout.tabs.find((it) => panesOf(it.root).some(holds));
}

export function tabOf(layout: Layout, session: string): Tab | undefined {
  return tabWith(layout, (it) => it.session === session);
}

function focused(layout: Layout, pane: string): Layout {
  const home = tabWith(layout, (it) => it.id === pane);
  if (!home) return layout;
  const tabs = layout.tabs.map((it) => (it === home ? { ...it, active: pane } : it));
  return { tabs, activeTab: home.id };
}

/** The session's pane that one would look at: the active one of its tab, else its first. */
function mainPane(layout: Layout, session: string): Pane | undefined {
  const homes = layout.tabs.filter((it) => panesOf(it.root).some((pane) => pane.session === session));
  const home = homes.find((it) => it.id === layout.activeTab) ?? homes[0];
  if (!home) return undefined;
  const panes = panesOf(home.root).filter((it) => it.session === session);
  return panes.find((it) => it.id === home.active) ?? panes[0];
}

function placeOf(layout: Layout, session: string, view: PaneView): Pane | undefined {
  return allPanes(layout).find((it) => it.session === session && it.view === view);
}

function split(layout: Layout, action: Extract<LayoutAction, { type: 'split' }>): Layout {
  const { target, session, view, direction } = action;
  const there = placeOf(layout, session, view);
  if (there?.id === target || !allPanes(layout).some((it) => it.id === target)) return layout;
  const freed = there ? take(layout, (it) => it.id === there.id) : layout;
  const home = tabWith(freed, (it) => it.id === target);
  if (!home) return layout;
  const pane = there ?? newPane(freed, session, view);
  const id = fresh(`split-${target}-${pane.id}`, splitIds(home.root));
  const tabs = freed.tabs.map((it) =>
    it === home ? { ...it, root: splitAt(it.root, { target, direction, pane, id }), active: pane.id } : it,
  );
  return { tabs, activeTab: home.id };
}

function setView(layout: Layout, pane: Pane, view: PaneView): Layout {
  const there = placeOf(layout, pane.session, view);
  if (there) return focused(layout, there.id);
  const next = changed(layout, (it) => (it.kind === 'pane' && it.id === pane.id ? { ...it, view } : it));
  return focused(next, pane.id);
}

export function layoutReducer(layout: Layout, action: LayoutAction): Layout {
  switch (action.type) {
    case 'load':
      return action.layout;
    case 'sync': {
      const kept = take(layout, (it) => !action.known.includes(it.session));
      const tabs = [...kept.tabs];
      for (const session of action.open)
        if (!tabOf(kept, session)) tabs.push(newTab(newPane(kept, session, 'terminal'), tabs));
      return { tabs, activeTab: kept.activeTab ?? tabs[0]?.id ?? null };
    }
    case 'show': {
      const pane = mainPane(layout, action.session);
      if (pane) return focused(layout, pane.id);
      const tab = newTab(newPane(layout, action.session, 'terminal'), layout.tabs);
      return { tabs: [...layout.tabs, tab], activeTab: tab.id };
    }
    case 'focus':
      return focused(layout, action.pane);
    case 'view': {
      const pane = allPanes(layout).find((it) => it.id === action.pane);
      return pane ? setView(layout, pane, action.view) : layout;
    }
    case 'reveal': {
      const { session, view } = action;
      const there = placeOf(layout, session, view);
      if (there) return focused(layout, there.id);
      const shown = mainPane(layout, session);
      if (!shown) return layout;
      if (action.inPlace) return setView(layout, shown, view);
      return split(layout, { type: 'split', target: shown.id, session, view, direction: 'right' });
    }
    case 'split':
      return split(layout, action);
    case 'detach': {
      const home = tabWith(layout, (it) => it.id === action.pane);
      const pane = home && panesOf(home.root).find((it) => it.id === action.pane);
      if (!home || !pane || home.root.kind === 'pane') return layout;
      const freed = take(layout, (it) => it.id === action.pane);
      const tab = newTab(pane, freed.tabs);
      const at = freed.tabs.findIndex((it) => it.id === home.id);
      return { tabs: freed.tabs.toSpliced(at + 1, 0, tab), activeTab: tab.id };
    }
    case 'closePane': {
      const panes = allPanes(layout);
      const pane = panes.find((it) => it.id === action.pane);
      const last = pane && panes.filter((it) => it.session === pane.session).length === 1;
      return !pane || last ? layout : take(layout, (it) => it.id === pane.id);
    }
    case 'close':
      return take(layout, (it) => it.session === action.session);
    case 'move': {
      const tab = layout.tabs.find((it) => it.id === action.tab);
      if (!tab || action.tab === action.before) return layout;
      const rest = layout.tabs.filter((it) => it !== tab);
      const at = action.before === null ? rest.length : rest.findIndex((it) => it.id === action.before);
      return at < 0 ? layout : { ...layout, tabs: rest.toSpliced(at, 0, tab) };
    }
    case 'resize':
      return changed(layout, (it) =>
        it.kind === 'split' && it.id === action.split ? { ...it, sizes: action.sizes } : it,
      );
  }
}

/** On a phone every session is a tab of its own, in the view it had last: there is no room beside it. */
export function flat(layout: Layout): Layout {
  const current = layout.tabs.find((it) => it.id === layout.activeTab);
  const active = current && activePane(current);
  const sessions = [...new Set(allPanes(layout).map((it) => it.session))];
  const tabs = sessions.flatMap((session) => {
    const pane = mainPane(layout, session);
    return pane ? [{ id: `flat-${session}`, root: pane, active: pane.id }] : [];
  });
  return { tabs, activeTab: active ? `flat-${active.session}` : null };
}
