/** The states of a sandbox, who may follow whom, and what each is called. The task engine owns the transitions. */
import { z } from 'zod';

export const sandboxStates = [
  'creating',
  'running',
  'stopping',
  'stopped',
  'starting',
  'pausing',
  'paused',
  'resuming',
  'unavailable',
  'error',
  'deleting',
] as const;
export const sandboxStateSchema = z.enum(sandboxStates);
export type SandboxState = z.infer<typeof sandboxStateSchema>;

/** A task works on a sandbox in one of these; without a live task they are stranded and the reconciler mends them. */
export const transitionalStates: readonly SandboxState[] = [
  'creating',
  'stopping',
  'starting',
  'pausing',
  'resuming',
  'deleting',
];

const next: Record<SandboxState, readonly SandboxState[]> = {
  creating: ['running', 'error', 'deleting', 'unavailable'],
  running: ['stopping', 'pausing', 'starting', 'unavailable', 'error', 'deleting', 'stopped', 'paused'],
  stopping: ['stopped', 'running', 'paused', 'error', 'unavailable', 'deleting'],
  stopped: ['starting', 'deleting', 'error', 'running'],
  starting: ['running', 'stopped', 'paused', 'error', 'unavailable', 'deleting'],
  pausing: ['paused', 'running', 'error', 'unavailable', 'deleting'],
  paused: ['resuming', 'stopping', 'starting', 'deleting', 'error', 'stopped', 'running', 'unavailable'],
  resuming: ['running', 'paused', 'error', 'unavailable', 'deleting', 'stopped'],
  /** It runs, but its way out is not proven or its host does not answer: fenced, nothing leaves. */
  unavailable: ['running', 'starting', 'stopping', 'deleting', 'error', 'stopped', 'paused'],
  error: ['creating', 'starting', 'stopping', 'deleting', 'running', 'stopped', 'paused', 'unavailable'],
  /** Back to where it was only when a delete is canceled before it began; afterwards `error`. */
  deleting: ['error', 'running', 'stopped', 'paused', 'unavailable'],
};

export function mayFollow(from: SandboxState, to: SandboxState): boolean {
  return from === to || next[from].includes(to);
}

export const taskKinds = [
  'sandbox.create',
  'sandbox.start',
  'sandbox.stop',
  'sandbox.pause',
  'sandbox.resume',
  'sandbox.rebuild',
  'sandbox.delete',
  /** Brings changed limits to a live sandbox; its state stays as it is. */
  'sandbox.update',
  /** Brings a changed way out or policy to a live sandbox, fenced in between; its state stays as it is. */
  'sandbox.network',
] as const;
export const taskKindSchema = z.enum(taskKinds);
export type TaskKind = z.infer<typeof taskKindSchema>;

/** From which states a task may be asked for, which state it shows while it works, and where it ends. */
export const taskTransitions: Record<
  TaskKind,
  {
    from: readonly SandboxState[];
    /** Null: it keeps its state. */
    during: SandboxState | null;
    done: SandboxState | null;
  }
> = {
  'sandbox.create': { from: ['creating', 'error'], during: 'creating', done: 'running' },
  'sandbox.start': {
    from: ['stopped', 'error', 'unavailable', 'paused'],
    during: 'starting',
    done: 'running',
  },
  'sandbox.stop': {
    from: ['running', 'paused', 'unavailable', 'error'],
    during: 'stopping',
    done: 'stopped',
  },
  'sandbox.pause': { from: ['running'], during: 'pausing', done: 'paused' },
  'sandbox.resume': { from: ['paused'], during: 'resuming', done: 'running' },
  'sandbox.rebuild': {
    from: ['running', 'stopped', 'paused', 'error', 'unavailable'],
    during: 'starting',
    done: 'running',
  },
  'sandbox.delete': {
    from: [
      'creating',
      'running',
      'stopped',
      'paused',
      'unavailable',
      'error',
      'starting',
      'stopping',
      'pausing',
      'resuming',
    ],
    during: 'deleting',
    done: null,
  },
  'sandbox.update': { from: ['running', 'paused', 'unavailable'], during: null, done: null },
  'sandbox.network': { from: ['running', 'paused', 'unavailable'], during: null, done: null },
};

export const taskStates = ['queued', 'running', 'succeeded', 'failed', 'canceled'] as const;
export const taskStateSchema = z.enum(taskStates);
