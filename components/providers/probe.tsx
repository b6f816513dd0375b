'use client';

import { useMutation } from '@tanstack/react-query';
import { CircleCheck, CircleX } from 'lucide-react';
import { type FormEvent, useEffect } from 'react';
import type { ProviderView } from '../../shared/providers';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { span } from '../inspector/clock';
import { Facts, Fold } from '../inspector/detail';
import { MaybeJson } from '../inspector/json-tree';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { DialogActions } from '../ui/dialog';
import { Input } from '../ui/field';
import { Skeleton } from '../ui/panel';

/** Makes one small request to a provider and shows it with its answer. */
export function Probe({ provider, close }: { provider: ProviderView; close(): void }) {
  const trpc = useTRPC();
  const { mutate, data, isPending, error } = useMutation(
    trpc.providers.probe.mutationOptions({ meta: { quiet: true } }),
  );
  useEffect(() => mutate({ id: provider.id }), [mutate, provider.id]);
  function again(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const model = String(new FormData(event.currentTarget).get('model') ?? '').trim();
    mutate({ id: provider.id, ...(model ? { model } : {}) });
  }
  const failure = error && failureOf(error);
  return (
    <form className="grid gap-4" onSubmit={again}>
      {isPending ? (
        <div role="status" aria-label="The request is under way" className="grid gap-2">
          <Skeleton className="h-9" />
          <Skeleton className="h-24" />
        </div>
      ) : failure ? (
        <Note tone="bad" icon={CircleX}>
          {failure.title} {failure.next}
        </Note>
      ) : data ? (
        <>
          <Note tone={data.ok ? 'good' : 'bad'} icon={data.ok ? CircleCheck : CircleX}>
            {data.message} <span className="text-xs">({span(data.durationMs)})</span>
          </Note>
          <div className="rounded-lg border p-3">
            <Fold title="Request" note={`${data.request.method} ${data.request.url}`}>
              <Facts rows={data.request.headers} />
              <div className="mt-2">
                <MaybeJson text={data.request.body} />
              </div>
            </Fold>
            <Fold title="Answer" note={data.answer ? `HTTP ${data.answer.status}` : 'none came'}>
              {data.answer && <MaybeJson text={data.answer.body} />}
            </Fold>
          </div>
        </>
      ) : null}
      <DialogActions>
        <Input
          name="model"
          aria-label="Model to ask"
          placeholder="Another model (optional)"
          className="sm:w-56"
        />
        <Button type="submit" busy={isPending}>
          Try again
        </Button>
        <Button look="primary" onClick={close}>
          Done
        </Button>
      </DialogActions>
    </form>
  );
}
