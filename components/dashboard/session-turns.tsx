'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import type { TurnSummary } from '../../shared/sandboxd-api';
import { failureOf, sessionCalls } from '../driver/session-calls';
import { short } from '../inspector/clock';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Skeleton } from '../ui/panel';
import { duration, moment } from '../ui/time';
import { money } from './standing';

/** As many as one answer holds. */
const PAGE = 100;

function TurnRow({ turn }: { turn: TurnSummary }) {
  const { tokens } = turn;
  return (
    <li className="grid gap-1 py-2.5">
      <p className="flex flex-wrap items-baseline gap-x-2 text-ink-faint text-xs">
        <span className="font-medium text-ink-soft">Turn {turn.turn}</span>
        <time dateTime={turn.startedAt}>{moment(turn.startedAt)}</time>
        <span>{duration(turn.workMs)}</span>
        <span>
          {short(tokens.input + tokens.cacheRead + tokens.cacheWrite)} in, {short(tokens.output)} out
        </span>
        {turn.costUsd !== null && <span>{money(turn.costUsd)}</span>}
        {turn.reason !== 'completed' && <span className="text-warn">{turn.error ?? turn.reason}</span>}
      </p>
      <p className="line-clamp-2 text-sm">{turn.prompt || '(no prompt)'}</p>
      {turn.preview && <p className="line-clamp-2 text-ink-soft text-sm">{turn.preview}</p>}
    </li>
  );
}

/** What was asked and done, from the database: it is there also while the sandbox is stopped or gone. */
export function SessionTurns({ session, turns }: { session: string; turns: number }) {
  const query = useInfiniteQuery({
    queryKey: ['turns', session, turns],
    queryFn: ({ pageParam, signal }) => sessionCalls.turns(session, pageParam, signal),
    initialPageParam: 0,
    getNextPageParam: (last) => (last.length < PAGE ? undefined : last.at(-1)?.turn),
    placeholderData: (before) => before,
  });
  if (query.isPending)
    return (
      <div role="status" aria-label="Loading the turns" className="py-2">
        <Skeleton className="h-12" />
      </div>
    );
  if (query.isError) {
    const failure = failureOf(query.error);
    return (
      <Note
        tone="bad"
        actions={
          <Button size="sm" onClick={() => void query.refetch()}>
            Try again
          </Button>
        }
      >
        {failure.title} {failure.next}
      </Note>
    );
  }
  const all = query.data.pages.flat();
  if (all.length === 0) return <p className="py-2 text-ink-faint text-sm">No turn was finished.</p>;
  return (
    <>
      <ol className="divide-y">
        {all.map((it) => (
          <TurnRow key={it.turn} turn={it} />
        ))}
      </ol>
      {query.hasNextPage && (
        <Button size="sm" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          More turns
        </Button>
      )}
    </>
  );
}
