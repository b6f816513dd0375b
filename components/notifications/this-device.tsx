'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import { browserName } from '../account/user-agent';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Switch } from '../ui/switch';
import {
  noteDevice,
  ownDevice,
  PushRefused,
  type PushSupport,
  pushSupport,
  switchOff,
  switchOn,
} from './push';

const hindrances: Record<Exclude<PushSupport, 'supported'>, string> = {
  insecure:
    'Browsers offer push on HTTPS and localhost only, and this page came over plain HTTP. The bell works all the same.',
  unsupported:
    'This browser has no Web Push. On an iPhone or iPad add the app to the home screen first, then open it from there.',
  denied:
    'Notifications are blocked for this site in the browser. Allow them in the site settings, then load the page again.',
};

/** Web Push on or off in the browser that shows this. */
export function ThisDevice() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [support, setSupport] = useState<PushSupport | null>(null);
  const [busy, setBusy] = useState(false);
  const devices = useQuery(trpc.notifications.devices.queryOptions());
  const key = useQuery(trpc.notifications.publicKey.queryOptions());
  const subscribe = useMutation(trpc.notifications.subscribe.mutationOptions());
  const unsubscribe = useMutation(trpc.notifications.unsubscribe.mutationOptions());
  useEffect(() => setSupport(pushSupport()), []);
  if (support === null) return null;
  const own = ownDevice();
  const on = support === 'supported' && own !== null && devices.data?.some((it) => it.id === own) === true;

  async function change(next: boolean) {
    setBusy(true);
    try {
      if (next) {
        if (!key.data)
          throw new PushRefused('The server’s push key is not there yet. Try again in a moment.');
        const subscription = await switchOn(key.data.publicKey);
        const label = browserName(navigator.userAgent);
        noteDevice((await subscribe.mutateAsync({ label, subscription })).id);
      } else {
        const endpoint = await switchOff();
        if (endpoint) await unsubscribe.mutateAsync({ endpoint });
        else if (own) await unsubscribe.mutateAsync({ id: own });
      }
    } catch (error) {
      // What the server refused has been told already.
      if (error instanceof PushRefused) toast.error(error.message);
    } finally {
      setBusy(false);
      setSupport(pushSupport());
      void queries.invalidateQueries({ queryKey: trpc.notifications.devices.queryKey() });
    }
  }
  return (
    <div className="grid gap-3">
      <Switch
        label="Push to this browser"
        hint="Also when no page of this app is open."
        checked={on}
        disabled={busy || support !== 'supported'}
        onChange={(next) => void change(next)}
      />
      {support !== 'supported' && <Note tone="calm">{hindrances[support]}</Note>}
    </div>
  );
}
