/**
 * Users' hooks: found in four places, run here, answered in Claude Code's own shape. An event that concerns none of them
 * is recorded and let go at once.
 */
import { contextOf, type HookEvent } from '../hook-events';
import { string } from '../message-events';
import { shortened } from '../recorder';
import type { Session } from '../session';
import { takeBack } from '../tmux';
import { runChain } from './chain';
import type { HookStore } from './store';

const SHOWN_MAX_CHARS = 1_024;

export interface Taken {
  store: HookStore;
  session: Session;
  queue: { readonly length: number; hold(work: Promise<unknown>): void };
  event: HookEvent;
  signal: AbortSignal;
}

/** Resolves with what Claude Code is told; undefined: nothing. The signal is the hook's connection. */
export async function takeHook(options: Taken): Promise<unknown> {
  const { session, event, signal } = options;
  switch (event.name) {
    case 'StatusLine':
      return session.counted(contextOf(event.payload));
    // What a hook decides here is never put before a person, and a turn that goes on has not ended.
    case 'PermissionRequest':
    case 'Stop':
    case 'SubagentStop':
      return hooksFirst(options);
    case 'UserPromptSubmit':
      return prompt(options);
    default: {
      const ours = await session.hook(event, signal);
      return (await runChain(options))?.told ?? ours;
    }
  }
}

/** SessionStart and Setup, which are recorded by their files: only users' hooks are asked. */
export async function askHooks(options: Taken): Promise<unknown> {
  return (await runChain(options))?.told;
}

async function hooksFirst({ store, session, event, signal }: Taken): Promise<unknown> {
  const chain = await runChain({ store, session, event, signal });
  const told = chain?.told;
  const decided =
    event.name === 'PermissionRequest'
      ? told?.hookSpecificOutput !== undefined
      : told?.decision === 'block' && told.continue !== false;
  if (!decided) return (await session.hook(event, signal)) ?? told;
  const { value: payload } = shortened(event.payload, SHOWN_MAX_CHARS);
  session.recorder.emit('hook', { event: event.name, payload }, { turn: session.turns.number });
  return told;
}

/**
 * A prompt that is refused begins a turn, for it stands in the conversation, and ends it. Claude Code puts its text back
 * into the input box: a person's stays there to be changed, one of our queue is taken out before the next is typed.
 */
async function prompt({ store, session, queue, event, signal }: Taken): Promise<unknown> {
  const running = session.turns.number;
  const waiting = queue.length;
  await session.hook(event, signal);
  const ours = queue.length < waiting;
  const chain = await runChain({ store, session, event, signal });
  if (chain?.composed.decision !== 'deny') return chain?.told;
  const begun = session.turns.number;
  const end = () => {
    if (begun !== running && session.turns.number === begun)
      session.turns.finish({
        reason: 'failed',
        error: chain.composed.reason ?? 'A hook refused the prompt.',
      });
  };
  const text = ours ? string(event.payload.prompt) : '';
  // Claude Code has to be answered first.
  const answered = new Promise<void>((resolve) => setImmediate(resolve));
  const taken = answered.then(() => (text === '' ? undefined : takeBack(session.id, text)));
  queue.hold(taken);
  void taken.catch(() => {}).then(end);
  return chain.told;
}
