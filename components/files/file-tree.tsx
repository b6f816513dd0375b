'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import {
  ChevronRight,
  Ellipsis,
  File,
  FileImage,
  FileQuestion,
  FileText,
  Folder,
  FolderOpen,
  Link2Off,
} from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { baseOf, shownName } from '../../shared/file-names';
import type { FileEntry } from '../../shared/files';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Menu } from '../ui/menu';
import { bytes } from '../ui/time';
import { isMarkdown, isPicture } from './addresses';
import type { Row, Tree } from './use-tree';

/** Pixels; a finger needs more than a mouse. */
const ROW_HEIGHT = { phone: 40, desktop: 28 } as const;
const INDENT = 14;

export interface TreeActions {
  open(entry: FileEntry): void;
  rename(entry: FileEntry, name: string): void;
  remove(entry: FileEntry): void;
  menu(entry: FileEntry): ReactNode;
  drop(folder: string, data: DataTransfer): void;
}

function iconOf(entry: FileEntry, open: boolean) {
  if (entry.broken) return Link2Off;
  if (entry.is_dir) return open ? FolderOpen : Folder;
  if (entry.kind === 'other') return FileQuestion;
  if (isPicture(entry.path)) return FileImage;
  return isMarkdown(entry.path) ? FileText : File;
}

/** A tree by the ARIA pattern: one stop for Tab, arrows inside, Enter opens, F2 renames, Delete asks. */
export function FileTree({
  tree,
  label,
  phone,
  renaming,
  onRenaming,
  actions,
}: {
  tree: Tree;
  label: string;
  phone: boolean;
  renaming: string | null;
  onRenaming(path: string | null): void;
  actions: TreeActions;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<string | null>(null);
  const [target, setTarget] = useState<string | null>(null);
  const height = phone ? ROW_HEIGHT.phone : ROW_HEIGHT.desktop;
  const { rows } = tree;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  });
  const keyAt = (at: number): string => {
    const row = rows[at];
    return !row ? '' : row.kind === 'entry' ? row.entry.path : `${row.kind}:${row.path}`;
  };
  const found = rows.findIndex((_, at) => keyAt(at) === current);
  const at = Math.max(0, found);

  function focus(index: number) {
    const bounded = Math.max(0, Math.min(rows.length - 1, index));
    setCurrent(keyAt(bounded));
    virtual.scrollToIndex(bounded);
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${bounded}"]`)?.focus(),
    );
  }
  function onKeys(event: KeyboardEvent) {
    const row = rows[at];
    const here = event.target;
    // Keys of a row's menu and of its buttons are theirs; React tells of them here as well.
    if (
      !row ||
      !(here instanceof Element) ||
      !event.currentTarget.contains(here) ||
      here.closest('[data-own]')
    )
      return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const entry = row.kind === 'entry' ? row.entry : null;
    const acts = new Map<string, () => void>([
      ['ArrowDown', () => focus(at + 1)],
      ['ArrowUp', () => focus(at - 1)],
      ['Home', () => focus(0)],
      ['End', () => focus(rows.length - 1)],
      ['ArrowRight', () => right(row)],
      ['ArrowLeft', () => left(row)],
      ['Enter', () => act(row)],
      [' ', () => act(row)],
      ['F2', () => entry && onRenaming(entry.path)],
      ['Delete', () => entry && actions.remove(entry)],
    ]);
    const action = acts.get(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
  function right(row: Row) {
    if (row.kind !== 'entry' || !row.entry.is_dir) return;
    if (row.open) focus(at + 1);
    else tree.toggle(row.entry.path, true);
  }
  function left(row: Row) {
    if (row.kind === 'entry' && row.open) tree.toggle(row.entry.path, false);
    else focus(rows.findLastIndex((it, index) => index < at && it.depth < row.depth));
  }
  function act(row: Row) {
    if (row.kind === 'more') tree.more(row.path);
    else if (row.kind === 'entry' && row.entry.is_dir) tree.toggle(row.entry.path);
    else if (row.kind === 'entry') actions.open(row.entry);
  }
  /** Where a drop on this row goes: a folder itself, or the one that a file is in. */
  const folderOf = (row: Row) =>
    row.kind !== 'entry'
      ? row.path
      : row.entry.is_dir
        ? row.entry.path
        : row.entry.path.replace(/(^|\/)[^/]*$/, '');

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the drop is a second way of what the buttons do
    <div
      ref={scroller}
      className={cx('min-h-0 flex-1 overflow-auto p-1', target === '' && 'bg-accent-soft')}
      onDragOver={(event) => {
        event.preventDefault();
        setTarget('');
      }}
      onDragLeave={() => setTarget(null)}
      onDrop={(event) => {
        event.preventDefault();
        setTarget(null);
        actions.drop('', event.dataTransfer);
      }}
    >
      <div
        role="tree"
        aria-label={label}
        onKeyDown={onKeys}
        className="relative"
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const entry = row.kind === 'entry' ? row.entry : null;
          const Icon = entry && iconOf(entry, row.kind === 'entry' && row.open);
          const isCurrent = item.index === at;
          return (
            <div
              key={keyAt(item.index)}
              role="treeitem"
              data-index={item.index}
              aria-level={row.depth + 1}
              aria-selected={isCurrent}
              aria-expanded={entry?.is_dir && row.kind === 'entry' ? row.open : undefined}
              aria-posinset={row.kind === 'entry' ? row.position : undefined}
              aria-setsize={row.kind === 'entry' ? row.size : undefined}
              tabIndex={isCurrent ? 0 : -1}
              onFocus={() => setCurrent(keyAt(item.index))}
              onKeyDown={() => undefined}
              onClick={(event) => {
                // What is chosen in a menu comes here too, as React sees it: it is drawn elsewhere.
                if (!(event.target instanceof Element) || !event.currentTarget.contains(event.target)) return;
                if (!event.target.closest('[data-own]')) act(row);
              }}
              onDragOver={(event) => {
                event.preventDefault();
                event.stopPropagation();
                setTarget(folderOf(row));
              }}
              onDrop={(event) => {
                event.preventDefault();
                event.stopPropagation();
                setTarget(null);
                actions.drop(folderOf(row), event.dataTransfer);
              }}
              className={cx(
                'group absolute inset-x-0 flex cursor-pointer select-none items-center gap-1.5 rounded-md pr-1 text-sm focus-visible:-outline-offset-2',
                'hover:bg-sunken',
                target !== null && target !== '' && target === entry?.path && 'bg-accent-soft',
              )}
              style={{
                height,
                transform: `translateY(${item.start}px)`,
                paddingLeft: 4 + row.depth * INDENT,
              }}
            >
              {entry && Icon ? (
                <>
                  <ChevronRight
                    aria-hidden
                    className={cx(
                      'size-3.5 shrink-0 text-ink-faint transition-transform',
                      !entry.is_dir && 'invisible',
                      row.kind === 'entry' && row.open && 'rotate-90',
                    )}
                  />
                  <Icon
                    className={cx('size-4 shrink-0', entry.is_dir ? 'text-accent' : 'text-ink-faint')}
                    aria-hidden
                  />
                  {renaming === entry.path ? (
                    <RenameBox
                      name={baseOf(entry.path)}
                      onDone={(name) => {
                        onRenaming(null);
                        focus(item.index);
                        if (name !== null && name !== entry.name) actions.rename(entry, name);
                      }}
                    />
                  ) : (
                    <span
                      className={cx('min-w-0 flex-1 truncate', entry.broken && 'text-ink-faint line-through')}
                      title={shownName(
                        entry.link === undefined ? entry.name : `${entry.name} → ${entry.link}`,
                      )}
                    >
                      {shownName(entry.name)}
                    </span>
                  )}
                  {!entry.is_dir && renaming !== entry.path && (
                    <span className="tabular shrink-0 text-2xs text-ink-faint">{bytes(entry.size)}</span>
                  )}
                  <span
                    data-own
                    className={cx(
                      'shrink-0',
                      !phone &&
                        'opacity-0 focus-within:opacity-100 group-hover:opacity-100 group-focus:opacity-100',
                    )}
                  >
                    <Menu
                      trigger={
                        <Button
                          look="ghost"
                          size="tiny"
                          tabIndex={isCurrent ? 0 : -1}
                          aria-label={`Actions for ${shownName(entry.name)}`}
                          title="Actions"
                        >
                          <Ellipsis />
                        </Button>
                      }
                    >
                      {actions.menu(entry)}
                    </Menu>
                  </span>
                </>
              ) : row.kind === 'more' ? (
                <span className="pl-5 text-accent text-xs">Show more ({row.left} left)</span>
              ) : row.kind === 'note' ? (
                <span className={cx('truncate pl-5 text-xs', row.bad ? 'text-bad' : 'text-ink-faint')}>
                  {row.text}
                </span>
              ) : null}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function RenameBox({ name, onDone }: { name: string; onDone(name: string | null): void }) {
  const box = useRef<HTMLInputElement>(null);
  const done = useRef(false);
  useEffect(() => {
    const dot = name.lastIndexOf('.');
    box.current?.focus();
    box.current?.setSelectionRange(0, dot > 0 ? dot : name.length);
  }, [name]);
  const finish = (value: string | null) => {
    if (done.current) return;
    done.current = true;
    onDone(value?.trim() || null);
  };
  return (
    <input
      ref={box}
      data-own
      defaultValue={name}
      aria-label="New name"
      onBlur={(event) => finish(event.target.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter') finish(event.currentTarget.value);
        if (event.key === 'Escape') finish(null);
      }}
      className="h-6 min-w-0 flex-1 rounded border border-accent bg-raised px-1.5 text-sm outline-none"
    />
  );
}
