'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import type { ApiTokenView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Dialog } from '../ui/dialog';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { CreateToken } from './create-token';

export function ApiTokens() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(30_000);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiTokenView | null>(null);
  const sandboxes = useQuery(trpc.sandboxes.list.queryOptions({}));
  const nameOf = (id: string) => sandboxes.data?.find((it) => it.id === id)?.name ?? id;
  const list = useQuery(trpc.tokens.list.queryOptions());
  const revoke = useMutation(
    trpc.tokens.revoke.mutationOptions({
      onSettled: () => {
        setRevoking(null);
        return queries.invalidateQueries({ queryKey: trpc.tokens.list.queryKey() });
      },
    }),
  );
  const button = (
    <Button size="sm" onClick={() => setCreating(true)}>
      <Plus /> New token
    </Button>
  );
  return (
    <Panel
      id="tokens"
      title="API tokens"
      description={
        <>
          For programs and devices: they may do what you may, or less. All routes:{' '}
          <a href="/api/docs" target="_blank" rel="noopener" className="text-accent underline">
            /api/docs
          </a>
          .
        </>
      }
      actions={button}
      flush
    >
      {!list.data ? (
        list.isError ? (
          <LoadError error={list.error} retry={() => void list.refetch()} />
        ) : (
          <div className="p-5">
            <Skeleton className="h-10" />
          </div>
        )
      ) : list.data.length === 0 ? (
        <EmptyState icon={KeyRound} title="No tokens yet">
          Make one when a script or a device needs to talk to the API.
        </EmptyState>
      ) : (
        <ul className="divide-y">
          {list.data.map((it) => (
            <li key={it.id} className="flex items-center gap-3 px-5 py-3">
              <div className="min-w-0 flex-1">
                <p className="flex flex-wrap items-center gap-2 text-sm">
                  <span className="truncate font-medium">{it.label}</span>
                  <code className="text-ink-faint text-xs">{it.prefix}…</code>
                </p>
                <p className="text-ink-faint text-xs">
                  {it.scopes.includes('*') ? 'everything' : it.scopes.join(' ')} ·{' '}
                  {it.sandboxId === null ? '' : `only ${nameOf(it.sandboxId)} · `}
                  {it.expiresAt ? `ends ${moment(it.expiresAt)}` : 'no end'} ·{' '}
                  {it.lastUsedAt && now !== null ? `used ${relative(it.lastUsedAt, now)}` : 'never used'}
                </p>
              </div>
              {it.id !== 'master' && (
                <Button size="sm" aria-label={`Revoke ${it.label}`} onClick={() => setRevoking(it)}>
                  Revoke
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      <Dialog open={creating} onOpenChange={setCreating} title="New API token">
        <CreateToken close={() => setCreating(false)} />
      </Dialog>
      <Confirm
        open={revoking !== null}
        onOpenChange={() => setRevoking(null)}
        title={`Revoke “${revoking?.label ?? ''}”?`}
        description="Programs that use it are refused from now on, and tokens that it has made with it."
        action="Revoke"
        busy={revoke.isPending}
        onConfirm={() => revoking && revoke.mutate({ id: revoking.id })}
      />
    </Panel>
  );
}
