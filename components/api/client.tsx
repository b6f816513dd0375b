'use client';

import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { type ReactNode, useState } from 'react';
import { toast } from 'sonner';
import type { AppRouter } from '../../server/api/root';
import { isSigningOut } from '../auth/credentials';
import { failureOf } from './failure';
import { TRPCProvider } from './trpc';

/** Fresh for this long, in ms: changes arrive over the event stream, so a refetch on focus is only a safety net. */
const FRESH_MS = 10_000;
/** A second try helps where nothing answered, not where the answer was no. */
const RETRIES = 2;

function toSignIn() {
  const here = window.location.pathname + window.location.search;
  if (window.location.pathname === '/sign-in' || isSigningOut()) return;
  // Who is led there out of an open page is told why.
  const next = here === '/' ? '' : `&next=${encodeURIComponent(here)}`;
  window.location.assign(`/sign-in?ended=1${next}`);
}

/** Mutations show their own failure unless they say `meta: { quiet: true }`. */
function makeQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        if (failureOf(error).code === 'unauthenticated') toSignIn();
      },
    }),
    mutationCache: new MutationCache({
      onError: (error, _input, _context, mutation) => {
        const failure = failureOf(error);
        if (failure.code === 'unauthenticated') toSignIn();
        else if (!mutation.meta?.quiet) toast.error(failure.title, { description: failure.next });
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        retry: (count, error) => failureOf(error).code === 'offline' && count < RETRIES,
      },
      mutations: { retry: false },
    },
  });
}

export function ApiProvider({ children }: { children: ReactNode }) {
  const [queries] = useState(makeQueryClient);
  const [client] = useState(() =>
    createTRPCClient<AppRouter>({ links: [httpBatchLink({ url: '/api/trpc', maxURLLength: 2000 })] }),
  );
  return (
    <QueryClientProvider client={queries}>
      <TRPCProvider trpcClient={client} queryClient={queries}>
        {children}
      </TRPCProvider>
    </QueryClientProvider>
  );
}
