'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { Check, UserRound } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import type { ProviderView } from '../../shared/providers';
import type { SessionView } from '../../shared/views';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/menu';
import { kindFaces } from './kinds';
import { LoginDialog } from './login-dialog';

/** Who answers a running session; another choice starts its Claude again in the same conversation. */
export function ProviderPicker({ session, phone }: { session: SessionView; phone: boolean }) {
  const trpc = useTRPC();
  const [login, setLogin] = useState(false);
  const providers = useQuery(trpc.providers.list.queryOptions());
  const { mutate, isPending } = useMutation(
    trpc.sessions.setOptions.mutationOptions({ meta: { quiet: true } }),
  );
  const current = session.provider;
  const stopped = session.state === 'suspended';
  const label = current?.label ?? 'No provider';
  const Icon = kindFaces[current?.kind ?? 'gateway'].icon;

  function choose(to: ProviderView) {
    if (to.id === current?.id) return;
    mutate(
      { id: session.id, providerId: to.id },
      {
        onSuccess: () => {
          if (stopped) toast.success(`${to.label} answers from the next start on`);
          else toast.success(`${to.label} answers now`, { description: 'The conversation goes on.' });
          if (to.kind === 'subscription' && !stopped) setLogin(true);
        },
        onError: (error) => {
          const { title, next } = failureOf(error);
          toast.error(title, { description: next });
        },
      },
    );
  }

  return (
    <>
      <Menu
        trigger={
          <Button
            look="ghost"
            size="tiny"
            busy={isPending}
            disabled={session.state !== 'running' && !stopped}
            aria-label={`Provider of ${session.name}: ${label}`}
            title={`Provider: ${label}`}
            className={phone ? undefined : 'w-auto min-w-0 max-w-44 gap-1.5 px-1.5 text-xs'}
          >
            <Icon aria-hidden />
            {!phone && <span className="@max-md:hidden truncate">{label}</span>}
          </Button>
        }
      >
        <MenuLabel>Who answers Claude here</MenuLabel>
        {(providers.data ?? []).map((it) => (
          <MenuItem
            key={it.id}
            icon={kindFaces[it.kind].icon}
            onSelect={() => choose(it)}
            hint={it.id === current?.id ? <Check className="size-3.5" aria-label="chosen" /> : null}
          >
            {it.label}
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem icon={UserRound} onSelect={() => setLogin(true)}>
          Claude log-in of this sandbox…
        </MenuItem>
      </Menu>
      <LoginDialog sandboxId={session.sandboxId} open={login} onOpenChange={setLogin} />
    </>
  );
}
