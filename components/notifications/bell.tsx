'use client';

import { Bell, CircleCheck, CircleX, MessageCircleQuestion, Send, Settings, Wallet } from 'lucide-react';
import Link from 'next/link';
import { Popover } from 'radix-ui';
import { useState } from 'react';
import type { NotificationKind, NotificationView } from '../../shared/notifications';
import { LoadError } from '../api/load-state';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Skeleton } from '../ui/panel';
import { relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { deliverySummary } from './deliveries';
import { pathOf, useNotifications, useOpenedByPush, useTellAgain, useToasts } from './use-notifications';

/** More than this is many. */
const COUNT_MAX = 99;

const faces: Record<NotificationKind, { icon: typeof Bell; tone: string; word: string }> = {
  waiting: { icon: MessageCircleQuestion, tone: 'text-warn', word: 'Waits for you' },
  finished: { icon: CircleCheck, tone: 'text-good', word: 'Finished' },
  failed: { icon: CircleX, tone: 'text-bad', word: 'Failed' },
  budget: { icon: Wallet, tone: 'text-warn', word: 'Budget' },
  test: { icon: Send, tone: 'text-accent', word: 'Test' },
};

function Item({
  notification,
  now,
  onOpen,
}: {
  notification: NotificationView;
  now: number | null;
  onOpen(): void;
}) {
  const { icon: Icon, tone, word } = faces[notification.kind];
  const path = pathOf(notification);
  const unread = notification.readAt === null;
  const text = (
    <>
      <Icon className={cx('mt-0.5 size-4 shrink-0', tone)} aria-hidden />
      <span className="grid min-w-0 flex-1 gap-0.5">
        <span className={cx('break-words text-sm', unread && 'font-medium')}>
          <span className="sr-only">{unread ? `Unread. ${word}: ` : `${word}: `}</span>
          {notification.title}
        </span>
        {notification.body && (
          <span className="line-clamp-2 break-words text-ink-soft text-xs">{notification.body}</span>
        )}
        <span className="text-2xs text-ink-faint">
          {now !== null && relative(notification.createdAt, now)}
          {deliverySummary(notification.deliveries)}
        </span>
      </span>
      {unread && <span aria-hidden className="mt-1.5 size-2 shrink-0 rounded-full bg-accent" />}
    </>
  );
  const look =
    'flex w-full items-start gap-2.5 px-4 py-2.5 text-left hover:bg-sunken focus-visible:-outline-offset-2';
  return (
    <li>
      {path ? (
        <Link href={path} className={look} onClick={onOpen}>
          {text}
        </Link>
      ) : (
        <button type="button" className={look} onClick={onOpen}>
          {text}
        </button>
      )}
    </li>
  );
}

/** What the viewer was told, with a count of what they have not seen; also where toasts and clicks on pushes are made. */
export function NotificationBell({ enabled }: { enabled: boolean }) {
  const [open, setOpen] = useState(false);
  const now = useNow(30_000);
  const { list, read } = useNotifications(enabled);
  useToasts(list.data?.notifications, (ids) => read({ ids }));
  useOpenedByPush();
  useTellAgain(enabled);
  const unread = list.data?.unread ?? 0;
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button
          look="ghost"
          size="icon"
          className="relative"
          title="Notifications"
          aria-label={unread === 0 ? 'Notifications' : `Notifications, ${unread} unread`}
        >
          <Bell />
          {unread > 0 && (
            <span
              aria-hidden
              className="tabular absolute -top-0.5 -right-0.5 grid h-4 min-w-4 place-items-center rounded-full bg-accent px-1 font-semibold text-2xs text-on-accent leading-none"
            >
              {unread > COUNT_MAX ? `${COUNT_MAX}+` : unread}
            </span>
          )}
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={6}
          collisionPadding={8}
          aria-label="Notifications"
          className="z-50 flex max-h-[min(32rem,80dvh)] w-[min(24rem,calc(100vw-1rem))] animate-rise flex-col rounded-lg border bg-raised shadow-float"
        >
          <div className="flex items-center gap-1 border-b py-1.5 pr-1.5 pl-4">
            <h2 className="flex-1 font-semibold text-sm">Notifications</h2>
            <Button size="sm" look="ghost" disabled={unread === 0} onClick={() => read({})}>
              Mark all read
            </Button>
            <Button asChild look="ghost" size="icon" aria-label="Notification settings" title="Settings">
              <Link href="/settings#notifications" onClick={() => setOpen(false)}>
                <Settings />
              </Link>
            </Button>
          </div>
          {list.data ? (
            list.data.notifications.length === 0 ? (
              <p className="px-4 py-8 text-center text-ink-soft text-sm">
                Nothing yet. You are told here when Claude waits for you, or has finished a longer piece of
                work.
              </p>
            ) : (
              <ul className="min-h-0 divide-y overflow-y-auto">
                {list.data.notifications.map((it) => (
                  <Item
                    key={it.id}
                    notification={it}
                    now={now}
                    onOpen={() => {
                      if (it.readAt === null) read({ ids: [it.id] });
                      if (pathOf(it)) setOpen(false);
                    }}
                  />
                ))}
              </ul>
            )
          ) : list.isError ? (
            <LoadError error={list.error} retry={() => void list.refetch()} />
          ) : (
            <div role="status" aria-label="Loading notifications" className="p-4">
              <Skeleton className="h-12" />
            </div>
          )}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
