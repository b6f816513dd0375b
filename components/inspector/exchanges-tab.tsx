'use client';

import { ArrowDownToLine, ArrowRightLeft } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { Frame } from '../../shared/frames';
import type { ExchangeSummary } from '../../shared/sandboxd-api';
import { failureOf } from '../driver/session-calls';
import type { ViewTarget } from '../terminal/session-views';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Input } from '../ui/field';
import { EmptyState, Skeleton } from '../ui/panel';
import { clock, short, span } from './clock';
import { useExchanges } from './exchange-calls';
import { ExchangeDetail } from './exchange-detail';
import { momentOf } from './moment';
import { SplitView } from './split-view';
import { VirtualList } from './virtual-list';

/** Names of the columns; the rows use the same widths. */
const columns = [
  ['#', 'w-8 text-right'],
  ['Time', 'w-20'],
  ['Purpose', 'w-14'],
  ['Model', 'w-36'],
  ['Status', 'w-14'],
  ['In', 'w-12 text-right'],
  ['Out', 'w-12 text-right'],
  ['Cache hit', 'w-14 text-right'],
  ['First token', 'w-16 text-right'],
  ['Duration', 'w-16 text-right'],
] as const;
const LIST_MIN_PX = 680;

function cacheHit(tokens: ExchangeSummary['tokens']): string {
  if (!tokens) return '–';
  const all = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  return all === 0 ? '–' : `${Math.round((tokens.cacheRead / all) * 100)} %`;
}

function cells(it: ExchangeSummary): string[] {
  return [
    String(it.exchange),
    clock(it.at).slice(0, 8),
    it.agent ? `${it.purpose} ⤷` : it.purpose,
    it.model ?? '–',
    it.error ? 'broken' : it.status === null ? '…' : String(it.status),
    short(it.tokens && it.tokens.input + it.tokens.cacheRead + it.tokens.cacheWrite),
    short(it.tokens?.output),
    cacheHit(it.tokens),
    span(it.firstTokenMs),
    span(it.durationMs),
  ];
}

function Row({ exchange }: { exchange: ExchangeSummary }) {
  const bad = exchange.error !== null || (exchange.status ?? 0) >= 400;
  return cells(exchange).map((text, at) => {
    const [name = '', width = ''] = columns[at] ?? [];
    return (
      <span
        key={name}
        title={name === 'Status' ? (exchange.error ?? undefined) : name}
        className={cx('tabular shrink-0 truncate font-mono', width, bad && name === 'Status' && 'text-bad')}
      >
        {text}
      </span>
    );
  });
}

export function ExchangesTab({
  session,
  frames,
  selected,
  onSelect,
  onFrame,
  reveal,
}: {
  session: string;
  frames: readonly Frame[];
  /** The exchange's number, or null. */
  selected: number | null;
  onSelect(exchange: number | null): void;
  onFrame(seq: number): void;
  reveal: ((target: ViewTarget) => void) | null;
}) {
  const [follow, setFollow] = useState(true);
  const [text, setText] = useState('');
  const news = frames.findLast((it) => it.kind === 'api')?.seq ?? 0;
  const { exchanges, failure, loading } = useExchanges(session, news);
  const shown = useMemo(() => {
    const needle = text.toLowerCase();
    return exchanges.filter((it) => needle === '' || JSON.stringify(it).toLowerCase().includes(needle));
  }, [exchanges, text]);
  const chosen = exchanges.find((it) => it.exchange === selected);
  const frame = chosen && frames.find((it) => it.kind === 'api' && it.data.exchange === chosen.exchange);
  const list = (
    <>
      <div className="flex shrink-0 items-center gap-1.5 border-b px-2 py-1.5">
        <Input
          type="search"
          aria-label="Filter by text"
          placeholder="Model, status, path…"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="h-7 min-w-24 flex-1 px-2 text-xs"
        />
        <Button
          size="sm"
          aria-pressed={follow}
          className={follow ? 'border-accent text-accent' : undefined}
          onClick={() => setFollow(!follow)}
        >
          <ArrowDownToLine aria-hidden /> Follow
        </Button>
        <span className="tabular text-2xs text-ink-faint">{shown.length} exchanges</span>
      </div>
      {failure !== null && (
        <div className="p-2">
          <Note tone="bad">
            {failureOf(failure).title} {failureOf(failure).next}
          </Note>
        </div>
      )}
      {loading ? (
        <div role="status" aria-label="Loading the exchanges" className="p-2">
          <Skeleton className="h-24" />
        </div>
      ) : shown.length === 0 ? (
        <EmptyState
          icon={ArrowRightLeft}
          title={text ? 'No exchange passes the filter' : 'Nothing was asked of the API yet'}
        >
          {!text && 'Every request of this session, its streamed answer and its tokens appear here.'}
        </EmptyState>
      ) : (
        <div className="flex min-h-0 flex-1 flex-col overflow-x-auto">
          <div
            aria-hidden
            className="flex shrink-0 gap-2.5 border-b px-2.5 py-1 text-2xs text-ink-faint"
            style={{ minWidth: LIST_MIN_PX }}
          >
            {columns.map(([name, width]) => (
              <span key={name} className={cx('shrink-0 truncate', width)}>
                {name}
              </span>
            ))}
          </div>
          <div className="flex min-h-0 flex-1 flex-col" style={{ minWidth: LIST_MIN_PX }}>
            <VirtualList
              label="Exchanges with the API"
              count={shown.length}
              keyOf={(it) => shown[it]?.exchange ?? it}
              selected={shown.findIndex((it) => it.exchange === selected)}
              onSelect={(it) => {
                setFollow(false);
                onSelect(shown[it]?.exchange ?? null);
              }}
              follow={follow}
              onFollow={setFollow}
            >
              {(it) => {
                const row = shown[it];
                return row ? <Row exchange={row} /> : null;
              }}
            </VirtualList>
          </div>
        </div>
      )}
    </>
  );
  return (
    <SplitView
      list={list}
      detail={
        chosen ? (
          <ExchangeDetail
            key={chosen.exchange}
            session={session}
            summary={chosen}
            onFrame={frame ? () => onFrame(frame.seq) : null}
            moment={() => (frame ? momentOf(frame, frames) : [])}
            reveal={reveal}
            onClose={() => onSelect(null)}
          />
        ) : null
      }
    />
  );
}
