'use client';

import { ArrowRightLeft, MessagesSquare, SquareTerminal } from 'lucide-react';
import type { Frame } from '../../shared/frames';
import type { ViewTarget } from '../terminal/session-views';
import { Button } from '../ui/button';
import { clock, span } from './clock';
import { CopyText, Detail, Fold } from './detail';
import { kindTone, messageOf, toneText } from './gist';
import { JsonTree } from './json-tree';

/** The exchange that a frame tells of, or that its message came with; null when none is known here. */
export function exchangeOf(frame: Frame, frames: readonly Frame[]): number | null {
  if (frame.kind === 'api') return frame.data.exchange;
  const message = messageOf(frame);
  if (message === null) return null;
  for (let at = frames.length - 1; at >= 0; at--) {
    const it = frames[at];
    if (it?.kind === 'api' && it.data.messageId === message) return it.data.exchange;
  }
  return null;
}

export function FrameDetail({
  frame,
  exchange,
  onExchange,
  reveal,
  onClose,
}: {
  frame: Frame;
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
            <Button size="sm" look="ghost" onClick={() => reveal({ view: 'terminal' })}>
              <SquareTerminal aria-hidden /> Terminal
            </Button>
          )}
          <CopyText label="Copy JSON" text={() => JSON.stringify(frame, null, 2)} />
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
