'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Choice, type Place, TargetSelect, targetWords, useTargets } from './targets';
import { noWayOut, type WayOut, WayOutSelect } from './way-out-select';

/** Says who goes out by what. With `fixed` only the way out is asked, as on a sandbox's own page. */
export function BindDialog({
  fixed,
  name,
  first = noWayOut,
  close,
}: {
  fixed?: Place;
  name?: string;
  first?: WayOut;
  close(): void;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const choices = useTargets();
  const [place, setPlace] = useState<Place>(fixed ?? { target: 'user', targetId: '' });
  const [to, setTo] = useState<WayOut>(first);
  const bind = useMutation(
    trpc.egress.bind.mutationOptions({
      meta: { quiet: true },
      onSuccess: (tasks) => {
        toast.success(
          tasks.length === 0
            ? 'Assigned. Nothing runs by it now.'
            : `Assigned. ${tasks.length === 1 ? 'One sandbox is' : `${tasks.length} sandboxes are`} being switched.`,
        );
        close();
      },
      onSettled: () => {
        void queries.invalidateQueries({ queryKey: trpc.egress.pathKey() });
        void queries.invalidateQueries({ queryKey: trpc.network.pathKey() });
        void queries.invalidateQueries({ queryKey: trpc.sandboxes.pathKey() });
      },
    }),
  );
  const failure = bind.error ? failureOf(bind.error) : null;
  const ready = place.target === 'everyone' || place.targetId !== '';
  return (
    <Dialog
      open
      onOpenChange={close}
      title={fixed ? `Way out of ${name ?? ''}` : 'Assign a way out'}
      description={fixed ? undefined : 'The nearest one wins: sandbox, user, workspace, everyone.'}
    >
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) bind.mutate({ ...place, ...to });
        }}
      >
        {!fixed && (
          <>
            <Choice
              legend="Who"
              name="target"
              options={(['everyone', 'workspace', 'user', 'sandbox'] as const).map((it) => ({
                value: it,
                ...targetWords[it],
              }))}
              value={place.target}
              onChange={(target) => setPlace({ target, targetId: '' })}
            />
            <TargetSelect
              place={place}
              choices={choices}
              onChange={(targetId) => setPlace({ ...place, targetId })}
            />
          </>
        )}
        <WayOutSelect
          value={to}
          onChange={setTo}
          nothing={
            place.target === 'everyone' ? 'Direct: by this host' : 'none of its own: the next wider one'
          }
        />
        <Note tone="calm" icon={TriangleAlert}>
          Running sandboxes are switched at once: open connections are cut, programs and terminals go on, and
          nothing leaves until the new way is proven.
        </Note>
        {failure && (
          <Note tone="bad">
            <strong>{failure.title}</strong> {failure.next}
          </Note>
        )}
        <DialogActions>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!ready} busy={bind.isPending}>
            Assign
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
