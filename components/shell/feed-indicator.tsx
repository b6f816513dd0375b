'use client';

import { useFeedState } from '../live/live-provider';
import { cx } from '../ui/cx';
import { Tooltip } from '../ui/tooltip';

const texts = {
  live: { word: 'Live', hint: 'Changes made elsewhere appear here by themselves.' },
  connecting: { word: 'Connecting', hint: 'Live updates are being connected.' },
  offline: { word: 'Offline', hint: 'This browser has no network. What you see may be old.' },
} as const;

export function FeedIndicator() {
  const state = useFeedState();
  const { word, hint } = texts[state];
  return (
    <Tooltip text={hint}>
      <button
        type="button"
        aria-label={`Live updates: ${word}. ${hint}`}
        className="flex h-8 items-center gap-1.5 rounded-md px-2 text-ink-faint text-xs"
      >
        <span
          aria-hidden
          className={cx(
            'size-2 rounded-full',
            state === 'live' && 'bg-good',
            state === 'connecting' && 'animate-pulse bg-warn',
            state === 'offline' && 'bg-bad',
          )}
        />
        {state !== 'live' && (
          <span role="status" className="max-sm:sr-only">
            {word}
          </span>
        )}
      </button>
    </Tooltip>
  );
}
