'use client';

import dynamic from 'next/dynamic';
import { Activity, useEffect, useMemo, useRef } from 'react';
import { createPortal } from 'react-dom';
import type { SessionView } from '../../shared/views';
import { activePane, allPanes, type Layout, type PaneView, panesOf } from './layout';
import type { Holders } from './pane-slot';
import { TerminalPane } from './terminal-pane';

const loading = () => (
  <div role="status" aria-label="Loading the view" className="h-full animate-pulse bg-sunken" />
);
const DriverView = dynamic(() => import('../driver/driver-view').then((it) => it.DriverView), {
  ssr: false,
  loading,
});
const InspectorView = dynamic(() => import('../inspector/inspector-view').then((it) => it.InspectorView), {
  ssr: false,
  loading,
});

export function viewKey(session: string, view: PaneView): string {
  return `${session} ${view}`;
}

interface Staged {
  key: string;
  session: SessionView;
  view: PaneView;
  pane: string | null;
  visible: boolean;
  active: boolean;
}

/**
 * What stands in the panes, drawn apart from where it stands. Once seen, a terminal stays alive while its session is
 * open anywhere, whatever view of it is shown; the other views keep what they hold and let go of the network while
 * they are hidden.
 */
export function PaneStage({
  layout,
  sessions,
  holders,
  searchRequest,
  onFocus,
  onClose,
}: {
  layout: Layout;
  sessions: ReadonlyMap<string, SessionView>;
  holders: Holders;
  searchRequest: number;
  onFocus(pane: string): void;
  onClose(session: string): void;
}) {
  const seen = useRef(new Set<string>());
  const shown = layout.tabs.find((it) => it.id === layout.activeTab);
  for (const it of shown ? panesOf(shown.root) : []) seen.current.add(viewKey(it.session, it.view));

  const open = useMemo<{ session: string; view: PaneView }[]>(() => {
    const panes = allPanes(layout);
    return [
      ...[...new Set(panes.map((it) => it.session))].map((session) => ({
        session,
        view: 'terminal' as const,
      })),
      ...panes.filter((it) => it.view !== 'terminal'),
    ];
  }, [layout]);
  const staged = useMemo<Staged[]>(() => {
    const panes = allPanes(layout);
    const front = shown ? panesOf(shown.root) : [];
    const keyboard = shown && activePane(shown);
    return open.flatMap(({ session: id, view }) => {
      const key = viewKey(id, view);
      const session = sessions.get(id);
      if (!session || !seen.current.has(key)) return [];
      const pane = panes.find((it) => it.session === id && it.view === view);
      const visible = pane !== undefined && front.includes(pane);
      return [{ key, session, view, pane: pane?.id ?? null, visible, active: visible && pane === keyboard }];
    });
  }, [layout, open, shown, sessions]);

  // Also of those not seen yet: their slots stand in tabs behind the shown one and have taken their holders.
  useEffect(
    () => holders.keep(new Set(open.map(({ session, view }) => viewKey(session, view)))),
    [holders, open],
  );

  return (
    <>
      <div ref={holders.parking} hidden />
      {staged.map(({ key, session, view, pane, visible, active }) => {
        const focus = () => {
          if (pane && !active) onFocus(pane);
        };
        const body =
          view === 'terminal' ? (
            <TerminalPane
              session={session}
              visible={visible}
              active={active}
              onFocus={focus}
              onClose={() => onClose(session.id)}
              searchRequest={searchRequest}
            />
          ) : (
            <Activity mode={visible ? 'visible' : 'hidden'}>
              <div
                className="h-full min-h-0 bg-canvas"
                data-view={view}
                onFocusCapture={focus}
                onPointerDownCapture={focus}
              >
                {view === 'driver' ? <DriverView session={session} /> : <InspectorView session={session} />}
              </div>
            </Activity>
          );
        return createPortal(body, holders.of(key), key);
      })}
    </>
  );
}
