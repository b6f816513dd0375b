'use client';

import { ListTree, MessagesSquare, SquareTerminal } from 'lucide-react';
import type { Exchange, ExchangeSummary } from '../../shared/sandboxd-api';
import { failureOf } from '../driver/session-calls';
import type { ViewTarget } from '../terminal/session-views';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { CopyText } from '../ui/copy-button';
import { Skeleton } from '../ui/panel';
import { bytes } from '../ui/time';
import { clock, short, span } from './clock';
import { curlOf } from './curl';
import { Detail, Facts, Fold } from './detail';
import { useExchange } from './exchange-calls';
import { MaybeJson } from './json-tree';

/** Events of a stream that are drawn; a long answer has thousands, and all of them are in the copy. */
const EVENTS_MAX = 1_000;

function Events({ events }: { events: NonNullable<Exchange['events']> }) {
  return (
    <ol className="font-mono text-xs leading-5">
      {events.slice(0, EVENTS_MAX).map((it, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events are never moved or taken out
        <li key={at} className="grid grid-cols-[4.5rem_1fr] gap-2 border-b py-0.5 last:border-0">
          <span className="tabular text-right text-ink-faint">{span(it.ms)}</span>
          <details className="min-w-0">
            <summary className="truncate">
              <span className="text-accent">{it.event}</span>{' '}
              <span className="text-ink-faint">{it.data.slice(0, 200)}</span>
            </summary>
            <MaybeJson text={it.data} open={5} />
          </details>
        </li>
      ))}
      {events.length > EVENTS_MAX && (
        <li className="pt-1 font-sans text-ink-faint">
          {events.length - EVENTS_MAX} more events are in the copy.
        </li>
      )}
    </ol>
  );
}

function Bodies({ exchange }: { exchange: Exchange }) {
  const { events, answerBody } = exchange;
  return (
    <>
      {exchange.truncated && (
        <Note tone="warn">A body was longer than is kept; its end is missing here.</Note>
      )}
      <Fold title="Request" note={bytes(exchange.requestBytes)}>
        <MaybeJson text={exchange.requestBody} open={1} />
      </Fold>
      <Fold title="Request headers" note={`${exchange.requestHeaders.length}, secrets masked`} open={false}>
        <Facts rows={exchange.requestHeaders} />
      </Fold>
      {events && (
        <Fold title="Streamed events" note={`${events.length}`}>
          <Events events={events} />
        </Fold>
      )}
      {answerBody !== null && (
        <Fold title="Answer" note={bytes(exchange.answerBytes)}>
          <MaybeJson text={answerBody} />
        </Fold>
      )}
      <Fold title="Answer headers" note={`${exchange.answerHeaders.length}`} open={false}>
        <Facts rows={exchange.answerHeaders} />
      </Fold>
    </>
  );
}

export function ExchangeDetail({
  session,
  summary,
  onFrame,
  moment,
  reveal,
  onClose,
}: {
  session: string;
  summary: ExchangeSummary;
  /** Null: its frame is not here. */
  onFrame: (() => void) | null;
  /** What stands in the terminal there. */
  moment(): string[];
  reveal: ((target: ViewTarget) => void) | null;
  onClose(): void;
}) {
  const found = useExchange(session, summary);
  const { turn, tokens } = summary;
  const exchange = found.data;
  return (
    <Detail
      title={
        <>
          <span className="font-medium">API #{summary.exchange}</span>{' '}
          <span className="font-mono text-ink-soft text-xs">
            {summary.method} {summary.path}
          </span>
        </>
      }
      actions={
        <>
          {onFrame && (
            <Button size="sm" look="ghost" onClick={onFrame}>
              <ListTree aria-hidden /> Frame
            </Button>
          )}
          {reveal && turn !== null && (
            <Button size="sm" look="ghost" onClick={() => reveal({ view: 'driver', turn })}>
              <MessagesSquare aria-hidden /> Turn {turn}
            </Button>
          )}
          {reveal && turn !== null && (
            <Button size="sm" look="ghost" onClick={() => reveal({ view: 'terminal', words: moment() })}>
              <SquareTerminal aria-hidden /> Terminal
            </Button>
          )}
          {exchange && (
            <>
              <CopyText words label="Copy as curl" text={() => curlOf(exchange)} />
              <CopyText words label="Copy JSON" text={() => JSON.stringify(exchange, null, 2)} />
            </>
          )}
        </>
      }
      onClose={onClose}
    >
      <div className="grid gap-3">
        <Facts
          rows={[
            ['time', clock(summary.at)],
            ['status', summary.error ?? summary.status ?? 'waiting for the answer'],
            ['model', summary.model ?? '–'],
            ['message', summary.messageId ?? '–'],
            ...(tokens
              ? ([
                  ['tokens', `${short(tokens.input)} in, ${short(tokens.output)} out`],
                  ['cache', `${short(tokens.cacheRead)} read, ${short(tokens.cacheWrite)} written`],
                ] as const)
              : []),
            ['first byte', span(summary.firstByteMs)],
            ['first token', span(summary.firstTokenMs)],
            ['duration', span(summary.durationMs)],
          ]}
        />
        {exchange ? (
          <div>
            <Bodies exchange={exchange} />
          </div>
        ) : found.isError ? (
          <Note
            tone="bad"
            actions={
              <Button size="sm" onClick={() => void found.refetch()}>
                Try again
              </Button>
            }
          >
            {failureOf(found.error).title} {failureOf(found.error).next}
          </Note>
        ) : (
          <div role="status" aria-label="Loading the exchange" className="grid gap-2">
            <Skeleton className="h-24" />
            <Skeleton className="h-40" />
          </div>
        )}
      </div>
    </Detail>
  );
}
