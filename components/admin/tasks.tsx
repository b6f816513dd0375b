'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronRight, ListChecks } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { taskStateSchema, taskStates } from '../../shared/sandbox-state';
import type { TaskView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { TaskSteps } from '../sandboxes/task-progress';
import { Badge, type Tone } from '../ui/banner';
import { Button } from '../ui/button';
import { Select } from '../ui/field';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { moment, relative, took } from '../ui/time';
import { useNow } from '../ui/use-now';

const tones: Record<TaskView['state'], Tone> = {
  queued: 'calm',
  running: 'accent',
  succeeded: 'good',
  failed: 'bad',
  canceled: 'warn',
};
const SHOWN = 100;

function Row({ task, now }: { task: TaskView; now: number | null }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const cancel = useMutation(
    trpc.tasks.cancel.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.tasks.pathKey() }),
    }),
  );
  const alive = task.state === 'queued' || task.state === 'running';
  return (
    <li>
      <details className="group">
        <summary className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3 hover:bg-sunken focus-visible:-outline-offset-2">
          <ChevronRight
            className="size-4 shrink-0 text-ink-faint transition-transform group-open:rotate-90"
            aria-hidden
          />
          <span className="w-24">
            <Badge tone={tones[task.state]}>{task.state}</Badge>
          </span>
          <span className="min-w-0 flex-1 truncate text-sm">
            <span className="font-medium">{task.kind.replace('sandbox.', '')}</span> {task.sandboxName}
          </span>
          <span className="truncate text-ink-faint text-xs max-sm:w-full max-sm:pl-8">
            {task.requestedBy} · {now === null ? '' : relative(task.createdAt, now)}
            {task.startedAt && now !== null && ` · ${took(task.startedAt, task.finishedAt, now)}`}
          </span>
        </summary>
        <div className="grid gap-3 border-t bg-canvas px-5 py-4 sm:pl-13">
          {task.errorMessage && <p className="break-words text-bad text-sm">{task.errorMessage}</p>}
          {task.steps.length > 0 && <TaskSteps task={task} />}
          <p className="text-ink-faint text-xs">
            Try {task.attempt} of {task.maxAttempts} · created {moment(task.createdAt)} ·{' '}
            <span className="font-mono">{task.id}</span>
          </p>
          <div className="flex gap-2">
            <Button asChild size="sm">
              <Link href={`/sandboxes/${task.sandboxId}`}>Open the sandbox</Link>
            </Button>
            {alive && (
              <Button
                size="sm"
                look="danger"
                busy={cancel.isPending}
                disabled={task.cancelRequested}
                onClick={() => cancel.mutate({ id: task.id })}
              >
                {task.cancelRequested ? 'Canceling…' : 'Cancel task'}
              </Button>
            )}
          </div>
        </div>
      </details>
    </li>
  );
}

export function Tasks() {
  const trpc = useTRPC();
  const now = useNow(5_000);
  const [state, setState] = useState('');
  const parsed = taskStateSchema.safeParse(state);
  const list = useQuery(
    trpc.tasks.list.queryOptions({ limit: SHOWN, ...(parsed.success ? { state: parsed.data } : {}) }),
  );
  return (
    <div className="grid gap-4">
      <Select
        aria-label="State"
        className="w-44 max-sm:w-full"
        value={state}
        onChange={(event) => setState(event.target.value)}
      >
        <option value="">Every state</option>
        {taskStates.map((it) => (
          <option key={it}>{it}</option>
        ))}
      </Select>
      {list.isError && !list.data ? (
        <LoadError error={list.error} retry={() => void list.refetch()} />
      ) : !list.data ? (
        <Skeleton className="h-64" />
      ) : list.data.length === 0 ? (
        <EmptyState icon={ListChecks} title="No tasks">
          {state ? `None is ${state}.` : 'Work on sandboxes appears here with its steps.'}
        </EmptyState>
      ) : (
        <Panel flush className="overflow-hidden">
          <ul className="divide-y">
            {list.data.map((it) => (
              <Row key={it.id} task={it} now={now} />
            ))}
          </ul>
        </Panel>
      )}
    </div>
  );
}
