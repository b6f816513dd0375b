/**
 * Users' hooks: found in four places, run here, answered in Claude Code's own shape. An event that concerns none of them
 * is recorded and let go at once.
 */
import { contextOf, type HookEvent } from '../hook-events';
import { shortened } from '../recorder';
import type { Session } from '../session';
import { runChain } from './chain';
import type { HookStore } from './store';

const SHOWN_MAX_CHARS = 1_024;

/** Resolves with what Claude Code is told; undefined: nothing. The signal is the hook's connection. */
export async function takeHook(options: {
  store: HookStore;
  session: Session;
  event: HookEvent;
  signal: AbortSignal;
}): Promise<unknown> {
  const { session, event, signal } = options;
  switch (event.name) {
    case 'StatusLine':
      return session.counted(contextOf(event.payload));
    case 'PermissionRequest':
      return permission(options);
    case 'UserPromptSubmit':
      return prompt(options);
    default: {
      const ours = await session.hook(event, signal);
      return (await runChain(options))?.told ?? ours;
    }
  }
}

/** SessionStart and Setup, which are recorded by their files: only users' hooks are asked. */
export async function askHooks(options: Parameters<typeof takeHook>[0]): Promise<unknown> {
  return (await runChain(options))?.told;
}

/** What a hook decides is never put before a person. */
async function permission({
  store,
  session,
  event,
  signal,
}: Parameters<typeof takeHook>[0]): Promise<unknown> {
  const chain = await runChain({ store, session, event, signal });
  if (!chain?.told?.hookSpecificOutput) return session.hook(event, signal);
  const { value: payload } = shortened(event.payload, SHOWN_MAX_CHARS);
  session.recorder.emit('hook', { event: event.name, payload }, { turn: session.turns.number });
  return chain.told;
}

/** A prompt that is refused begins a turn, for it stands in the conversation, and ends it. */
async function prompt({ store, session, event, signal }: Parameters<typeof takeHook>[0]): Promise<unknown> {
  const running = session.turns.number;
  await session.hook(event, signal);
  const chain = await runChain({ store, session, event, signal });
  if (!chain) return undefined;
  const begun = session.turns.number;
  if (chain.composed.decision === 'deny' && begun !== running)
    session.turns.finish({ reason: 'failed', error: chain.composed.reason ?? 'A hook refused the prompt.' });
  return chain.told;
}
