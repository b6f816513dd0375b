'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import type { Me } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useMe } from '../api/me';
import { useTRPC } from '../api/trpc';
import { HooksPanel } from '../hooks/hooks-panel';
import { NotificationSettings } from '../notifications/notification-settings';
import { ProvidersPanel } from '../providers/providers-panel';
import { Button } from '../ui/button';
import { Panel, Skeleton } from '../ui/panel';
import { moment } from '../ui/time';
import { ApiTokens } from './api-tokens';
import { Appearance } from './appearance';
import { BrowserSessions } from './browser-sessions';
import { PasswordForm } from './password-form';
import { RegionFields } from './region-fields';
import { SshKeys } from './ssh-keys';

const sections = [
  ['profile', 'Profile'],
  ['appearance', 'Appearance'],
  ['providers', 'Claude providers'],
  ['hooks', 'Hooks'],
  ['notifications', 'Notifications'],
  ['password', 'Password'],
  ['browsers', 'Browsers'],
  ['ssh-keys', 'SSH keys'],
  ['tokens', 'API tokens'],
] as const;

function Profile({ me }: { me: Me }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [region, setRegion] = useState({ timezone: me.timezone, locale: me.locale });
  const save = useMutation(
    trpc.account.setRegion.mutationOptions({
      onSuccess: (changed) => {
        queries.setQueryData(trpc.account.me.queryKey(), changed);
        toast.success('Saved.', { description: 'New sandboxes use it.' });
      },
    }),
  );
  const dirty = region.timezone !== me.timezone || region.locale !== me.locale;
  return (
    <form
      className="grid gap-4 sm:grid-cols-2"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(region);
      }}
    >
      <dl className="grid gap-3 text-sm sm:col-span-2 sm:grid-cols-3">
        <div>
          <dt className="text-ink-faint text-xs">User name</dt>
          <dd className="truncate font-medium">{me.username}</dd>
        </div>
        <div>
          <dt className="text-ink-faint text-xs">Role</dt>
          <dd className="font-medium">{me.role === 'admin' ? 'Administrator' : 'User'}</dd>
        </div>
        <div>
          <dt className="text-ink-faint text-xs">Account ends</dt>
          <dd className="font-medium">{me.expiresAt ? moment(me.expiresAt) : 'never'}</dd>
        </div>
      </dl>
      <RegionFields value={region} onChange={setRegion} />
      <Button
        type="submit"
        look="primary"
        disabled={!dirty}
        busy={save.isPending}
        className="justify-self-start"
      >
        Save
      </Button>
    </form>
  );
}

export function Settings() {
  const me = useMe();
  return (
    <div className="mx-auto grid w-full max-w-5xl gap-6 px-4 py-6 sm:px-6 sm:py-8 lg:grid-cols-[11rem_1fr]">
      <div className="min-w-0 lg:sticky lg:top-18 lg:self-start">
        <h1 className="mb-3 font-semibold text-xl tracking-tight">Settings</h1>
        <nav aria-label="Sections" className="-mx-2 flex overflow-x-auto lg:flex-col">
          {sections.map(([id, title]) => (
            <a
              key={id}
              href={`#${id}`}
              className="whitespace-nowrap rounded-md px-2 py-1.5 text-ink-soft text-sm hover:bg-sunken hover:text-ink"
            >
              {title}
            </a>
          ))}
        </nav>
      </div>
      {me.data ? (
        <div className="grid min-w-0 gap-6 [&>section]:scroll-mt-18">
          <Panel
            id="profile"
            title="Profile"
            description="Time zone and locale are what your sandboxes start with."
          >
            <Profile me={me.data} />
          </Panel>
          <Panel
            id="appearance"
            title="Appearance"
            description="Kept with your account, so every browser looks the same."
          >
            <Appearance preferences={me.data.preferences} />
          </Panel>
          <ProvidersPanel />
          <HooksPanel />
          <NotificationSettings />
          <Panel id="password" title="Password" description="Changing it signs out all other browsers.">
            <PasswordForm username={me.data.username} />
          </Panel>
          <BrowserSessions />
          <SshKeys />
          <ApiTokens />
        </div>
      ) : me.isError ? (
        <LoadError error={me.error} retry={() => void me.refetch()} busy={me.isFetching} />
      ) : (
        <div role="status" aria-label="Loading settings" className="grid gap-6">
          <Skeleton className="h-56" />
          <Skeleton className="h-72" />
        </div>
      )}
    </div>
  );
}
