'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Send } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { NotificationPreferences, PushDeviceView } from '../../shared/notifications';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { Field, Input } from '../ui/field';
import { Panel, Skeleton } from '../ui/panel';
import { Switch } from '../ui/switch';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { ownDevice } from './push';
import { ThisDevice } from './this-device';

function Devices() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const now = useNow(30_000);
  const [own, setOwn] = useState<string | null>(null);
  const devices = useQuery(trpc.notifications.devices.queryOptions());
  useEffect(() => setOwn(devices.data ? ownDevice() : null), [devices.data]);
  const settled = { onSettled: () => queries.invalidateQueries({ queryKey: trpc.notifications.pathKey() }) };
  const remove = useMutation(trpc.notifications.unsubscribe.mutationOptions(settled));
  const test = useMutation(trpc.notifications.test.mutationOptions(settled));
  if (!devices.data)
    return devices.isError ? (
      <LoadError error={devices.error} retry={() => void devices.refetch()} />
    ) : (
      <Skeleton className="h-10" />
    );
  const state = (it: PushDeviceView) =>
    it.problem ??
    (it.lastSentAt && now !== null ? `last push ${relative(it.lastSentAt, now)}` : 'nothing pushed yet');
  return (
    <div className="grid gap-2">
      <div className="flex items-center justify-between gap-3">
        <h3 className="font-medium text-sm">Devices</h3>
        <Button size="sm" busy={test.isPending} onClick={() => test.mutate({})}>
          <Send /> Send a test
        </Button>
      </div>
      {devices.data.length === 0 ? (
        <p className="text-ink-faint text-sm">
          No device gets pushes. A test then comes to the bell and as a toast only.
        </p>
      ) : (
        <ul className="divide-y rounded-lg border">
          {devices.data.map((it) => (
            <li key={it.id} className="flex flex-wrap items-center gap-2 px-3.5 py-2.5">
              <div className="min-w-0 flex-1">
                <p className="flex flex-wrap items-center gap-2 text-sm">
                  <span className="truncate font-medium">{it.label}</span>
                  {it.id === own && <Badge tone="good">This browser</Badge>}
                  {it.problem && <Badge tone="bad">Last push failed</Badge>}
                </p>
                <p className="break-words text-ink-faint text-xs">
                  {it.service} · since {moment(it.createdAt)} · {state(it)}
                </p>
              </div>
              <Button
                size="sm"
                aria-label={`Test ${it.label}`}
                onClick={() => test.mutate({ deviceId: it.id })}
              >
                Test
              </Button>
              <Button
                size="sm"
                aria-label={`Remove ${it.label}`}
                onClick={() => remove.mutate({ id: it.id })}
              >
                Remove
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Choices({ preferences }: { preferences: NotificationPreferences }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const key = trpc.notifications.preferences.queryKey();
  const { mutate } = useMutation(
    trpc.notifications.setPreferences.mutationOptions({
      // In their order; what was read before one of them does not undo it here.
      scope: { id: 'notification preferences' },
      onMutate: async (change: Partial<NotificationPreferences>) => {
        queries.setQueryData(key, (before) => before && { ...before, ...change });
        await queries.cancelQueries({ queryKey: key });
      },
      onSettled: () => {
        if (queries.isMutating({ mutationKey: trpc.notifications.setPreferences.mutationKey() }) === 1)
          void queries.invalidateQueries({ queryKey: key });
      },
    }),
  );
  const { quietHours } = preferences;
  const quiet = (change: Partial<typeof quietHours>) =>
    mutate({ quietHours: { ...(queries.getQueryData(key)?.quietHours ?? quietHours), ...change } });
  return (
    <div className="grid gap-4">
      <Switch
        label="Claude waits for me"
        hint="A question, or a permission that is asked for."
        checked={preferences.waiting}
        onChange={(waiting) => mutate({ waiting })}
      />
      <Switch
        label="Claude has finished"
        hint="Turns that took longer than the time below."
        checked={preferences.finished}
        onChange={(finished) => mutate({ finished })}
      />
      {preferences.finished && (
        <Field label="Only after so many seconds of work" className="max-w-64">
          {(control) => (
            <Input
              {...control}
              type="number"
              min={0}
              max={86_400}
              key={preferences.finishedAfterSeconds}
              defaultValue={preferences.finishedAfterSeconds}
              onBlur={({ target }) => {
                const seconds = target.valueAsNumber;
                if (Number.isInteger(seconds) && seconds !== preferences.finishedAfterSeconds)
                  mutate({ finishedAfterSeconds: seconds });
              }}
            />
          )}
        </Field>
      )}
      <Switch
        label="Something failed"
        hint="A turn or a session that came to an error."
        checked={preferences.failed}
        onChange={(failed) => mutate({ failed })}
      />
      <Switch
        label="A budget runs out"
        hint="Three quarters, nine tenths or all of it is used."
        checked={preferences.budget}
        onChange={(budget) => mutate({ budget })}
      />
      <Switch
        label="Quiet hours"
        hint="Nothing is pushed then; the bell has it. In the time zone of your profile."
        checked={quietHours.enabled}
        onChange={(enabled) => quiet({ enabled })}
      />
      {quietHours.enabled && (
        <div className="grid max-w-64 grid-cols-2 gap-3">
          <Field label="From">
            {(control) => (
              <Input
                {...control}
                type="time"
                value={quietHours.from}
                onChange={(event) => event.target.value && quiet({ from: event.target.value })}
              />
            )}
          </Field>
          <Field label="To">
            {(control) => (
              <Input
                {...control}
                type="time"
                value={quietHours.to}
                onChange={(event) => event.target.value && quiet({ to: event.target.value })}
              />
            )}
          </Field>
        </div>
      )}
    </div>
  );
}

export function NotificationSettings() {
  const trpc = useTRPC();
  const preferences = useQuery(trpc.notifications.preferences.queryOptions());
  return (
    <Panel
      id="notifications"
      title="Notifications"
      description="In the bell, as a toast while you look, and pushed to the devices you choose."
    >
      {preferences.data ? (
        <div className="grid gap-6">
          <Choices preferences={preferences.data} />
          <hr />
          <ThisDevice />
          <Devices />
        </div>
      ) : preferences.isError ? (
        <LoadError error={preferences.error} retry={() => void preferences.refetch()} />
      ) : (
        <Skeleton className="h-40" />
      )}
    </Panel>
  );
}
