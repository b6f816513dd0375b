'use client';

import { CircleSlash, LoaderCircle, PlugZap, Power } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { useNow } from '../ui/use-now';
import type { TerminalState } from './terminal-state';

function Strip({
  tone,
  icon,
  children,
  actions,
}: {
  tone: string;
  icon: ReactNode;
  children: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div
      role="status"
      data-testid="terminal-state"
      className="absolute inset-x-0 top-0 z-10 flex animate-fade flex-wrap items-center gap-x-3 gap-y-1 border-b bg-raised px-3 py-1.5 text-sm shadow-lift"
    >
      <span className={cx('shrink-0 [&_svg]:size-4', tone)}>{icon}</span>
      <p className="min-w-0 flex-1 break-words">{children}</p>
      {actions}
    </div>
  );
}

/** A slim line over the terminal that says what the connection does, unless all is well. */
export function ConnectionOverlay({
  state,
  onReconnect,
  onClose,
}: {
  state: TerminalState;
  onReconnect(): void;
  onClose(): void;
}) {
  const now = useNow(250);
  switch (state.kind) {
    case 'connected':
    case 'closed':
      return null;
    case 'connecting':
      return (
        <Strip tone="animate-spin text-accent" icon={<LoaderCircle aria-hidden />}>
          Connecting…
        </Strip>
      );
    case 'reconnecting': {
      const left = state.retryAt && now ? Math.max(0, Math.ceil((state.retryAt - now) / 1000)) : 0;
      return (
        <Strip
          tone="text-warn"
          icon={<PlugZap aria-hidden />}
          actions={
            <Button size="sm" onClick={onReconnect}>
              Reconnect
            </Button>
          }
        >
          <span className="font-medium">{state.reason}</span>{' '}
          <span className="text-ink-soft">
            {left > 0 ? `Reconnecting in ${left} s.` : 'Reconnecting…'} What you type is kept.
          </span>
        </Strip>
      );
    }
    case 'ended':
      return (
        <Strip
          tone="text-ink-faint"
          icon={<Power aria-hidden />}
          actions={
            <Button size="sm" onClick={onClose}>
              Close
            </Button>
          }
        >
          <span className="font-medium">This session has ended</span>
          {state.exitCode !== null && ` with exit code ${state.exitCode}`}.{' '}
          <span className="text-ink-soft">{state.reason}</span>
        </Strip>
      );
    case 'refused':
      return (
        <Strip
          tone="text-bad"
          icon={<CircleSlash aria-hidden />}
          actions={
            <Button size="sm" onClick={onReconnect}>
              Reconnect
            </Button>
          }
        >
          <span className="font-medium">{state.title}</span>{' '}
          <span className="text-ink-soft">{state.next}</span>
        </Strip>
      );
  }
}
