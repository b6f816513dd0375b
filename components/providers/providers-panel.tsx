'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Ellipsis, Pencil, Plus, Radio, Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { ProviderView } from '../../shared/providers';
import { failureOf } from '../api/failure';
import { LoadError } from '../api/load-state';
import { useMe } from '../api/me';
import { useTRPC } from '../api/trpc';
import { Badge, Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Dialog } from '../ui/dialog';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { Panel, Skeleton } from '../ui/panel';
import { relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { kindFaces } from './kinds';
import { Probe } from './probe';
import { ProviderForm } from './provider-form';

type Open = { what: 'add' } | { what: 'edit' | 'probe' | 'remove'; provider: ProviderView };

function Row({
  provider,
  mayChange,
  now,
  onOpen,
}: {
  provider: ProviderView;
  mayChange: boolean;
  now: number | null;
  onOpen(open: Open): void;
}) {
  const { title, icon: Icon, help } = kindFaces[provider.kind];
  const facts = [
    provider.builtIn ? help : title,
    provider.baseUrl,
    provider.hint && `key ${provider.hint}`,
    provider.sessions > 0 && `${provider.sessions} open ${provider.sessions === 1 ? 'session' : 'sessions'}`,
    provider.lastUsedAt && now !== null && `used ${relative(provider.lastUsedAt, now)}`,
  ].filter((it) => typeof it === 'string' && it !== '');
  return (
    <li className="flex items-center gap-3 px-5 py-3">
      <span className="grid size-8 shrink-0 place-items-center rounded-lg bg-sunken text-ink-soft">
        <Icon className="size-4" aria-hidden />
      </span>
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-2 text-sm">
          <span className="truncate font-medium">{provider.label}</span>
          {provider.isDefault && <Badge tone="good">Default</Badge>}
          {provider.shared && <Badge>For everybody</Badge>}
        </p>
        <p className="break-words text-ink-faint text-xs">{facts.join(' · ')}</p>
      </div>
      {provider.kind !== 'subscription' && (
        <Button
          size="sm"
          aria-label={`Probe ${provider.label}`}
          onClick={() => onOpen({ what: 'probe', provider })}
        >
          <Radio /> Probe
        </Button>
      )}
      {mayChange && (
        <Menu
          trigger={
            <Button look="ghost" size="icon" aria-label={`Actions for ${provider.label}`}>
              <Ellipsis />
            </Button>
          }
        >
          <MenuItem icon={Pencil} onSelect={() => onOpen({ what: 'edit', provider })}>
            Rename or change…
          </MenuItem>
          <MenuLine />
          <MenuItem icon={Trash2} danger onSelect={() => onOpen({ what: 'remove', provider })}>
            Delete…
          </MenuItem>
        </Menu>
      )}
    </li>
  );
}

/** Identities side by side; each session is given one, and keeps to it. */
export function ProvidersPanel() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const me = useMe();
  const now = useNow(30_000);
  const [open, setOpen] = useState<Open | null>(null);
  const list = useQuery(trpc.providers.list.queryOptions());
  const remove = useMutation(
    trpc.providers.remove.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => close(),
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.providers.list.queryKey() }),
    }),
  );
  function close() {
    setOpen(null);
    remove.reset();
  }
  const of = (what: Exclude<Open['what'], 'add'>) =>
    open !== null && open.what === what && 'provider' in open ? open.provider : null;
  const editing = of('edit');
  const probing = of('probe');
  const removing = of('remove');
  const failure = remove.error && failureOf(remove.error);
  return (
    <Panel
      id="providers"
      title="Claude providers"
      description="Who answers Claude, and who pays. Keys are stored encrypted and never enter a sandbox."
      actions={
        <Button size="sm" onClick={() => setOpen({ what: 'add' })}>
          <Plus /> Add
        </Button>
      }
      flush
    >
      {list.data ? (
        <ul className="divide-y">
          {list.data.map((it) => (
            <Row
              key={it.id}
              provider={it}
              mayChange={!it.builtIn && (it.mine || me.data?.role === 'admin')}
              now={now}
              onOpen={setOpen}
            />
          ))}
        </ul>
      ) : list.isError ? (
        <LoadError error={list.error} retry={() => void list.refetch()} />
      ) : (
        <div className="p-5">
          <Skeleton className="h-10" />
        </div>
      )}
      <Dialog
        open={open?.what === 'add' || editing !== null}
        onOpenChange={close}
        title={editing ? `Change “${editing.label}”` : 'Add a provider'}
      >
        <ProviderForm
          provider={editing}
          onCancel={close}
          // A new one is tried at once: a typing mistake shows here and not in a session.
          onDone={(provider) => setOpen(editing ? null : { what: 'probe', provider })}
        />
      </Dialog>
      <Dialog open={probing !== null} onOpenChange={close} title={`Probe “${probing?.label ?? ''}”`} wide>
        {probing && <Probe provider={probing} close={close} />}
      </Dialog>
      <Confirm
        open={removing !== null}
        onOpenChange={close}
        title={`Delete “${removing?.label ?? ''}”?`}
        description={
          failure ? (
            <Note tone="bad">
              {failure.title} {failure.next}
            </Note>
          ) : (
            'Its key is removed from here. Sessions that ended with it keep their history.'
          )
        }
        action="Delete"
        busy={remove.isPending}
        onConfirm={() => removing && remove.mutate({ id: removing.id })}
      />
    </Panel>
  );
}
