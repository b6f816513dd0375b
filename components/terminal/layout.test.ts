import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allPanes,
  emptyLayout,
  flat,
  type Layout,
  type LayoutAction,
  layoutReducer,
  type Node,
  type PaneView,
  panesOf,
  paneViews,
} from './layout';
import { readLayout } from './read-layout';

function done(...actions: LayoutAction[]): Layout {
  return actions.reduce(layoutReducer, emptyLayout);
}
const sync = (...open: string[]): LayoutAction => ({ type: 'sync', open, known: open });
const split = (direction: 'right' | 'down') => {
  return (target: string, session: string, view: PaneView = 'terminal'): LayoutAction => ({
    type: 'split',
    target,
    session,
    view,
    direction,
  });
};
const right = split('right');
const down = split('down');

/** `a|b` is right of, `a/b` below, `a:driver` another view. */
function drawn(node: Node): string {
  if (node.kind === 'pane') return node.view === 'terminal' ? node.session : `${node.session}:${node.view}`;
  return `(${node.children.map(drawn).join(node.direction === 'right' ? '|' : '/')})`;
}
const splits = (node: Node): string[] =>
  node.kind === 'pane' ? [] : [node.id, ...node.children.flatMap(splits)];
const tabs = (layout: Layout) => layout.tabs.map((it) => drawn(it.root)).join(' ');

describe('layout', () => {
  test('new sessions get a tab, vanished ones go', () => {
    expect(tabs(done(sync('a', 'b')))).toBe('a b');
    expect(tabs(done(sync('a', 'b'), sync('b', 'c')))).toBe('b c');
  });

  test('splits in one direction stay flat, the other direction nests', () => {
    expect(tabs(done(sync('a'), right('a', 'b'), right('a', 'c')))).toBe('(a|c|b)');
    expect(tabs(done(sync('a'), right('a', 'b'), down('b', 'c')))).toBe('(a|(b/c))');
  });

  test('what stands elsewhere is moved, never doubled', () => {
    expect(tabs(done(sync('a', 'b'), right('a', 'b')))).toBe('(a|b)');
  });

  test('closing collapses the split and the neighbour tab becomes active', () => {
    const layout = done(sync('a', 'b', 'c'), { type: 'show', session: 'b' }, { type: 'close', session: 'b' });
    expect(layout.activeTab).toBe('tab-c');
    expect(tabs(done(sync('a'), right('a', 'b'), { type: 'close', session: 'a' }))).toBe('b');
  });

  test('an ended session stays where it is shown until it is closed', () => {
    const layout = layoutReducer(done(sync('a', 'b')), { type: 'sync', open: ['a'], known: ['a', 'b'] });
    expect(tabs(layout)).toBe('a b');
    expect(tabs(done({ type: 'sync', open: ['a'], known: ['a', 'b'] }))).toBe('a');
  });

  test('detach and move', () => {
    const beside = done(sync('a', 'z'), right('a', 'b'));
    expect(tabs(layoutReducer(beside, { type: 'detach', pane: 'a' }))).toBe('b a z');
    expect(tabs(done(sync('a', 'b', 'c'), { type: 'move', tab: 'tab-c', before: 'tab-a' }))).toBe('c a b');
  });

  test('a tab that outlived its session’s name does not clash with the session’s new tab', () => {
    const layout = done(
      sync('a'),
      right('a', 'b'),
      { type: 'detach', pane: 'a' },
      { type: 'close', session: 'a' },
    );
    const again = layoutReducer(layout, { type: 'show', session: 'a' });
    expect(tabs(again)).toBe('b a');
    expect(new Set(again.tabs.map((it) => it.id)).size).toBe(2);
  });
});

describe('views of one session', () => {
  test('a pane changes its view and keeps its place; where the view stands already, that pane is shown', () => {
    const driver = done(sync('a', 'b'), { type: 'view', pane: 'a', view: 'driver' });
    expect(tabs(driver)).toBe('a:driver b');
    const both = layoutReducer(driver, right('a', 'a', 'inspector'));
    expect(tabs(both)).toBe('(a:driver|a:inspector) b');
    const same = layoutReducer(both, { type: 'view', pane: 'a', view: 'inspector' });
    expect(tabs(same)).toBe(tabs(both));
    expect(same.tabs[0]?.active).toBe('a-2');
  });

  test('three views side by side, one closed again; the last one stays', () => {
    const three = done(sync('a'), right('a', 'a', 'driver'), right('a-2', 'a', 'inspector'));
    expect(tabs(three)).toBe('(a|a:driver|a:inspector)');
    const one = [{ pane: 'a' }, { pane: 'a-2' }, { pane: 'a-3' }].reduce(
      (layout, { pane }) => layoutReducer(layout, { type: 'closePane', pane }),
      three,
    );
    expect(tabs(one)).toBe('a:inspector');
  });

  test('a view is revealed beside its session, in place on a phone, or shown where it stands', () => {
    const beside = done(sync('a', 'b'), { type: 'reveal', session: 'a', view: 'driver', inPlace: false });
    expect(tabs(beside)).toBe('(a|a:driver) b');
    expect(tabs(layoutReducer(beside, { type: 'reveal', session: 'a', view: 'driver', inPlace: true }))).toBe(
      '(a|a:driver) b',
    );
    expect(tabs(done(sync('a'), { type: 'reveal', session: 'a', view: 'driver', inPlace: true }))).toBe(
      'a:driver',
    );
  });

  test('on a phone a session is one tab, in the view that was used last', () => {
    const three = done(sync('a', 'b'), right('a', 'a', 'driver'), { type: 'focus', pane: 'a-2' });
    expect(tabs(flat(three))).toBe('a:driver b');
    expect(flat(three).activeTab).toBe('flat-a');
  });

  test('what was kept is read again; layouts from before there were views too; nonsense is none', () => {
    const kept = done(sync('a', 'b'), right('a', 'a', 'driver'));
    expect(readLayout(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
    const old = {
      tabs: [
        {
          id: 'tab-a',
          active: 'b',
          root: {
            kind: 'split',
            id: 's',
            direction: 'right',
            sizes: { a: 30, b: 70 },
            children: [
              { kind: 'pane', session: 'a' },
              { kind: 'pane', session: 'b' },
            ],
          },
        },
      ],
      activeTab: 'tab-a',
    };
    expect(tabs(readLayout(old) ?? emptyLayout)).toBe('(a|b)');
    for (const it of [null, 7, {}, { tabs: [{ id: 'x' }], activeTab: null }])
      expect(readLayout(it)).toBeNull();
  });
});

test('whatever is done: each view of a session once, ids unique, the active tab and pane exist', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const pane = fc.constantFrom('a', 'b', 'c', 'a-2', 'a-3', 'b-2', 'c-2');
  const view = fc.constantFrom(...paneViews);
  const direction = fc.constantFrom('right' as const, 'down' as const);
  const action: fc.Arbitrary<LayoutAction> = fc.oneof(
    fc.subarray(['a', 'b', 'c', 'd', 'e']).map((open) => sync(...open)),
    name.map((session) => ({ type: 'show' as const, session })),
    name.map((session) => ({ type: 'close' as const, session })),
    pane.map((it) => ({ type: 'detach' as const, pane: it })),
    pane.map((it) => ({ type: 'closePane' as const, pane: it })),
    pane.map((it) => ({ type: 'focus' as const, pane: it })),
    fc.record({ type: fc.constant('view' as const), pane, view }),
    fc.record({ type: fc.constant('reveal' as const), session: name, view, inPlace: fc.boolean() }),
    fc.record({ type: fc.constant('split' as const), target: pane, session: name, view, direction }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const layout = done(...actions);
      const panes = allPanes(layout);
      expect(new Set(panes.map((it) => `${it.session} ${it.view}`)).size).toBe(panes.length);
      expect(new Set(panes.map((it) => it.id)).size).toBe(panes.length);
      expect(new Set(layout.tabs.map((it) => it.id)).size).toBe(layout.tabs.length);
      for (const tab of layout.tabs) {
        const ids = splits(tab.root);
        expect(new Set(ids).size).toBe(ids.length);
      }
      expect(layout.tabs.every((tab) => panesOf(tab.root).some((it) => it.id === tab.active))).toBe(true);
      expect(layout.activeTab === null).toBe(layout.tabs.length === 0);
      expect(layout.activeTab === null || layout.tabs.some((it) => it.id === layout.activeTab)).toBe(true);
      expect(readLayout(JSON.parse(JSON.stringify(layout)))).toEqual(layout);
      const phone = flat(layout);
      expect(phone.tabs.length).toBe(new Set(panes.map((it) => it.session)).size);
      expect(phone.activeTab === null || phone.tabs.some((it) => it.id === phone.activeTab)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
