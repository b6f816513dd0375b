'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { z } from 'zod';
import { type Exchange, type ExchangeSummary, sandboxdApi } from '../../shared/sandboxd-api';
import { CallError, failureOfAnswer } from '../driver/session-calls';

/** An answer's end and its record come in one burst of frames; one request for all within this many ms. */
const GATHER_MS = 150;
/** How many one answer of the API holds. */
const PAGE = 200;

async function get<T>(path: string, output: z.ZodType<T>, signal: AbortSignal): Promise<T> {
  const response = await fetch(path, { cache: 'no-store', signal });
  if (!response.ok) throw new CallError(await failureOfAnswer(response));
  return output.parse(await response.json());
}

/** All exchanges of a session that are still kept, oldest first; asked for anew when `news` changes. */
export function useExchanges(
  session: string,
  news: number,
): { exchanges: readonly ExchangeSummary[]; failure: unknown; loading: boolean } {
  const [state, setState] = useState<{
    exchanges: readonly ExchangeSummary[];
    failure: unknown;
    loading: boolean;
  }>({
    exchanges: [],
    failure: null,
    loading: true,
  });
  const known = useRef<readonly ExchangeSummary[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `news` is why it is asked again
  useEffect(() => {
    const ended = new AbortController();
    const ask = async () => {
      const done = (it: ExchangeSummary) => it.durationMs !== null || it.error !== null;
      const unfinished = known.current.findIndex((it) => !done(it));
      let kept = unfinished < 0 ? [...known.current] : known.current.slice(0, unfinished);
      for (;;) {
        const after = kept.at(-1)?.exchange ?? 0;
        const path = `/api/sessions/${session}/exchanges?after=${after}`;
        const { exchanges } = await get(path, sandboxdApi.exchanges.output, ended.signal);
        kept = [...kept, ...exchanges];
        if (exchanges.length < PAGE) break;
      }
      known.current = kept;
      setState({ exchanges: kept, failure: null, loading: false });
    };
    const timer = setTimeout(() => {
      ask().catch((failure: unknown) => {
        if (!ended.signal.aborted) setState((before) => ({ ...before, failure, loading: false }));
      });
    }, GATHER_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [session, news]);
  return state;
}

/** One exchange with its bodies; a finished one does not change any more. */
export function useExchange(session: string, summary: ExchangeSummary) {
  return useQuery<Exchange>({
    queryKey: ['exchange', session, summary.exchange, summary.durationMs ?? summary.error],
    queryFn: ({ signal }) =>
      get(`/api/sessions/${session}/exchanges/${summary.exchange}`, sandboxdApi.exchange.output, signal),
    staleTime: Number.POSITIVE_INFINITY,
    // Bodies weigh megabytes.
    gcTime: 30_000,
  });
}
