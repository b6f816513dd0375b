'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useCallback, useRef } from 'react';
import { randomId } from '../api/random-id';
import { useTRPC } from '../api/trpc';

/** Creates a sandbox with the defaults and goes straight to its page: what one click means. */
export function useQuickCreate() {
  const trpc = useTRPC();
  const router = useRouter();
  const queries = useQueryClient();
  const { mutate, isPending } = useMutation(
    trpc.sandboxes.create.mutationOptions({
      onSuccess: (sandbox) => {
        queries.setQueryData(trpc.sandboxes.get.queryKey({ id: sandbox.id }), sandbox);
        void queries.invalidateQueries({ queryKey: trpc.sandboxes.list.queryKey() });
        router.push(`/sandboxes/${sandbox.id}`);
      },
      onSettled: () => {
        key.current = randomId();
      },
    }),
  );
  /** The same key until an answer came: a double click makes one sandbox. */
  const key = useRef(randomId());
  const create = useCallback(() => mutate({ idempotencyKey: key.current }), [mutate]);
  return { create, busy: isPending };
}
