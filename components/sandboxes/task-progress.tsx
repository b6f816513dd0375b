'use client';

import { Check, Circle, CircleAlert, LoaderCircle, Minus } from 'lucide-react';
import type { StepView, TaskView } from '../../shared/views';
import { cx } from '../ui/cx';
import { took } from '../ui/time';
import { useNow } from '../ui/use-now';

const icons = {
  waiting: { Icon: Circle, tone: 'text-line-strong' },
  running: { Icon: LoaderCircle, tone: 'text-accent animate-spin' },
  done: { Icon: Check, tone: 'text-good' },
  failed: { Icon: CircleAlert, tone: 'text-bad' },
  skipped: { Icon: Minus, tone: 'text-ink-faint' },
} as const;

/** Often enough that tenths of seconds look alive. */
const TICK_MS = 250;

function Step({ step, now }: { step: StepView; now: number }) {
  const { Icon, tone } = icons[step.state];
  return (
    <li className="flex gap-3 py-1.5">
      <Icon className={cx('mt-0.5 size-4 shrink-0', tone)} aria-hidden />
      <div className="min-w-0 flex-1">
        <p className={cx('text-sm', step.state === 'waiting' && 'text-ink-faint')}>
          {step.title}
          <span className="sr-only">, {step.state}</span>
        </p>
        {step.message && (
          <p className={cx('break-words text-xs', step.state === 'failed' ? 'text-bad' : 'text-ink-faint')}>
            {step.message}
          </p>
        )}
      </div>
      <span className="tabular text-ink-faint text-xs leading-5">
        {step.state === 'skipped' ? 'skipped' : took(step.startedAt, step.finishedAt, now)}
      </span>
    </li>
  );
}

/** The steps of a task with what each took. */
export function TaskSteps({ task }: { task: TaskView }) {
  const now = useNow(TICK_MS) ?? Date.parse(task.createdAt);
  return (
    <div>
      <ol aria-label="Steps" className="grid">
        {task.steps.map((step) => (
          <Step key={step.name} step={step} now={now} />
        ))}
      </ol>
      <TaskWait task={task} now={now} />
    </div>
  );
}

function TaskWait({ task, now }: { task: TaskView; now: number }) {
  if (task.state !== 'queued' && task.state !== 'running') return null;
  const wait = task.nextRunAt ? Math.ceil((Date.parse(task.nextRunAt) - now) / 1000) : 0;
  const text = task.cancelRequested
    ? 'Canceling after the present step.'
    : task.attempt > 0 && wait > 0
      ? `Try ${task.attempt} of ${task.maxAttempts} failed. Next try in ${wait} s.`
      : task.attempt > 1
        ? `Try ${task.attempt} of ${task.maxAttempts}.`
        : null;
  return text && <p className="mt-2 text-warn text-xs">{text}</p>;
}

/** One line and a bar, for cards and lists. */
export function TaskBar({ task }: { task: TaskView }) {
  const done = task.steps.filter((it) => it.state === 'done' || it.state === 'skipped').length;
  const current =
    task.steps.find((it) => it.state === 'running') ?? task.steps.find((it) => it.state === 'waiting');
  const share = task.steps.length === 0 ? 0 : done / task.steps.length;
  return (
    <div className="grid gap-1.5">
      <p className="flex justify-between gap-3 text-ink-soft text-xs">
        <span className="truncate">
          {current?.title ?? (task.state === 'queued' ? 'Waiting to start' : 'Finishing')}
        </span>
        <span className="tabular text-ink-faint">
          {done}/{task.steps.length}
        </span>
      </p>
      <div
        role="progressbar"
        aria-label="Progress"
        aria-valuenow={Math.round(share * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
        className="h-1 overflow-hidden rounded-full bg-line"
      >
        <div
          className="h-full rounded-full bg-accent transition-[width] duration-500"
          style={{ width: `${Math.max(4, share * 100)}%` }}
        />
      </div>
    </div>
  );
}
