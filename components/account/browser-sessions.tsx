'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { Panel, Skeleton } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { browserName } from './user-agent';

export function BrowserSessions() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(30_000);
  const list = useQuery(trpc.account.browserSessions.queryOptions());
  const revoke = useMutation(
    trpc.account.revokeBrowserSession.mutationOptions({
      onSuccess: () => toast.success('That browser is signed out.'),
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.account.browserSessions.queryKey() }),
    }),
  );
  return (
    <Panel
      id="browsers"
      title="Browsers"
      description="Where you are signed in. Sign out what you do not know."
      flush
    >
      {list.data ? (
        <ul className="divide-y">
          {list.data.map((it) => (
            <li key={it.id} className="flex items-center gap-3 px-5 py-3">
              <div className="min-w-0 flex-1">
                <p className="flex flex-wrap items-center gap-2 text-sm" title={it.userAgent}>
                  <span className="truncate font-medium">{browserName(it.userAgent)}</span>
                  {it.current && <Badge tone="good">This browser</Badge>}
                </p>
                <p className="text-ink-faint text-xs">
                  {it.address} · signed in {moment(it.createdAt)}
                  {now !== null && ` · seen ${relative(it.lastSeenAt, now)}`}
                </p>
              </div>
              {!it.current && (
                <Button
                  size="sm"
                  aria-label={`Sign out ${browserName(it.userAgent)}`}
                  disabled={revoke.isPending}
                  onClick={() => revoke.mutate({ id: it.id })}
                >
                  Sign out
                </Button>
              )}
            </li>
          ))}
        </ul>
      ) : list.isError ? (
        <LoadError error={list.error} retry={() => void list.refetch()} />
      ) : (
        <div className="grid gap-3 p-5">
          <Skeleton className="h-10" />
        </div>
      )}
    </Panel>
  );
}
