'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useEffect, useRef } from 'react';
import { toast } from 'sonner';
import type { NotificationView } from '../../shared/notifications';
import { browserName } from '../account/user-agent';
import { useTRPC } from '../api/trpc';
import { noteDevice, toTellAgain } from './push';

/** How long a toast that asks for an answer stays, in ms; the bell keeps it for longer. */
const TOAST_MS = { waiting: 20_000, finished: 6_000, failed: 12_000, budget: 12_000, test: 6_000 } as const;

/** Where a notification leads; the driver is where one answers. */
export function pathOf(notification: NotificationView): string | null {
  const { sandboxId, sessionId, kind } = notification;
  if (!sandboxId) return null;
  if (!sessionId) return `/sandboxes/${sandboxId}`;
  return `/sandboxes/${sandboxId}?session=${sessionId}&view=${kind === 'failed' ? 'terminal' : 'driver'}`;
}

export function useNotifications(enabled: boolean) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const key = trpc.notifications.list.queryKey({});
  const list = useQuery({ ...trpc.notifications.list.queryOptions({}), enabled });
  const { mutate: read } = useMutation(
    trpc.notifications.read.mutationOptions({
      onMutate: ({ ids }: { ids?: string[] | undefined }) => {
        const readAt = new Date().toISOString();
        queries.setQueryData(key, (before) => {
          if (!before) return before;
          const notifications = before.notifications.map((it) =>
            it.readAt === null && (!ids || ids.includes(it.id)) ? { ...it, readAt } : it,
          );
          const done = before.notifications.filter((it) => it.readAt === null).length;
          const left = notifications.filter((it) => it.readAt === null).length;
          return { notifications, unread: ids ? Math.max(0, before.unread - (done - left)) : 0 };
        });
      },
      onSettled: () => queries.invalidateQueries({ queryKey: key }),
    }),
  );
  return { list, read };
}

/** Tells what is new while the page is looked at; what came before it was opened is in the bell. */
export function useToasts(
  notifications: readonly NotificationView[] | undefined,
  read: (ids: string[]) => void,
): void {
  const router = useRouter();
  const known = useRef<Set<string>>(null);
  const latest = useRef({ read, router });
  latest.current = { read, router };
  useEffect(() => {
    if (!notifications) return;
    const before = known.current;
    known.current = new Set(notifications.map((it) => it.id));
    if (!before || document.visibilityState !== 'visible') return;
    for (const it of notifications) {
      if (before.has(it.id) || it.readAt) continue;
      const path = pathOf(it);
      // Whoever looks at the sandbox sees it there.
      if (it.sandboxId && window.location.pathname === `/sandboxes/${it.sandboxId}` && it.kind !== 'test')
        continue;
      const show = it.kind === 'failed' ? toast.error : it.kind === 'waiting' ? toast.warning : toast;
      show(it.title, {
        id: it.id,
        description: it.body,
        duration: TOAST_MS[it.kind],
        ...(path
          ? {
              action: {
                label: it.kind === 'waiting' ? 'Answer' : 'Open',
                onClick: () => {
                  latest.current.read([it.id]);
                  latest.current.router.push(path);
                },
              },
            }
          : {}),
      });
    }
  }, [notifications]);
}

/** A click on a pushed notification leads into the page that is open already. */
export function useOpenedByPush(): void {
  const router = useRouter();
  useEffect(() => {
    if (!('serviceWorker' in navigator)) return;
    const onMessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== 'object' || data === null || !('path' in data)) return;
      if (typeof data.path === 'string' && /^\/(?!\/)/.test(data.path)) router.push(data.path);
    };
    navigator.serviceWorker.addEventListener('message', onMessage);
    return () => navigator.serviceWorker.removeEventListener('message', onMessage);
  }, [router]);
}

/** Once a day: a device that the server has forgotten meanwhile is told to it again. */
export function useTellAgain(enabled: boolean): void {
  const trpc = useTRPC();
  const { mutate } = useMutation(
    trpc.notifications.subscribe.mutationOptions({
      meta: { quiet: true },
      onSuccess: (device) => noteDevice(device.id),
    }),
  );
  useEffect(() => {
    if (!enabled) return;
    toTellAgain().then(
      (subscription) => subscription && mutate({ label: browserName(navigator.userAgent), subscription }),
      // It is looked at again with the next page.
      () => undefined,
    );
  }, [enabled, mutate]);
}
