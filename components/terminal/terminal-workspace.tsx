'use client';

import { Bot, Plus, SquareTerminal } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { SandboxView, SessionView } from '../../shared/views';
import { type Command, useCommands } from '../shell/commands';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { EmptyState } from '../ui/panel';
import { PHONE, useMedia } from '../ui/use-media';
import { useVisualHeight } from '../ui/use-visual-height';
import { type Direction, type Layout, sessionsOf } from './layout';
import { NewSessionDialog } from './new-session-dialog';
import { PaneTree } from './pane-tree';
import { type TabActions, TabStrip } from './tab-strip';
import { TerminalPane } from './terminal-pane';
import { useEndedInSight } from './use-ended-in-sight';
import { useLayout } from './use-layout';
import { useSessions } from './use-sessions';

/** On a phone every session is a tab of its own: there is no room beside it. */
function flat(layout: Layout): Layout {
  const active = layout.tabs.find((it) => it.id === layout.activeTab)?.active;
  const tabs = layout.tabs.flatMap((tab) =>
    sessionsOf(tab.root).map((session) => ({
      id: `flat-${session}`,
      root: { kind: 'pane' as const, session },
      active: session,
    })),
  );
  return { tabs, activeTab: active ? `flat-${active}` : null };
}

/** The open sessions of a running sandbox: tabs, splits, and the terminals in them. */
export function TerminalWorkspace({
  sandbox,
  userId,
  trailing,
}: {
  sandbox: SandboxView;
  userId: string;
  trailing: ReactNode;
}) {
  const [kept, dispatch] = useLayout(userId, sandbox.id);
  const phone = useMedia(PHONE);
  const layout = phone ? flat(kept) : kept;
  const ended = useEndedInSight(sandbox.sessions, kept);
  const sessions = useMemo(
    () => new Map([...ended, ...sandbox.sessions].map((it) => [it.id, it])),
    [sandbox.sessions, ended],
  );
  const [ending, setEnding] = useState<SessionView | null>(null);
  const [dialog, setDialog] = useState(false);
  const [searchRequest, setSearchRequest] = useState(0);
  const root = useRef<HTMLDivElement>(null);
  useVisualHeight(root);

  useEffect(() => {
    dispatch({
      type: 'sync',
      open: sandbox.sessions.filter((it) => it.state !== 'ended').map((it) => it.id),
      known: [...sessions.keys()],
    });
  }, [sandbox.sessions, sessions, dispatch]);

  const tab = layout.tabs.find((it) => it.id === layout.activeTab) ?? null;
  const { create, busy, rename, end } = useSessions(sandbox.id);
  const open = useMemo(() => {
    return (kind: SessionView['kind'], beside?: { target: string; direction: Direction }) =>
      create({ kind }, (session) =>
        dispatch(
          beside ? { type: 'split', ...beside, session: session.id } : { type: 'show', session: session.id },
        ),
      );
  }, [create, dispatch]);
  const split = useMemo(() => {
    return (direction: Direction) => tab && open('shell', { target: tab.active, direction });
  }, [tab, open]);

  const actions: TabActions = {
    show: (session) => dispatch({ type: 'show', session }),
    rename: (id, name) => rename.mutate({ id, name }),
    end: setEnding,
    hide: (session) => dispatch({ type: 'close', session }),
    detach: (session) => dispatch({ type: 'detach', session }),
    move: (moved, before) => dispatch({ type: 'move', tab: moved, before }),
  };

  /** Once seen, a terminal stays alive: switching back shows it at once. */
  const seen = useRef(new Set<string>());
  for (const it of tab ? sessionsOf(tab.root) : []) seen.current.add(it);

  const active = tab ? sessions.get(tab.active) : undefined;
  const tabs = layout.tabs;
  const commands = useMemo<Command[]>(() => {
    const group = 'This sandbox';
    const next = (step: number) => {
      const at = tabs.findIndex((it) => it.id === tab?.id);
      const to = tabs[(at + step + tabs.length) % tabs.length];
      if (to) dispatch({ type: 'show', session: to.active });
    };
    const combo = (code: string) => ({ code, mod: true, shift: true });
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
      {
        id: 'new-session',
        title: 'New session with options…',
        group,
        icon: Plus,
        run: () => setDialog(true),
      },
      ...(phone || !tab
        ? []
        : [
            {
              id: 'split-right',
              title: 'Split right',
              group,
              shortcut: combo('KeyD'),
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
        title: `Tab ${at + 1}: ${sessions.get(it.active)?.name ?? ''}`,
        group: 'Sessions',
        shortcut: { code: `Digit${at + 1}`, alt: true },
        run: () => dispatch({ type: 'show', session: it.active }),
      })),
      ...(active && active.state !== 'ended'
        ? [{ id: 'end-session', title: `End session “${active.name}”…`, group, run: () => setEnding(active) }]
        : []),
    ];
  }, [open, split, phone, tab, tabs, sessions, active, dispatch]);
  useCommands(commands);

  const newMenu = (
    <Menu
      align="start"
      trigger={
        <Button look="ghost" size="icon" aria-label="New session" title="New session" busy={busy}>
          <Plus />
        </Button>
      }
    >
      <MenuItem icon={Bot} onSelect={() => open('claude')}>
        Claude session
      </MenuItem>
      <MenuItem icon={SquareTerminal} onSelect={() => open('shell')}>
        Shell
      </MenuItem>
      <MenuLine />
      <MenuItem onSelect={() => setDialog(true)}>With options…</MenuItem>
    </Menu>
  );

  return (
    <div ref={root} className="flex min-h-0 min-w-0 flex-1 flex-col">
      <TabStrip
        layout={layout}
        sessions={sessions}
        actions={actions}
        newMenu={newMenu}
        onSplit={phone || !tab ? null : split}
        onSearch={() => setSearchRequest((it) => it + 1)}
        trailing={trailing}
      />
      <div className="relative min-h-0 flex-1 bg-terminal">
        {layout.tabs.length === 0 && (
          <EmptyState
            icon={SquareTerminal}
            title="No open sessions"
            action={
              <>
                <Button look="primary" busy={busy} onClick={() => open('claude')}>
                  <Bot /> New Claude session
                </Button>
                <Button onClick={() => open('shell')}>
                  <SquareTerminal /> New shell
                </Button>
              </>
            }
          >
            A session keeps running when you close this page, and looks the same from every device.
          </EmptyState>
        )}
        {layout.tabs.map((it) => {
          const shown = it.id === layout.activeTab;
          return (
            <div
              key={it.id}
              role="tabpanel"
              id={`${it.id}-panel`}
              aria-labelledby={`${it.id}-tab`}
              className={shown ? 'absolute inset-0' : 'invisible absolute inset-0'}
              inert={!shown}
            >
              <PaneTree
                node={it.root}
                onResize={(id, sizes) => dispatch({ type: 'resize', split: id, sizes })}
                pane={(id) => {
                  const session = sessions.get(id);
                  if (!session || !seen.current.has(id)) return null;
                  return (
                    <TerminalPane
                      key={id}
                      session={session}
                      visible={shown}
                      active={shown && it.active === id}
                      onFocus={() => it.active !== id && dispatch({ type: 'show', session: id })}
                      onClose={() => dispatch({ type: 'close', session: id })}
                      searchRequest={searchRequest}
                    />
                  );
                }}
              />
            </div>
          );
        })}
      </div>
      <NewSessionDialog
        open={dialog}
        onOpenChange={setDialog}
        busy={busy}
        onCreate={(input) =>
          create(input, (session) => {
            setDialog(false);
            dispatch({ type: 'show', session: session.id });
          })
        }
      />
      <Confirm
        open={ending !== null}
        onOpenChange={() => setEnding(null)}
        title={`End “${ending?.name ?? ''}”?`}
        description="The process in it is stopped. Files stay; a Claude conversation can be resumed from a shell with claude --resume."
        action="End session"
        busy={end.isPending}
        onConfirm={() =>
          ending &&
          end.mutate(
            { id: ending.id },
            {
              onSuccess: () => {
                dispatch({ type: 'close', session: ending.id });
                setEnding(null);
              },
            },
          )
        }
      />
    </div>
  );
}
