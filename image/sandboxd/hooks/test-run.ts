/** Runs one hook as it would run, apart from every session, and tells all of it to whoever edits it. */
import type { SecretHook } from '../../../shared/hook-file';
import {
  type Composed,
  claudeAnswer,
  compose,
  concerns,
  type HookEventName,
  ruleOf,
} from '../../../shared/hook-rules';
import type { HookTest } from '../../../shared/hooks';
import { mask, outcomeOf } from './chain';
import { runHook } from './run';

const SHOWN_MAX_CHARS = 64 * 1024;

export async function testHook(given: {
  hook: SecretHook;
  payload: Record<string, unknown>;
  signal: AbortSignal;
}): Promise<HookTest> {
  const { hook, payload, signal } = given;
  const { event } = hook;
  const run = await runHook({
    ...{ hook, event, payload, signal, session: 'test', withinMs: hook.timeoutSeconds * 1_000 },
  });
  const outcome = outcomeOf(event, { hook }, run);
  const composed = compose([outcome]);
  const told = claudeAnswer(event, composed);
  const cut = (text: string) => String(mask(text.slice(0, SHOWN_MAX_CHARS), hook.secret));
  const { answer } = run;
  return {
    matches: concerns({ ...hook, enabled: true }, event, payload),
    request: { ...run.request, body: cut(run.request.body) },
    answer: answer && { line: answer.line, body: cut(answer.body), stderr: cut(answer.stderr) },
    error: run.error,
    durationMs: run.durationMs,
    told: told ?? null,
    decision: ruleOf(event).decisions.find((it) => it === composed.decision) ?? null,
    effect: effectOf(event, composed, run.error),
  };
}

function effectOf(event: HookEventName, composed: Composed, error: string | null): string {
  const { decisions, rewrites, context } = ruleOf(event);
  const decision =
    composed.decision !== null && decisions.includes(composed.decision) ? composed.decision : null;
  const words: string[] = [];
  if (decision === 'deny') words.push(`Claude is stopped here: ${composed.reason ?? 'no reason was given'}`);
  else if (decision === 'ask') words.push('A person is asked.');
  else if (decision === 'allow') words.push('It is allowed without asking anybody.');
  else if (composed.decision !== null)
    words.push(`${event} takes no “${composed.decision}”: Claude goes on.`);
  else if (error !== null) words.push('The hook failed; its policy lets Claude go on.');
  if (decision !== 'deny' && composed.rewrite !== undefined && rewrites !== null)
    words.push(`${rewrites} is replaced.`);
  if (composed.context !== null)
    words.push(context ? 'Claude is told more.' : `${event} takes no context: it is left out.`);
  if (composed.annotations.length > 0) words.push('A note stands in the session’s frames.');
  return words.length === 0 ? 'Claude goes on as without it.' : words.join(' ');
}
