'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Preferences } from '../../shared/views';
import { useTRPC } from './trpc';

export function useMe() {
  const trpc = useTRPC();
  return useQuery(trpc.account.me.queryOptions());
}

/** Changes preferences at once on the screen and then on the server; goes back when that fails. */
export function useSetPreferences() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const key = trpc.account.me.queryKey();
  return useMutation(
    trpc.account.setPreferences.mutationOptions({
      onMutate: (change: Partial<Preferences>) => {
        const before = queries.getQueryData(key);
        if (before)
          queries.setQueryData(key, { ...before, preferences: { ...before.preferences, ...change } });
        return { before };
      },
      onError: (_error, _change, context) => {
        if (context?.before) queries.setQueryData(key, context.before);
      },
      onSuccess: (me) => queries.setQueryData(key, me),
    }),
  );
}
