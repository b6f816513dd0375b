'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import type { SshKeyView } from '../../shared/ssh-keys';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Dialog } from '../ui/dialog';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { AddSshKey } from './ssh-keys-add';

/** Public keys for ssh, scp, editors and git, and the server's own fingerprint to compare. */
export function SshKeys() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(30_000);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<SshKeyView | null>(null);
  const access = useQuery(trpc.sshKeys.get.queryOptions());
  const remove = useMutation(
    trpc.sshKeys.remove.mutationOptions({
      onSettled: () => {
        setRemoving(null);
        return queries.invalidateQueries({ queryKey: trpc.sshKeys.get.queryKey() });
      },
    }),
  );
  const button = (
    <Button size="sm" onClick={() => setAdding(true)}>
      <Plus /> Add a key
    </Button>
  );
  return (
    <Panel
      id="ssh-keys"
      title="SSH keys"
      description="For ssh, scp, rsync, git and editors such as VS Code: straight into your sandboxes."
      actions={button}
      flush
    >
      {!access.data ? (
        access.isError ? (
          <LoadError error={access.error} retry={() => void access.refetch()} />
        ) : (
          <div className="p-5">
            <Skeleton className="h-10" />
          </div>
        )
      ) : (
        <>
          {access.data.keys.length === 0 ? (
            <EmptyState icon={KeyRound} title="No keys yet">
              Add the public key of your machine to open your sandboxes from its terminal and its editor.
            </EmptyState>
          ) : (
            <ul className="divide-y" aria-label="SSH keys">
              {access.data.keys.map((it) => (
                <li key={it.id} className="flex items-center gap-3 px-5 py-3">
                  <div className="min-w-0 flex-1">
                    <p className="truncate font-medium text-sm">{it.label}</p>
                    <p className="break-all text-ink-faint text-xs">
                      {it.type} · <code>{it.fingerprint}</code> ·{' '}
                      {it.lastUsedAt && now !== null ? `used ${relative(it.lastUsedAt, now)}` : 'never used'}
                    </p>
                  </div>
                  <Button size="sm" aria-label={`Remove ${it.label}`} onClick={() => setRemoving(it)}>
                    Remove
                  </Button>
                </li>
              ))}
            </ul>
          )}
          <div className="border-t p-5 text-ink-faint text-xs">
            {access.data.server ? (
              <p className="break-all">
                At the first connection ssh shows the server’s ED25519 key. It is{' '}
                <code className="text-ink-soft">{access.data.server.fingerprint}</code>
              </p>
            ) : (
              <Note tone="warn">
                This gateway serves no SSH. An administrator switches it on by SSH_PROXY_ADDR.
              </Note>
            )}
          </div>
        </>
      )}
      <Dialog open={adding} onOpenChange={setAdding} title="Add an SSH key">
        <AddSshKey close={() => setAdding(false)} />
      </Dialog>
      <Confirm
        open={removing !== null}
        onOpenChange={() => setRemoving(null)}
        title={`Remove “${removing?.label ?? ''}”?`}
        description="What it has open is closed at once, and it is refused from now on."
        action="Remove"
        busy={remove.isPending}
        onConfirm={() => removing && remove.mutate({ id: removing.id })}
      />
    </Panel>
  );
}
