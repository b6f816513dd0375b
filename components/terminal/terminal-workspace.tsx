'use client';

import { Bot, Plus, SquareTerminal } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { SandboxView, SessionView } from '../../shared/views';
import { LoginDialog } from '../providers/login-dialog';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { EmptyState } from '../ui/panel';
import { PHONE, useMedia } from '../ui/use-media';
import { useVisualHeight } from '../ui/use-visual-height';
import { allPanes, type Direction, flat, type Pane } from './layout';
import { NewSessionDialog } from './new-session-dialog';
import { PaneHead } from './pane-head';
import { PaneSlot, useHolders } from './pane-slot';
import { PaneStage, viewKey } from './pane-stage';
import { PaneTree } from './pane-tree';
import { type Revealed, SessionViewsContext } from './session-views';
import { type TabActions, TabStrip } from './tab-strip';
import { useAskedFor } from './use-asked-for';
import { useEndedInSight } from './use-ended-in-sight';
import { useLayout } from './use-layout';
import { useSessions } from './use-sessions';
import { useWorkspaceCommands } from './use-workspace-commands';

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
  const [login, setLogin] = useState(false);
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
  const open = useCallback(
    (kind: SessionView['kind'], beside?: { target: string; direction: Direction }) =>
      create({ kind }, (session) =>
        dispatch(
          beside
            ? { type: 'split', ...beside, session: session.id, view: 'terminal' }
            : { type: 'show', session: session.id },
        ),
      ),
    [create, dispatch],
  );
  const split = useCallback(
    (direction: Direction) => {
      if (tab) open('shell', { target: tab.active, direction });
    },
    [tab, open],
  );

  const actions: TabActions = {
    show: (pane) => dispatch({ type: 'focus', pane }),
    rename: (id, name) => rename.mutate({ id, name }),
    end: setEnding,
    hide: (session) => dispatch({ type: 'close', session }),
    detach: (pane) => dispatch({ type: 'detach', pane }),
    move: (moved, before) => dispatch({ type: 'move', tab: moved, before }),
  };

  const holders = useHolders();
  const [revealed, setRevealed] = useState<ReadonlyMap<string, Revealed>>(new Map());
  const views = useMemo(
    () => ({
      revealed,
      reveal: (session: string, target: Revealed['target']) => {
        const key = viewKey(session, target.view);
        setRevealed((before) =>
          new Map(before).set(key, { target, count: (before.get(key)?.count ?? 0) + 1 }),
        );
        dispatch({ type: 'reveal', session, view: target.view, inPlace: phone });
      },
    }),
    [revealed, dispatch, phone],
  );
  useAskedFor(sandbox.id, sessions, dispatch);
  const onOptions = useCallback(() => setDialog(true), []);
  const onLogin = useCallback(() => setLogin(true), []);
  useWorkspaceCommands({
    layout,
    sessions,
    phone,
    dispatch,
    open,
    split,
    onOptions,
    onLogin,
    onEnd: setEnding,
  });

  /** A shell has its terminal and nothing else. */
  function head(pane: Pane): ReactNode {
    const session = sessions.get(pane.session);
    if (session?.kind !== 'claude') return null;
    const own = allPanes(kept).filter((it) => it.session === pane.session);
    return (
      <PaneHead
        pane={pane}
        session={session}
        shown={new Set(own.map((it) => it.view))}
        phone={phone}
        onView={(view) => dispatch({ type: 'view', pane: pane.id, view })}
        onBeside={(view, direction) =>
          dispatch({ type: 'split', target: pane.id, session: pane.session, view, direction })
        }
        onClose={own.length > 1 ? () => dispatch({ type: 'closePane', pane: pane.id }) : null}
      />
    );
  }

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
      <MenuItem onSelect={() => setLogin(true)}>Log in to Claude…</MenuItem>
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
                pane={(pane) =>
                  sessions.has(pane.session) ? (
                    <div data-pane={pane.id} className="flex h-full min-h-0 min-w-0 flex-col">
                      {head(pane)}
                      <div className="min-h-0 min-w-0 flex-1">
                        <PaneSlot holders={holders} id={viewKey(pane.session, pane.view)} />
                      </div>
                    </div>
                  ) : null
                }
              />
            </div>
          );
        })}
      </div>
      <SessionViewsContext value={views}>
        <PaneStage
          layout={layout}
          sessions={sessions}
          holders={holders}
          searchRequest={searchRequest}
          onFocus={(pane) => dispatch({ type: 'focus', pane })}
          onClose={(session) => dispatch({ type: 'close', session })}
        />
      </SessionViewsContext>
      <NewSessionDialog
        sandboxId={sandbox.id}
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
      <LoginDialog sandboxId={sandbox.id} open={login} onOpenChange={setLogin} />
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
