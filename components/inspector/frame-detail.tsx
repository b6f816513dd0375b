'use client';

import { ArrowRightLeft, MessagesSquare, SquareTerminal } from 'lucide-react';
import type { Frame } from '../../shared/frames';
import type { ViewTarget } from '../terminal/session-views';
import { Button } from '../ui/button';
import { CopyText } from '../ui/copy-button';
import { clock, span } from './clock';
import { Detail, Fold } from './detail';
import { kindTone, messageOf, toneText } from './gist';
import { JsonTree } from './json-tree';

/**
 * The exchange that a frame tells of, or that its message came with; for what has no message the one of its turn that
 * went before it, or the turn's first. Null when none is here.
 */
export function exchangeOf(frame: Frame, frames: readonly Frame[]): number | null {
  if (frame.kind === 'api') return frame.data.exchange;
  const message = messageOf(frame);
  const calls = frames.filter((it) => it.kind === 'api');
  if (message !== null) return calls.findLast((it) => it.data.messageId === message)?.data.exchange ?? null;
  if (frame.turn === undefined) return null;
  const ofTurn = calls.filter((it) => it.turn === frame.turn && it.agent === frame.agent);
  return (ofTurn.findLast((it) => it.seq < frame.seq) ?? ofTurn[0])?.data.exchange ?? null;
}

export function FrameDetail({
  frame,
  exchange,
  moment,
  onExchange,
  reveal,
  onClose,
}: {
  frame: Frame;
  /** What stands in the terminal there. */
  moment(): string[];
  exchange: number | null;
  onExchange(exchange: number): void;
  reveal: ((target: ViewTarget) => void) | null;
  onClose(): void;
}) {
  const { turn } = frame;
  return (
    <Detail
      title={
        <>
          <span className={`font-mono text-xs ${toneText[kindTone[frame.kind] ?? 'quiet']}`}>
            {frame.kind}
          </span>{' '}
          <span className="text-ink-faint text-xs">
            #{frame.seq} at {clock(frame.ts)}
            {turn !== undefined && `, turn ${turn}`}
            {frame.agent && `, agent ${frame.agent}`}
          </span>
        </>
      }
      actions={
        <>
          {exchange !== null && (
            <Button size="sm" look="ghost" onClick={() => onExchange(exchange)}>
              <ArrowRightLeft aria-hidden /> API #{exchange}
            </Button>
          )}
          {reveal && turn !== undefined && (
            <Button size="sm" look="ghost" onClick={() => reveal({ view: 'driver', turn })}>
              <MessagesSquare aria-hidden /> Turn {turn}
            </Button>
          )}
          {reveal && (
            <Button size="sm" look="ghost" onClick={() => reveal({ view: 'terminal', words: moment() })}>
              <SquareTerminal aria-hidden /> Terminal
            </Button>
          )}
          <CopyText words label="Copy JSON" text={() => JSON.stringify(frame, null, 2)} />
        </>
      }
      onClose={onClose}
    >
      {frame.kind === 'hook' ? (
        <>
          <Fold title="Payload">
            <JsonTree value={frame.data.payload} />
          </Fold>
          <Fold title="Answer" note={frame.data.durationMs !== undefined && span(frame.data.durationMs)}>
            {frame.data.error !== undefined && <p className="text-bad text-xs">{frame.data.error}</p>}
            {frame.data.answer !== undefined ? (
              <JsonTree value={frame.data.answer} />
            ) : (
              <p className="text-ink-faint text-xs">
                {frame.data.name ? 'No opinion.' : 'Taken note of at once; nothing was held back.'}
              </p>
            )}
          </Fold>
        </>
      ) : (
        <JsonTree value={frame.data} />
      )}
    </Detail>
  );
}
