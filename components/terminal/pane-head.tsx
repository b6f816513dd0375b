'use client';

import { Columns2, MessagesSquare, Rows2, ScanSearch, SquareTerminal, X } from 'lucide-react';
import type { SessionView } from '../../shared/views';
import { ProviderPicker } from '../providers/provider-picker';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Menu, MenuItem, MenuLabel } from '../ui/menu';
import { type Direction, type Pane, type PaneView, paneViews } from './layout';

export const viewFaces = {
  terminal: { title: 'Terminal', icon: SquareTerminal },
  driver: { title: 'Driver', icon: MessagesSquare },
  inspector: { title: 'Inspector', icon: ScanSearch },
} as const satisfies Record<PaneView, unknown>;

/** Which view of its session a pane shows, and what else may stand beside it. */
export function PaneHead({
  pane,
  session,
  shown,
  phone,
  onView,
  onBeside,
  onClose,
}: {
  pane: Pane;
  session: SessionView;
  /** Views of this session that stand somewhere. */
  shown: ReadonlySet<PaneView>;
  phone: boolean;
  onView(view: PaneView): void;
  onBeside(view: PaneView, direction: Direction): void;
  /** Null for the session's only pane. */
  onClose: (() => void) | null;
}) {
  const others = paneViews.filter((it) => !shown.has(it));
  return (
    <div className="@container flex h-9 shrink-0 items-center gap-2 border-b bg-surface px-1.5 sm:h-8">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a legend and a form's look */}
      <div
        role="group"
        aria-label={`View of ${session.name}`}
        className={cx('flex rounded-md bg-sunken p-0.5', phone && 'flex-1')}
      >
        {paneViews.map((view) => {
          const { title, icon: Icon } = viewFaces[view];
          const current = pane.view === view;
          return (
            <button
              key={view}
              type="button"
              aria-pressed={current}
              aria-label={title}
              title={title}
              onClick={() => onView(view)}
              className={cx(
                'flex h-6 items-center justify-center gap-1.5 rounded px-2 text-xs transition-colors',
                phone && 'h-7 flex-1',
                current ? 'bg-raised font-medium text-ink shadow-lift' : 'text-ink-soft hover:text-ink',
              )}
            >
              <Icon className="size-3.5" aria-hidden />
              <span aria-hidden className={phone ? undefined : '@max-xs:hidden'}>
                {title}
              </span>
            </button>
          );
        })}
      </div>
      <div className={phone ? undefined : 'ml-auto min-w-0'}>
        <ProviderPicker session={session} phone={phone} />
      </div>
      {!phone && (
        <div className="flex items-center">
          {others.length > 0 && (
            <Menu
              trigger={
                <Button
                  look="ghost"
                  size="tiny"
                  aria-label={`Show another view of ${session.name} beside`}
                  title="Show beside"
                >
                  <Columns2 />
                </Button>
              }
            >
              <MenuLabel>Show beside</MenuLabel>
              {others.flatMap((view) => [
                <MenuItem key={view} icon={Columns2} onSelect={() => onBeside(view, 'right')}>
                  {viewFaces[view].title} to the right
                </MenuItem>,
                <MenuItem key={`${view}-down`} icon={Rows2} onSelect={() => onBeside(view, 'down')}>
                  {viewFaces[view].title} below
                </MenuItem>,
              ])}
            </Menu>
          )}
          {onClose && (
            <Button
              look="ghost"
              size="tiny"
              aria-label={`Close the ${viewFaces[pane.view].title.toLowerCase()} of ${session.name}`}
              title="Close this view"
              onClick={onClose}
            >
              <X />
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
