/** Users' hooks of one event, run in order; each leaves a frame, and all of them together one answer for Claude Code. */
import type { SecretHook } from '../../../shared/hook-file';
import {
  type Composed,
  claudeAnswer,
  compose,
  denies,
  HOOK_CHAIN_MAX_MS,
  type HookEventName,
  isHookEvent,
  type Opinion,
  type Outcome,
  opinionOf,
  rewritten,
} from '../../../shared/hook-rules';
import type { HookEvent } from '../hook-events';
import { type Place, shortened } from '../recorder';
import type { Session } from '../session';
import { type HookRun, runHook } from './run';
import type { HookStore, LevelHook } from './store';

/** Of an answer, in a frame. */
const SHOWN_MAX_CHARS = 8_192;
const MASK = '••••';
/** Events whose plain words from a command are context, as in Claude Code. */
const WORDS_ARE_CONTEXT: readonly HookEventName[] = ['UserPromptSubmit', 'SessionStart', 'Setup'];

export interface ChainAnswer {
  composed: Composed;
  /** For Claude Code; undefined: nothing. */
  told: Record<string, unknown> | undefined;
}

/** Null: no hook has anything to do with it, and nothing was held. The signal ends with whoever waits. */
export async function runChain(options: {
  store: HookStore;
  session: Session;
  event: HookEvent;
  signal: AbortSignal;
}): Promise<ChainAnswer | null> {
  const { session, signal } = options;
  const { name } = options.event;
  if (!isHookEvent(name)) return null;
  const hooks = options.store.of(session.id, name, options.event.payload);
  if (hooks.length === 0) return null;
  const end = Date.now() + HOOK_CHAIN_MAX_MS;
  const agent = options.event.payload.agent_id;
  const place: Place = {
    turn: session.turns.number,
    ...(typeof agent === 'string' && agent !== '' ? { agent } : {}),
  };
  const outcomes: Outcome[] = [];
  let { payload } = options.event;
  for (const it of hooks) {
    if (signal.aborted) break;
    const { hook } = it;
    const withinMs = end - Date.now();
    const run = await runHook({ hook, event: name, payload, session: session.id, withinMs, signal });
    if (signal.aborted) break; // Claude Code has gone on without us: what it does not wait for is no failure
    const outcome = outcomeOf(name, it, run);
    outcomes.push(outcome);
    session.recorder.emit('hook', frameOf(name, it, { run, outcome, payload }), place);
    if (denies(outcome)) break;
    if ('opinion' in outcome.result) payload = rewritten(name, payload, outcome.result.opinion);
  }
  const composed = compose(outcomes);
  return { composed, told: claudeAnswer(name, composed) };
}

export function outcomeOf(event: HookEventName, { hook }: { hook: SecretHook }, run: HookRun): Outcome {
  const { name, onFailure } = hook;
  // An answer may give back what it was sent: Claude is told no secret either.
  const hidden = (value: unknown) => mask(value, hook.secret);
  if (run.error !== null) return { name, onFailure, result: { error: String(hidden(run.error)) } };
  return { name, onFailure, result: { opinion: said(event, hidden(run.said)) } };
}

function said(event: HookEventName, answer: unknown): Opinion {
  if (typeof answer !== 'string') return opinionOf(event, answer);
  return WORDS_ARE_CONTEXT.includes(event) ? { context: answer } : { annotation: answer };
}

function frameOf(
  event: string,
  { level, hook }: LevelHook,
  { run, outcome, payload }: { run: HookRun; outcome: Outcome; payload: Record<string, unknown> },
) {
  const shown = (value: unknown) => shortened(value, SHOWN_MAX_CHARS).value;
  const { tool_name: tool, tool_use_id: toolUseId } = payload;
  return {
    event,
    name: hook.name,
    // What Claude Code told stands in the frame before.
    payload: {
      ...{ level, kind: hook.action.kind, onFailure: hook.onFailure },
      ...(tool === undefined ? {} : { tool_name: tool }),
      ...(toolUseId === undefined ? {} : { tool_use_id: toolUseId }),
    },
    ...('opinion' in outcome.result ? { answer: shown(outcome.result.opinion) } : {}),
    ...('error' in outcome.result ? { error: String(shown(outcome.result.error)) } : {}),
    durationMs: run.durationMs,
  };
}

/** The value without the secret in any of its texts. */
export function mask(value: unknown, secret: string | null): unknown {
  if (secret === null || secret.length < 4 || value === undefined) return value;
  const walk = (it: unknown): unknown => {
    if (typeof it === 'string') return it.replaceAll(secret, MASK);
    if (Array.isArray(it)) return it.map(walk);
    if (typeof it !== 'object' || it === null) return it;
    return Object.fromEntries(Object.entries(it).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value);
}
