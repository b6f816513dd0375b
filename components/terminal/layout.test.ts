import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyLayout, type Layout, type LayoutAction, layoutReducer, type Node, sessionsOf } from './layout';

function done(...actions: LayoutAction[]): Layout {
  return actions.reduce(layoutReducer, emptyLayout);
}
const sync = (...open: string[]): LayoutAction => ({ type: 'sync', open, known: open });
const right = (target: string, session: string): LayoutAction => ({
  type: 'split',
  target,
  session,
  direction: 'right',
});
const down = (target: string, session: string): LayoutAction => ({
  type: 'split',
  target,
  session,
  direction: 'down',
});

/** `a|b` is right of, `a/b` below. */
function drawn(node: Node): string {
  if (node.kind === 'pane') return node.session;
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

  test('a session that stands elsewhere is moved, never doubled', () => {
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
    const split = done(sync('a', 'z'), right('a', 'b'));
    expect(tabs(layoutReducer(split, { type: 'detach', session: 'a' }))).toBe('b a z');
    expect(tabs(done(sync('a', 'b', 'c'), { type: 'move', tab: 'tab-c', before: 'tab-a' }))).toBe('c a b');
  });

  test('a tab that outlived its session’s name does not clash with the session’s new tab', () => {
    const layout = done(
      sync('a'),
      right('a', 'b'),
      { type: 'detach', session: 'a' },
      { type: 'close', session: 'a' },
    );
    const again = layoutReducer(layout, { type: 'show', session: 'a' });
    expect(tabs(again)).toBe('b a');
    expect(new Set(again.tabs.map((it) => it.id)).size).toBe(2);
  });

  test('whatever is done: each session once, ids unique, the active tab exists', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const direction = fc.constantFrom('right' as const, 'down' as const);
    const action: fc.Arbitrary<LayoutAction> = fc.oneof(
      fc.subarray(['a', 'b', 'c', 'd', 'e']).map((open) => sync(...open)),
      name.map((session) => ({ type: 'show' as const, session })),
      name.map((session) => ({ type: 'close' as const, session })),
      name.map((session) => ({ type: 'detach' as const, session })),
      fc.record({ type: fc.constant('split' as const), target: name, session: name, direction }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        const layout = done(...actions);
        const shown = layout.tabs.flatMap((it) => sessionsOf(it.root));
        expect(new Set(shown).size).toBe(shown.length);
        expect(new Set(layout.tabs.map((it) => it.id)).size).toBe(layout.tabs.length);
        for (const tab of layout.tabs) {
          const ids = splits(tab.root);
          expect(new Set(ids).size).toBe(ids.length);
        }
        expect(layout.tabs.every((it) => sessionsOf(it.root).includes(it.active))).toBe(true);
        expect(layout.activeTab === null).toBe(layout.tabs.length === 0);
        expect(layout.activeTab === null || layout.tabs.some((it) => it.id === layout.activeTab)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
