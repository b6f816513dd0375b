'use client';

import { Bot, Columns2, Plus, SquareTerminal, UserRound } from 'lucide-react';
import { useMemo } from 'react';
import type { SessionView } from '../../shared/views';
import { type Command, useCommands } from '../shell/commands';
import {
  activePane,
  type Direction,
  type Layout,
  type LayoutAction,
  type PaneView,
  paneViews,
} from './layout';
import { viewFaces } from './pane-head';

const group = 'This sandbox';
const combo = (code: string) => ({ code, mod: true, shift: true });
const viewKeys = { driver: combo('KeyD'), inspector: combo('KeyI') } as const;

/** The palette's and the keyboard's way to what the workspace can do. */
export function useWorkspaceCommands({
  layout,
  sessions,
  phone,
  dispatch,
  open,
  split,
  onOptions,
  onLogin,
  onEnd,
}: {
  layout: Layout;
  sessions: ReadonlyMap<string, SessionView>;
  phone: boolean;
  dispatch(action: LayoutAction): void;
  open(kind: SessionView['kind']): void;
  split(direction: Direction): void;
  onOptions(): void;
  onLogin(): void;
  onEnd(session: SessionView): void;
}): void {
  const { tabs } = layout;
  const tab = tabs.find((it) => it.id === layout.activeTab);
  const pane = tab && activePane(tab);
  const active = pane && sessions.get(pane.session);

  const views = useMemo<Command[]>(() => {
    if (!pane || active?.kind !== 'claude') return [];
    const show = (view: PaneView) => dispatch({ type: 'view', pane: pane.id, view });
    const toggle = (view: 'driver' | 'inspector'): Command => ({
      id: `view-${view}`,
      title: `Show the ${view}, or the terminal again`,
      group,
      icon: viewFaces[view].icon,
      shortcut: viewKeys[view],
      run: () => show(pane.view === view ? 'terminal' : view),
    });
    return [
      toggle('driver'),
      toggle('inspector'),
      {
        id: 'view-terminal',
        title: 'Show the terminal',
        group,
        icon: SquareTerminal,
        run: () => show('terminal'),
      },
      ...(phone
        ? []
        : paneViews.map((view) => ({
            id: `beside-${view}`,
            title: `Show the ${view} beside`,
            group,
            icon: Columns2,
            run: () => dispatch({ type: 'reveal', session: pane.session, view, inPlace: false }),
          }))),
    ];
  }, [pane, active?.kind, phone, dispatch]);

  const commands = useMemo<Command[]>(() => {
    const next = (step: number) => {
      const at = tabs.findIndex((it) => it.id === tab?.id);
      const to = tabs[(at + step + tabs.length) % tabs.length];
      if (to) dispatch({ type: 'focus', pane: to.active });
    };
    const nameOf = (it: (typeof tabs)[number]) => sessions.get(activePane(it)?.session ?? '')?.name ?? '';
    return [
      {
        id: 'new-claude',
        title: 'New Claude session',
        group,
        icon: Bot,
        shortcut: combo('KeyO'),
        run: () => open('claude'),
      },
      {
        id: 'new-shell',
        title: 'New shell',
        group,
        icon: SquareTerminal,
        shortcut: combo('KeyE'),
        run: () => open('shell'),
      },
      { id: 'new-session', title: 'New session with options…', group, icon: Plus, run: onOptions },
      {
        id: 'login',
        title: 'Log in to Claude in this sandbox…',
        group,
        icon: UserRound,
        keywords: ['subscription', 'account'],
        run: onLogin,
      },
      ...(phone || !tab
        ? []
        : [
            {
              id: 'split-right',
              title: 'Split right',
              group,
              shortcut: combo('Backslash'),
              run: () => split('right'),
            },
            {
              id: 'split-down',
              title: 'Split down',
              group,
              shortcut: combo('KeyS'),
              run: () => split('down'),
            },
          ]),
      ...(tabs.length > 1
        ? [
            { id: 'next-tab', title: 'Next tab', group, shortcut: combo('BracketRight'), run: () => next(1) },
            {
              id: 'previous-tab',
              title: 'Previous tab',
              group,
              shortcut: combo('BracketLeft'),
              run: () => next(-1),
            },
          ]
        : []),
      ...tabs.slice(0, 9).map((it, at) => ({
        id: `tab-${at + 1}`,
        title: `Tab ${at + 1}: ${nameOf(it)}`,
        group: 'Sessions',
        shortcut: { code: `Digit${at + 1}`, alt: true },
        run: () => dispatch({ type: 'focus', pane: it.active }),
      })),
      ...(active && active.state !== 'ended'
        ? [{ id: 'end-session', title: `End session “${active.name}”…`, group, run: () => onEnd(active) }]
        : []),
    ];
  }, [open, split, phone, tab, tabs, sessions, active, dispatch, onOptions, onLogin, onEnd]);

  useCommands(views);
  useCommands(commands);
}
