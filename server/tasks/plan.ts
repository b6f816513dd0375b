/** Which steps a task has, what people read beside them, and what it asks of the agent. Pure. */
import { z } from 'zod';
import type { SandboxSpec } from '../../shared/agent-api';
import {
  type SandboxState,
  sandboxStateSchema,
  type TaskKind,
  taskTransitions,
} from '../../shared/sandbox-state';

export const powerSchema = z.enum(['running', 'paused', 'stopped']);
export type Power = SandboxSpec['power'];

/** Column Task.input: what the kind needs beyond the sandbox's row. */
const taskInputSchema = z.object({
  /** `sandbox.create`: also make the first Claude session. */
  openClaude: z.boolean().default(false),
  /** Its id, chosen with the task: whoever opens it, the sandbox's PID 1 or the gateway, opens the same one. */
  firstSession: z.uuid().optional(),
  /** Asked for by the reconciler: when it fails, the reconciler goes on trying with its own back-off. */
  healing: z.boolean().default(false),
  /** The way out that the agent was told last, before this task told it another one; absent until it was looked at. */
  wayBefore: z.object({ egressId: z.string().nullable(), label: z.string() }).nullable().optional(),
  /** How the row was before, to put it back when the task is canceled before it began. */
  prior: z.object({
    state: sandboxStateSchema,
    reason: z.string().nullable(),
    desiredPower: powerSchema,
  }),
});
export type TaskInput = z.output<typeof taskInputSchema>;

export function parseTaskInput(json: string): TaskInput {
  return taskInputSchema.parse(JSON.parse(json));
}

const toRunning = [
  'image.check',
  'container.create',
  'container.start',
  'network.rules',
  'network.tunnel',
  'network.verify',
  'network.proof',
  'container.release',
  'ssh.ready',
];

const agentSteps: Record<TaskKind, readonly string[]> = {
  'sandbox.create': toRunning,
  'sandbox.start': toRunning,
  'sandbox.resume': toRunning,
  'sandbox.rebuild': toRunning,
  'sandbox.stop': ['container.stop'],
  'sandbox.pause': ['container.pause'],
  'sandbox.delete': ['container.remove', 'home.remove', 'network.remove'],
  'sandbox.update': ['limits.apply'],
  'sandbox.network': [
    'network.rules',
    'network.tunnel',
    'network.verify',
    'network.proof',
    'container.release',
  ],
};

/** In order. `prepare`, `limits.apply`, `sessions.open` and `finish` are the gateway's own, the others the agent's. */
export function stepsOf(kind: TaskKind, openClaude: boolean): string[] {
  const session = kind === 'sandbox.create' && openClaude ? ['sessions.open'] : [];
  return ['prepare', ...agentSteps[kind], ...session, 'finish'];
}

const titles: Record<string, string> = {
  prepare: 'Getting ready',
  'image.check': 'Checking the image',
  'container.create': 'Creating the container',
  'container.start': 'Starting the container',
  'network.rules': 'Loading the network rules',
  'network.tunnel': 'Starting the tunnel',
  'network.verify': 'Verifying the way out',
  'network.proof': 'Proving the way out',
  'container.release': 'Letting it run',
  'ssh.ready': 'Waiting for its shell',
  'container.stop': 'Stopping the container',
  'container.pause': 'Pausing the container',
  'container.remove': 'Removing the container',
  'home.remove': 'Deleting its files',
  'network.remove': 'Removing its network',
  'limits.apply': 'Applying the limits',
  'sessions.open': 'Opening Claude',
  finish: 'Finishing',
};

/** Of a sandbox that runs: the same steps of the agent do something else then. */
const switchTitles: Record<string, string> = {
  'network.rules': 'Looking at its fence',
  'network.tunnel': 'Fencing it, then starting the new way out',
  'network.verify': 'Verifying the new way out',
  'network.proof': 'Proving the new way out',
  'container.release': 'Opening the new way out',
};

export function stepTitle(name: string, kind: TaskKind): string {
  const own = kind === 'sandbox.network' ? switchTitles[name] : undefined;
  return own ?? titles[name] ?? name;
}

/** It works on a sandbox without changing its state, and gives way to what does. */
export function keepsState(kind: TaskKind): boolean {
  return taskTransitions[kind].during === null;
}

/** What the agent is asked to converge to; null for a delete. `state` is the row's, for a task that keeps it. */
export function targetPower(kind: TaskKind, state: SandboxState): Power | null {
  switch (kind) {
    case 'sandbox.stop':
      return 'stopped';
    case 'sandbox.pause':
      return 'paused';
    case 'sandbox.delete':
      return null;
    case 'sandbox.update':
    case 'sandbox.network':
      return state === 'paused' ? 'paused' : 'running';
    default:
      return 'running';
  }
}

const verbs: Record<TaskKind, string> = {
  'sandbox.create': 'Creating',
  'sandbox.start': 'Starting',
  'sandbox.stop': 'Stopping',
  'sandbox.pause': 'Pausing',
  'sandbox.resume': 'Resuming',
  'sandbox.rebuild': 'Rebuilding',
  'sandbox.delete': 'Deleting',
  'sandbox.update': 'Updating',
  'sandbox.network': 'Switching the network of',
};
/** Begins a sentence: `Creating was canceled.` */
export function verbOf(kind: TaskKind): string {
  return verbs[kind];
}
