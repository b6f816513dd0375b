import type { SandboxState } from '../../shared/sandbox-state';
import type { SessionView } from '../../shared/views';
import { type Tone, toneClass } from '../ui/banner';
import { cx } from '../ui/cx';

const sandboxWords: Record<SandboxState, { word: string; tone: Tone; busy?: boolean }> = {
  creating: { word: 'Creating', tone: 'accent', busy: true },
  starting: { word: 'Starting', tone: 'accent', busy: true },
  resuming: { word: 'Resuming', tone: 'accent', busy: true },
  stopping: { word: 'Stopping', tone: 'calm', busy: true },
  pausing: { word: 'Pausing', tone: 'calm', busy: true },
  deleting: { word: 'Deleting', tone: 'bad', busy: true },
  running: { word: 'Running', tone: 'good' },
  stopped: { word: 'Stopped', tone: 'calm' },
  paused: { word: 'Paused', tone: 'warn' },
  unavailable: { word: 'Fenced', tone: 'warn' },
  error: { word: 'Error', tone: 'bad' },
};

export function isBusy(state: SandboxState): boolean {
  return sandboxWords[state].busy === true;
}

export function StateBadge({ state }: { state: SandboxState }) {
  const { word, tone, busy } = sandboxWords[state];
  return (
    <span
      data-state={state}
      className={cx(
        'inline-flex items-center gap-1.5 whitespace-nowrap rounded-full px-2 py-0.5 font-medium text-xs',
        toneClass[tone],
      )}
    >
      <span aria-hidden className={cx('size-1.5 rounded-full bg-current', busy && 'animate-pulse')} />
      {word}
    </span>
  );
}

const sessionTones: Record<SessionView['state'], string> = {
  running: 'bg-good',
  starting: 'bg-accent animate-pulse',
  suspended: 'bg-warn',
  ended: 'bg-line-strong',
};

export function SessionDot({ state }: { state: SessionView['state'] }) {
  return (
    <>
      <span aria-hidden className={cx('size-1.5 shrink-0 rounded-full', sessionTones[state])} />
      <span className="sr-only">{state}</span>
    </>
  );
}
