'use client';

import { useQuery } from '@tanstack/react-query';
import { CircleSlash, Hourglass, LoaderCircle, MessagesSquare, PlugZap, Power } from 'lucide-react';
import type { ReactNode } from 'react';
import type { SessionView } from '../../shared/views';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { EmptyState, Skeleton } from '../ui/panel';
import { duration, moment } from '../ui/time';
import { useNow } from '../ui/use-now';
import type { SourceState } from './frame-source';
import { dollars, figure } from './numbers';
import { sessionCalls } from './session-calls';

export function LoadingTranscript() {
  return (
    <div
      role="status"
      aria-label="Loading the conversation"
      className="mx-auto grid w-full max-w-3xl gap-4 p-6"
    >
      <Skeleton className="ml-auto h-9 w-2/5 rounded-2xl" />
      <Skeleton className="h-4 w-11/12" />
      <Skeleton className="h-4 w-4/5" />
      <Skeleton className="h-16 w-full rounded-lg" />
      <Skeleton className="h-4 w-3/5" />
    </div>
  );
}

export function EmptyTranscript({ starting }: { starting: boolean }) {
  return (
    <div className="grid h-full place-content-center overflow-y-auto">
      {starting ? (
        <EmptyState icon={Hourglass} title="Claude is starting">
          It takes a second or two. You can write already: what you send is kept until Claude is ready.
        </EmptyState>
      ) : (
        <EmptyState icon={MessagesSquare} title="Nothing said yet">
          Write below what Claude should do: a question about the code, a bug to mend, a file to make. What
          happens here and what happens in the terminal is the same conversation.
        </EmptyState>
      )}
    </div>
  );
}

/** A slim line that says what the connection does, unless all is well. */
export function SourceStrip({ state, onRetry }: { state: SourceState; onRetry(): void }) {
  const now = useNow(500);
  if (state.kind === 'live' || state.kind === 'loading' || state.kind === 'starting') return null;
  if (state.kind === 'reconnecting') {
    const left = state.retryAt && now ? Math.max(0, Math.ceil((state.retryAt - now) / 1000)) : 0;
    return (
      <Strip tone="text-warn" icon={<PlugZap aria-hidden />} onRetry={onRetry}>
        <span className="font-medium">{state.reason}</span>{' '}
        <span className="text-ink-soft">{left > 1 ? `Trying again in ${left} s.` : 'Trying again…'}</span>
      </Strip>
    );
  }
  if (state.kind === 'stopped')
    return (
      <Strip tone="text-ink-faint" icon={<Power aria-hidden />}>
        <span className="font-medium">The sandbox is stopped.</span>{' '}
        <span className="text-ink-soft">This is what was said; start the sandbox to go on.</span>
      </Strip>
    );
  return (
    <Strip tone="text-bad" icon={<CircleSlash aria-hidden />} onRetry={onRetry}>
      <span className="font-medium">{state.failure.title}</span>{' '}
      <span className="text-ink-soft">{state.failure.next}</span>
    </Strip>
  );
}

function Strip({
  tone,
  icon,
  onRetry,
  children,
}: {
  tone: string;
  icon: ReactNode;
  onRetry?: () => void;
  children: ReactNode;
}) {
  return (
    <div
      role="status"
      className="flex animate-fade flex-wrap items-center gap-x-3 gap-y-1 border-b bg-raised px-3 py-1.5 text-sm"
    >
      <span className={cx('shrink-0 [&_svg]:size-4', tone)}>{icon}</span>
      <p className="min-w-0 flex-1 break-words">{children}</p>
      {onRetry && (
        <Button size="sm" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What the gateway kept of a session whose sandbox is stopped: each turn's prompt, the end of its answer, its figures. */
export function History({ session }: { session: SessionView }) {
  const turns = useQuery({
    queryKey: ['session-turns', session.id, session.live?.turns ?? 0],
    queryFn: ({ signal }) =>
      sessionCalls.turns(session.id, Math.max(0, (session.live?.turns ?? 0) - 100), signal),
    retry: false,
  });
  if (turns.isPending)
    return (
      <p role="status" className="flex items-center justify-center gap-2 p-6 text-ink-soft text-sm">
        <LoaderCircle className="size-4 animate-spin" aria-hidden /> Reading the history
      </p>
    );
  const all = turns.data ?? [];
  if (all.length === 0)
    return (
      <EmptyState
        icon={MessagesSquare}
        title={turns.isError ? 'The history cannot be read now' : 'Nothing said yet'}
      >
        Start the sandbox to see the whole conversation and to go on with it.
      </EmptyState>
    );
  return (
    <ol aria-label="History" className="mx-auto grid w-full max-w-3xl gap-5 px-3 py-4 @2xl:px-6">
      {all.map((it) => (
        <li key={it.turn} className="grid gap-2">
          <p className="ml-auto w-fit max-w-full whitespace-pre-wrap break-words rounded-2xl rounded-br-md bg-accent-soft px-3.5 py-2">
            {it.prompt}
          </p>
          {it.preview !== '' && <p className="text-ink-soft">… {it.preview}</p>}
          <p className={cx('text-2xs', it.error ? 'text-bad' : 'text-ink-faint')}>
            {moment(it.startedAt)} · {duration(it.workMs)} · {figure(it.tokens.output)} out
            {it.costUsd !== null && ` · ${dollars(it.costUsd)}`}
            {it.error && ` · ${it.error}`}
          </p>
        </li>
      ))}
    </ol>
  );
}
