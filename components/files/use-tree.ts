'use client';

import { useQueries, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { FILE_PAGE_ENTRIES, FILE_WATCH_MAX_FOLDERS, type FileRoot } from '../../shared/file-limits';
import type { FileEntry } from '../../shared/files';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { fileUrl } from './addresses';

/** Folders are opened one after another by people: one stream for all of them, made anew when they pause. */
const WATCH_AGAIN_MS = 300;

export type Row =
  | { kind: 'entry'; entry: FileEntry; depth: number; open: boolean; position: number; size: number }
  | { kind: 'more'; path: string; depth: number; left: number }
  | { kind: 'note'; path: string; depth: number; text: string; bad: boolean };

export interface Tree {
  rows: readonly Row[];
  /** The root's own list is still on its way. */
  pending: boolean;
  error: unknown;
  isOpen(path: string): boolean;
  toggle(path: string, open?: boolean): void;
  more(path: string): void;
  refresh(path?: string): void;
}

/** The open folders of one root, as lines from top to bottom; fetched as they are opened, and again when they change. */
export function useTree(sandboxId: string, root: FileRoot, hidden: boolean): Tree {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [open, setOpen] = useState<ReadonlyMap<string, number>>(new Map([['', 1]]));

  const asked = useMemo(
    () => [...open].flatMap(([path, pages]) => Array.from({ length: pages }, (_, page) => ({ path, page }))),
    [open],
  );
  // A page begins where the one before it ended; their size is the server's largest.
  const lists = useQueries({
    queries: asked.map(({ path, page }) =>
      trpc.files.list.queryOptions(
        { sandboxId, root, path, hidden, from: page * FILE_PAGE_ENTRIES },
        { staleTime: Number.POSITIVE_INFINITY },
      ),
    ),
  });

  const refresh = useCallback(
    (path?: string) =>
      void queries.invalidateQueries({
        queryKey: trpc.files.list.queryKey(),
        predicate: ({ queryKey }) => {
          const [, options] = queryKey;
          const input: unknown =
            typeof options === 'object' && options !== null && 'input' in options ? options.input : null;
          const field = (name: string) =>
            typeof input === 'object' && input !== null ? Reflect.get(input, name) : null;
          return (
            field('sandboxId') === sandboxId &&
            field('root') === root &&
            (path === undefined || field('path') === path)
          );
        },
      }),
    [queries, trpc, sandboxId, root],
  );

  const watched = useMemo(() => [...open.keys()].slice(0, FILE_WATCH_MAX_FOLDERS).join('\n'), [open]);
  useEffect(() => {
    let source: EventSource | null = null;
    const timer = setTimeout(() => {
      const url = new URL(fileUrl('watch', { sandboxId, root, path: '' }), location.href);
      url.searchParams.delete('path');
      for (const it of watched.split('\n')) url.searchParams.append('path', it);
      source = new EventSource(url);
      // What happened between the lists and this moment nobody has told.
      source.addEventListener('watching', () => refresh());
      source.addEventListener('changed', (event) => {
        const data: unknown = JSON.parse(event.data);
        const path = typeof data === 'object' && data !== null ? Reflect.get(data, 'path') : undefined;
        if (typeof path === 'string') refresh(path);
      });
    }, WATCH_AGAIN_MS);
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  }, [sandboxId, root, watched, refresh]);

  const rows = useMemo(() => {
    const byPath = new Map<string, (typeof lists)[number][]>();
    asked.forEach(({ path }, at) => {
      const list = lists[at];
      if (list) byPath.set(path, [...(byPath.get(path) ?? []), list]);
    });
    const found: Row[] = [];
    const walk = (path: string, depth: number) => {
      const pages = byPath.get(path) ?? [];
      const entries = pages.flatMap((it) => it.data?.entries ?? []);
      const failed = pages.find((it) => it.isError && !it.data);
      entries.forEach((entry, at) => {
        const isOpen = entry.is_dir && open.has(entry.path);
        const total = pages[0]?.data?.total ?? entries.length;
        found.push({ kind: 'entry', entry, depth, open: isOpen, position: at + 1, size: total });
        if (isOpen) walk(entry.path, depth + 1);
      });
      const last = pages.at(-1)?.data;
      if (failed) found.push({ kind: 'note', path, depth, text: failureOf(failed.error).title, bad: true });
      else if (pages.some((it) => it.isPending))
        found.push({ kind: 'note', path, depth, text: 'Loading…', bad: false });
      else if (entries.length === 0) found.push({ kind: 'note', path, depth, text: 'Empty', bad: false });
      else if (last?.next) found.push({ kind: 'more', path, depth, left: last.total - last.next });
    };
    walk('', 0);
    return found;
  }, [asked, lists, open]);

  const toggle = useCallback(
    (path: string, wanted?: boolean) =>
      setOpen((before) => {
        const next = new Map(before);
        if (wanted ?? !before.has(path)) next.set(path, before.get(path) ?? 1);
        else next.delete(path);
        return next;
      }),
    [],
  );
  const more = useCallback(
    (path: string) => setOpen((before) => new Map(before).set(path, (before.get(path) ?? 1) + 1)),
    [],
  );
  const first = lists[0];
  return {
    ...{ rows, toggle, more, refresh, isOpen: (path) => open.has(path) },
    ...{ pending: first?.isPending ?? true, error: first?.isError && !first.data ? first.error : null },
  };
}
