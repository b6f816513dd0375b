'use client';

import { ChevronDown, MessageCircleQuestion, ShieldQuestion } from 'lucide-react';
import Link from 'next/link';
import { type ReactNode, useId, useState } from 'react';
import { modelLabel } from '../../shared/models';
import type { SessionView } from '../../shared/views';
import { short } from '../inspector/clock';
import { toneClass } from '../ui/banner';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { duration, relative } from '../ui/time';
import { SessionTurns } from './session-turns';
import { latest, money, standingOf, standings, tokenSums, workMs } from './standing';

/** From this share on the context will be compacted soon. */
const CONTEXT_WARN = 0.8;

export function sessionPath(session: SessionView, view: 'terminal' | 'driver'): string {
  return `/sandboxes/${session.sandboxId}?session=${session.id}&view=${view}`;
}

export function StandingBadge({ session }: { session: SessionView }) {
  const standing = standingOf(session);
  const { word, tone, busy } = standings[standing];
  return (
    <span
      data-standing={standing}
      className={cx(
        'inline-flex shrink-0 items-center gap-1.5 whitespace-nowrap rounded-full px-2 py-0.5 font-medium text-xs',
        toneClass[tone],
      )}
    >
      <span aria-hidden className={cx('size-1.5 rounded-full bg-current', busy && 'animate-pulse')} />
      {word}
    </span>
  );
}

function ContextGauge({ context }: { context: { tokens: number; window: number } }) {
  const share = context.window > 0 ? Math.min(1, context.tokens / context.window) : 0;
  const percent = Math.round(share * 100);
  return (
    <div className="grid gap-1">
      <p className="flex justify-between text-ink-faint text-xs">
        <span>Context</span>
        <span className="tabular">
          {short(context.tokens)} of {short(context.window)}
        </span>
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a meter element cannot be drawn alike in all browsers */}
      <div
        role="meter"
        aria-label="Context used"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={`${percent} percent`}
        className="h-1.5 overflow-hidden rounded-full bg-sunken"
      >
        <div
          className={cx('h-full rounded-full', share >= CONTEXT_WARN ? 'bg-warn' : 'bg-accent')}
          style={{ width: `${percent}%` }}
        />
      </div>
    </div>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-ink-faint text-xs">{name}</dt>
      <dd className="tabular truncate text-sm">{children}</dd>
    </div>
  );
}

function Waiting({ session }: { session: SessionView }) {
  const waiting = session.live?.waiting;
  if (standingOf(session) !== 'waiting') return null;
  const Icon = waiting?.kind === 'permission' ? ShieldQuestion : MessageCircleQuestion;
  return (
    <div className="flex items-center gap-2.5 rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn">
      <Icon className="size-4 shrink-0" aria-hidden />
      <p className="line-clamp-2 min-w-0 flex-1 break-words">
        <span className="sr-only">Claude waits for you: </span>
        {waiting?.text ?? 'Claude waits for an answer in the terminal.'}
      </p>
      <Button asChild size="sm" look="primary">
        <Link href={sessionPath(session, 'driver')} aria-label={`Answer ${session.name}`}>
          Answer
        </Link>
      </Button>
    </div>
  );
}

/** One session: what it does, what it has cost, what it waits for and what it said last. */
export function SessionCard({
  session,
  sandboxName,
  now,
}: {
  session: SessionView;
  sandboxName: string;
  now: number | null;
}) {
  const [history, setHistory] = useState(false);
  const id = useId();
  const { live } = session;
  const tokens = tokenSums(session);
  const ended = session.endedAt ? Date.parse(session.endedAt) : now;
  const clock = ended === null ? 0 : ended - Date.parse(session.createdAt);
  const turns = live?.turns ?? 0;
  const model = live?.model ?? session.model;
  return (
    <article
      aria-labelledby={`${id}-name`}
      className="grid content-start gap-3 rounded-xl border bg-surface p-4 shadow-lift"
    >
      <header className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <h3 id={`${id}-name`} className="truncate font-semibold text-base">
            <Link
              href={sessionPath(session, 'terminal')}
              className="rounded underline-offset-4 hover:underline"
            >
              {live?.title ?? session.name}
            </Link>
          </h3>
          <p className="truncate text-ink-faint text-xs">
            {live?.title && `${session.name} · `}
            {sandboxName}
            {now !== null && ` · ${relative(latest(session), now)}`}
          </p>
        </div>
        <StandingBadge session={session} />
      </header>
      <Waiting session={session} />
      {live?.preview && <p className="line-clamp-2 break-words text-ink-soft text-sm">{live.preview}</p>}
      <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-3">
        <Figure name="Model">{model === null ? '–' : <span title={model}>{modelLabel(model)}</span>}</Figure>
        <Figure name="Tokens">
          <span title={`${tokens.in} sent, ${tokens.out} received`}>
            {short(tokens.in)} / {short(tokens.out)}
          </span>
        </Figure>
        <Figure name="Cost">{money(live?.costUsd)}</Figure>
        <Figure name="Provider">{session.provider?.label ?? '–'}</Figure>
        <Figure name="Worked">{now === null ? '–' : duration(workMs(session, now))}</Figure>
        <Figure name="Open for">{duration(clock)}</Figure>
        <Figure name="Hooks">
          <span title="Of the workspace and of this session, switched on">{session.hooks ?? 0}</span>
        </Figure>
      </dl>
      {live?.context && live.context.window > 0 && <ContextGauge context={live.context} />}
      <div>
        <button
          type="button"
          aria-expanded={history}
          aria-controls={`${id}-turns`}
          onClick={() => setHistory(!history)}
          className="flex items-center gap-1 rounded text-ink-soft text-xs hover:text-ink"
        >
          <ChevronDown
            className={cx('size-3.5 transition-transform', !history && '-rotate-90')}
            aria-hidden
          />
          {turns === 1 ? '1 turn' : `${turns} turns`}
        </button>
        <div id={`${id}-turns`}>{history && <SessionTurns session={session.id} turns={turns} />}</div>
      </div>
    </article>
  );
}
