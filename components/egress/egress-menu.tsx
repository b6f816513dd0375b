'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { EllipsisVertical, FlaskConical, Pencil, Power, PowerOff, Share2, Trash2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import type { EgressView } from '../../shared/egress-views';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { ExportDialog } from './export-dialog';
import { Refused } from './refused';
import { TestDialog } from './test-dialog';

type Asking = 'test' | 'export' | 'remove' | 'disable';

/** Everything that can be done with one way out; `onRemoved` where the page itself is about it. */
export function EgressMenu({ egress, onRemoved }: { egress: EgressView; onRemoved?: () => void }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const router = useRouter();
  const [asking, setAsking] = useState<Asking | null>(null);
  const close = () => setAsking(null);
  const refresh = () => queries.invalidateQueries({ queryKey: trpc.egress.pathKey() });
  const update = useMutation(
    trpc.egress.update.mutationOptions({
      onSuccess: ({ label, enabled }) => {
        close();
        toast.success(`${label} is switched ${enabled ? 'on' : 'off'}.`);
      },
      onSettled: refresh,
    }),
  );
  const remove = useMutation(
    trpc.egress.remove.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => {
        close();
        toast.success(`${egress.label} is removed.`);
        onRemoved?.();
      },
      onSettled: refresh,
    }),
  );
  const failure = remove.error ? failureOf(remove.error) : null;
  return (
    <>
      <Menu
        trigger={
          <Button look="ghost" size="icon" aria-label={`Actions for ${egress.label}`}>
            <EllipsisVertical />
          </Button>
        }
      >
        <MenuItem icon={FlaskConical} onSelect={() => setAsking('test')}>
          Test now
        </MenuItem>
        {!onRemoved && (
          <MenuItem icon={Pencil} onSelect={() => router.push(`/admin/egress/${egress.id}`)}>
            Open and edit
          </MenuItem>
        )}
        {egress.kind !== 'direct' && (
          <MenuItem icon={Share2} onSelect={() => setAsking('export')}>
            Export…
          </MenuItem>
        )}
        <MenuLine />
        {egress.enabled ? (
          <MenuItem icon={PowerOff} onSelect={() => setAsking('disable')}>
            Switch off…
          </MenuItem>
        ) : (
          <MenuItem icon={Power} onSelect={() => update.mutate({ id: egress.id, enabled: true })}>
            Switch on
          </MenuItem>
        )}
        <MenuItem
          icon={Trash2}
          danger
          onSelect={() => {
            remove.reset();
            setAsking('remove');
          }}
        >
          Remove…
        </MenuItem>
      </Menu>
      {asking === 'test' && <TestDialog egress={egress} close={close} />}
      {asking === 'export' && <ExportDialog egress={egress} close={close} />}
      <Confirm
        open={asking === 'disable'}
        onOpenChange={close}
        title={`Switch ${egress.label} off?`}
        description="Pools pass over it, and nothing new can be bound to it. What goes by it through a pool takes the next one."
        action="Switch off"
        busy={update.isPending}
        onConfirm={() => update.mutate({ id: egress.id, enabled: false })}
      />
      <Confirm
        open={asking === 'remove'}
        onOpenChange={close}
        title={`Remove ${egress.label}?`}
        description={
          failure ? (
            <Refused failure={failure} />
          ) : (
            'Its settings and keys are deleted. Nothing may be using it.'
          )
        }
        action={failure ? 'Try again' : 'Remove'}
        busy={remove.isPending}
        onConfirm={() => remove.mutate({ id: egress.id })}
      />
    </>
  );
}
