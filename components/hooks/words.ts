/** What the editor says about events, levels and hooks. */
import { type HookEventName, hookEventNames, ruleOf } from '../../shared/hook-rules';
import type { HookInput, HookPlace, HookView } from '../../shared/hooks';

/** What a hook on this event can do, in words. */
export function abilities(event: HookEventName): string {
  const { decisions, rewrites, context } = ruleOf(event);
  const can = [
    decisions.includes('allow') && 'allow',
    decisions.includes('ask') && 'have a person asked',
    decisions.includes('deny') && denial(event),
    rewrites === 'tool_input' && 'rewrite the input',
    rewrites === 'tool_response' && 'rewrite the result',
    context && 'tell Claude more',
    'annotate',
  ].filter((it) => it !== false);
  const last = can.pop() ?? '';
  return can.length === 0 ? `It can ${last}.` : `It can ${can.join(', ')} and ${last}.`;
}

function denial(event: HookEventName): string {
  if (event === 'Stop' || event === 'SubagentStop') return 'keep Claude going';
  if (event === 'PostToolUse') return 'object to the result';
  return 'deny';
}

export const eventGroups: readonly { label: string; events: readonly HookEventName[] }[] = [
  { label: 'Can decide', events: hookEventNames.filter((it) => ruleOf(it).decisions.length > 0) },
  {
    label: 'Can tell Claude more',
    events: hookEventNames.filter((it) => ruleOf(it).decisions.length === 0 && ruleOf(it).context),
  },
  {
    label: 'Is told',
    events: hookEventNames.filter((it) => ruleOf(it).decisions.length === 0 && !ruleOf(it).context),
  },
];

/** What a matcher is held against, for people. */
export const subjectWords: Readonly<Record<string, string>> = {
  tool_name: 'Tools, such as Bash|Write or mcp__.*',
  agent_type: 'Kinds of subagents',
  source: 'Where it comes from, such as startup|resume',
  reason: 'Reasons, such as clear|logout',
  trigger: 'Triggers: manual or auto',
  command_name: 'Names of commands',
  notification_type: 'Kinds, such as permission_prompt',
  to_model: 'Models',
  error: 'Kinds of errors',
  load_reason: 'Reasons for loading',
  file_path: 'Paths of files',
};

export const placeKey = (place: HookPlace): string => Object.values(place).join(' ');

export const targetOf = ({ action }: Pick<HookView, 'action'>): string =>
  action.kind === 'command' ? action.command : action.url;

/** What is sent back of what was shown. */
export function inputOf({ secretHint: _, ...hook }: HookView): HookInput {
  return hook;
}

/** The list with one hook a place up or down. */
export function moved<T>(list: readonly T[], index: number, by: -1 | 1): T[] {
  const next = [...list];
  const [it] = next.splice(index, 1);
  if (it !== undefined) next.splice(Math.max(0, index + by), 0, it);
  return next;
}
