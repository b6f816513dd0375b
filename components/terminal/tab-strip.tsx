'use client';

import {
  Bot,
  Columns2,
  Ellipsis,
  Pencil,
  Rows2,
  Search,
  SquareArrowOutUpRight,
  SquareTerminal,
  X,
} from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import type { SessionView } from '../../shared/views';
import { SessionDot } from '../sandboxes/state';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/menu';
import { activePane, type Layout, panesOf, type Tab } from './layout';

export interface TabActions {
  /** Takes a pane's id, as does `detach`. */
  show(pane: string): void;
  rename(session: string, name: string): void;
  end(session: SessionView): void;
  hide(session: string): void;
  detach(pane: string): void;
  move(tab: string, before: string | null): void;
}

function Rename({ name, onDone }: { name: string; onDone(name: string | null): void }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.select(), []);
  return (
    <input
      ref={box}
      defaultValue={name}
      aria-label="Session name"
      maxLength={64}
      onBlur={(event) => onDone(event.target.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter') onDone(event.currentTarget.value);
        if (event.key === 'Escape') onDone(null);
      }}
      className="h-6 w-32 rounded border border-accent bg-raised px-1.5 text-sm outline-none"
    />
  );
}

function TabButton({
  tab,
  session,
  count,
  active,
  renaming,
  onRename,
  actions,
  onDrag,
}: {
  tab: Tab;
  session: SessionView;
  count: number;
  active: boolean;
  renaming: boolean;
  onRename(session: string | null): void;
  actions: TabActions;
  onDrag(tab: string | null): string | null;
}) {
  const Icon = session.kind === 'claude' ? Bot : SquareTerminal;
  const self = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active) self.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [active]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the tab inside is the control; this only takes drops
    <div
      ref={self}
      role="presentation"
      draggable={!renaming}
      onDragStart={() => onDrag(tab.id)}
      onDragOver={(event) => event.preventDefault()}
      onDrop={() => {
        const dragged = onDrag(null);
        if (dragged) actions.move(dragged, tab.id);
      }}
      className={cx(
        'relative flex h-9 max-w-56 shrink-0 items-center border-r px-3',
        active ? 'bg-terminal text-ink' : 'text-ink-soft hover:text-ink',
      )}
    >
      {active && <span className="absolute inset-x-0 top-0 h-0.5 bg-accent" aria-hidden />}
      {renaming ? (
        <Rename
          name={session.name}
          onDone={(name) => {
            onRename(null);
            if (name?.trim() && name.trim() !== session.name) actions.rename(session.id, name.trim());
          }}
        />
      ) : (
        <button
          type="button"
          role="tab"
          id={`${tab.id}-tab`}
          aria-selected={active}
          aria-controls={active ? `${tab.id}-panel` : undefined}
          tabIndex={active ? 0 : -1}
          title="Double-click to rename"
          onClick={() => actions.show(tab.active)}
          onDoubleClick={() => onRename(session.id)}
          onKeyDown={(event) => {
            if (event.key === 'F2') onRename(session.id);
          }}
          onAuxClick={(event) => {
            if (event.button === 1) actions.end(session);
          }}
          className="flex h-full min-w-0 items-center gap-2 text-sm focus-visible:-outline-offset-2"
        >
          <Icon className="size-4 shrink-0 opacity-70" aria-hidden />
          <span className={cx('truncate', session.state === 'ended' && 'text-ink-faint line-through')}>
            {session.name}
          </span>
          {count > 1 && (
            <span className="rounded bg-line px-1 text-2xs text-ink-soft">
              {count}
              <span className="sr-only"> panes</span>
            </span>
          )}
          {session.state !== 'running' && <SessionDot state={session.state} />}
        </button>
      )}
    </div>
  );
}

/** What can be done with the session that has the keyboard. */
function SessionMenu({
  session,
  pane,
  count,
  actions,
  onRename,
}: {
  session: SessionView;
  pane: string;
  count: number;
  actions: TabActions;
  onRename(session: string): void;
}) {
  return (
    <Menu
      trigger={
        <Button look="ghost" size="icon" aria-label={`Actions for ${session.name}`} title="Session">
          <Ellipsis />
        </Button>
      }
    >
      <MenuLabel>{session.name}</MenuLabel>
      {/* After the menu has given the focus back, or the field would lose it at once. */}
      <MenuItem icon={Pencil} hint="F2" onSelect={() => setTimeout(() => onRename(session.id))}>
        Rename
      </MenuItem>
      {count > 1 && (
        <MenuItem icon={SquareArrowOutUpRight} onSelect={() => actions.detach(pane)}>
          Move to a tab of its own
        </MenuItem>
      )}
      <MenuLine />
      {session.state === 'ended' ? (
        <MenuItem icon={X} onSelect={() => actions.hide(session.id)}>
          Close
        </MenuItem>
      ) : (
        <MenuItem icon={X} danger onSelect={() => actions.end(session)}>
          End session…
        </MenuItem>
      )}
    </Menu>
  );
}

export function TabStrip({
  layout,
  sessions,
  actions,
  newMenu,
  onSplit,
  onSearch,
  trailing,
}: {
  layout: Layout;
  sessions: ReadonlyMap<string, SessionView>;
  actions: TabActions;
  newMenu: ReactNode;
  onSplit: ((direction: 'right' | 'down') => void) | null;
  onSearch(): void;
  trailing: ReactNode;
}) {
  const dragged = useRef<string | null>(null);
  const [renaming, setRenaming] = useState<string | null>(null);
  const current = layout.tabs.find((it) => it.id === layout.activeTab);
  const pane = current && activePane(current);
  const session = pane && sessions.get(pane.session);
  function onKeys(event: KeyboardEvent) {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0 || !(event.target instanceof HTMLElement) || event.target.role !== 'tab') return;
    const at = layout.tabs.findIndex((it) => it.id === layout.activeTab);
    const next = layout.tabs[(at + step + layout.tabs.length) % layout.tabs.length];
    if (next) actions.show(next.active);
  }
  return (
    <div className="flex h-9 shrink-0 items-stretch border-b bg-sunken">
      <div
        role="tablist"
        aria-label="Sessions"
        onKeyDown={onKeys}
        className="flex min-w-0 overflow-x-auto [scrollbar-width:none]"
      >
        {layout.tabs.map((tab) => {
          const session = sessions.get(activePane(tab)?.session ?? '');
          if (!session) return null;
          return (
            <TabButton
              key={tab.id}
              tab={tab}
              session={session}
              count={panesOf(tab.root).length}
              active={tab.id === layout.activeTab}
              renaming={renaming === session.id}
              onRename={setRenaming}
              actions={actions}
              onDrag={(id) => {
                const before = dragged.current;
                dragged.current = id;
                return before;
              }}
            />
          );
        })}
      </div>
      <div className="flex items-center px-1">{newMenu}</div>
      <div className="ml-auto flex items-center gap-0.5 pr-1.5">
        {onSplit && (
          <>
            <Button
              look="ghost"
              size="icon"
              aria-label="Split right"
              title="Split right"
              onClick={() => onSplit('right')}
            >
              <Columns2 />
            </Button>
            <Button
              look="ghost"
              size="icon"
              aria-label="Split down"
              title="Split down"
              onClick={() => onSplit('down')}
            >
              <Rows2 />
            </Button>
          </>
        )}
        <Button
          look="ghost"
          size="icon"
          aria-label="Search in the terminal"
          title="Search"
          onClick={onSearch}
        >
          <Search />
        </Button>
        {current && pane && session && (
          <SessionMenu
            session={session}
            pane={pane.id}
            count={panesOf(current.root).length}
            actions={actions}
            onRename={setRenaming}
          />
        )}
        {trailing}
      </div>
    </div>
  );
}
