'use client';

import { Hourglass } from 'lucide-react';
import { Kbd } from '../ui/kbd';
import type { Sent } from './use-send';

/** Prompts that were sent and that Claude has not taken yet. */
export function WaitingPrompts({ waiting }: { waiting: readonly Sent[] }) {
  if (waiting.length === 0) return null;
  return (
    <ul aria-label="Waiting to be sent" className="mb-1.5 grid gap-1">
      {waiting.map((it, index) => (
        <li key={it.id} className="flex items-center gap-2 text-ink-soft text-xs">
          <Hourglass className="size-3 shrink-0" aria-hidden />
          <span className="shrink-0 text-ink-faint">
            {it.position === null ? 'Sending' : `Queued, number ${index + 1}`}
          </span>
          <span className="min-w-0 truncate">{it.text}</span>
        </li>
      ))}
    </ul>
  );
}

/** What the keys do; a phone has none. */
export function KeyHints({ working }: { working: boolean }) {
  return (
    <p className="mt-1 flex flex-wrap gap-x-3 text-2xs text-ink-faint max-sm:hidden">
      <span>
        <Kbd>/</Kbd> commands
      </span>
      <span>
        <Kbd>@</Kbd> files
      </span>
      <span>
        <Kbd>Shift</Kbd> <Kbd>Enter</Kbd> new line
      </span>
      {working && (
        <span>
          <Kbd>Esc</Kbd> stops Claude
        </span>
      )}
    </p>
  );
}
