'use client';

import { CircleAlert, CirclePause, CirclePower, Cloud } from 'lucide-react';
import type { SandboxView } from '../../shared/views';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { isBusy } from './state';
import { TaskSteps } from './task-progress';
import { actionFaces, offeredActions, useSandboxActions } from './use-actions';

const titles: Partial<Record<SandboxView['state'], string>> = {
  creating: 'Making your sandbox',
  starting: 'Starting',
  resuming: 'Resuming',
  stopping: 'Stopping',
  pausing: 'Pausing',
  deleting: 'Deleting',
  stopped: 'This sandbox is stopped',
  paused: 'This sandbox is paused',
  error: 'Something went wrong',
};

const hints: Partial<Record<SandboxView['state'], string>> = {
  stopped: 'Your files are kept. Sessions come back when it starts.',
  paused: 'Everything in it stands still and uses no CPU. It goes on exactly where it was.',
};

/** What the page shows while there is no machine to talk to. */
export function SandboxStatus({ sandbox }: { sandbox: SandboxView }) {
  const { act, busy, cancel, canceling } = useSandboxActions(sandbox);
  const { state, task, reason } = sandbox;
  const actions = offeredActions(sandbox).filter((it) => it !== 'rebuild');
  const [lead] = actions;
  const Icon =
    state === 'error' ? CircleAlert : state === 'paused' ? CirclePause : isBusy(state) ? Cloud : CirclePower;
  const alive = task && (task.state === 'running' || task.state === 'queued');
  return (
    <div className="min-h-0 flex-1 overflow-y-auto bg-canvas px-4 py-[8vh]">
      <div className="mx-auto grid max-w-md gap-5">
        <div className="grid gap-2" aria-live="polite">
          <Icon
            className={
              state === 'error'
                ? 'size-7 text-bad'
                : isBusy(state)
                  ? 'size-7 animate-pulse text-accent'
                  : 'size-7 text-ink-faint'
            }
            aria-hidden
          />
          <h2 className="font-semibold text-xl tracking-tight">{titles[state] ?? state}</h2>
          {hints[state] && <p className="text-ink-soft">{hints[state]}</p>}
        </div>
        {reason &&
          (state === 'error' ? <Note tone="bad">{reason}</Note> : <p className="text-ink-soft">{reason}</p>)}
        {task && (alive || state === 'error') && task.steps.length > 0 && (
          <div className="rounded-xl border bg-surface px-5 py-3 shadow-lift">
            <TaskSteps task={task} />
          </div>
        )}
        <div className="flex flex-wrap gap-2">
          {actions.map((it) => {
            const { icon: ActionIcon, title } = actionFaces[it];
            return (
              <Button
                key={it}
                look={it === lead ? 'primary' : 'secondary'}
                busy={busy}
                onClick={() => act(it)}
              >
                <ActionIcon /> {title}
              </Button>
            );
          })}
          {alive && sandbox.can.manage && state !== 'deleting' && !task.cancelRequested && (
            <Button look="ghost" busy={canceling} onClick={() => cancel(task.id)}>
              Cancel
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}
