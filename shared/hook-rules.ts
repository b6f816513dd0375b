/**
 * Users' hooks: what each event lets a hook do, what its answer means, and how several answers become one. Pure, and
 * without zod: sandboxd runs it.
 *
 * Four levels, asked in this order: image, workspace, user, session; within a level in the order of its list.
 *  1. Hooks of an event run one after the other. A rewrite is what the next one sees; the last one counts.
 *  2. deny wins over ask, ask over allow, allow over no opinion. The first deny ends the chain.
 *  3. Contexts and messages are joined in order, annotations are collected.
 *  4. A hook that fails or is too late has no opinion, or denies: its own policy says which.
 */

export const hookLevels = ['image', 'workspace', 'user', 'session'] as const;
export type HookLevel = (typeof hookLevels)[number];

/** Longest time a hook may ask for. */
export const HOOK_TIMEOUT_MAX_S = 60;
export const HOOK_TIMEOUT_DEFAULT_S = 10;
/**
 * All hooks of one event together. Claude Code is told 120 s in the settings: it must not give up before us, or a hook
 * that denies when it is late would be passed over.
 */
export const HOOK_CHAIN_MAX_MS = 110_000;
export const HOOKS_PER_LEVEL = 50;
export const HOOK_COMMAND_MAX_CHARS = 8_192;
export const HOOK_NAME_MAX_CHARS = 64;
export const HOOK_MATCHER_MAX_CHARS = 512;
export const HOOK_URL_MAX_CHARS = 2_048;

interface EventRule {
  /** What of the payload a matcher is held against. */
  readonly subject: string | null;
  /** Decisions that Claude Code takes for it. */
  readonly decisions: readonly Decision[];
  /** What of the payload a rewrite replaces. */
  readonly rewrites: 'tool_input' | 'tool_response' | null;
  readonly context: boolean;
}
export type Decision = 'allow' | 'ask' | 'deny';

const all: readonly Decision[] = ['allow', 'ask', 'deny'];
const deny: readonly Decision[] = ['deny'];
const rule = (
  subject: string | null,
  decisions: readonly Decision[] = [],
  more: { rewrites?: EventRule['rewrites']; context?: boolean } = {},
): EventRule => ({ subject, decisions, rewrites: more.rewrites ?? null, context: more.context ?? false });

/**
 * Claude Code 2.1.329, by its own schema of answers. Two of its events are not here: a hook on `WorktreeCreate` has to
 * make the work tree itself, and one on `MessageDisplay` holds each line of text back from the terminal.
 */
export const hookEventRules = {
  PreToolUse: rule('tool_name', all, { rewrites: 'tool_input', context: true }),
  PermissionRequest: rule('tool_name', ['allow', 'deny'], { rewrites: 'tool_input' }),
  PostToolUse: rule('tool_name', deny, { rewrites: 'tool_response', context: true }),
  PostToolUseFailure: rule('tool_name', [], { context: true }),
  PostToolBatch: rule(null, [], { context: true }),
  PermissionDenied: rule('tool_name'),
  UserPromptSubmit: rule(null, deny, { context: true }),
  UserPromptExpansion: rule('command_name', deny, { context: true }),
  SessionStart: rule('source', [], { context: true }),
  SessionEnd: rule('reason'),
  Setup: rule('trigger', [], { context: true }),
  Stop: rule(null, deny, { context: true }),
  StopFailure: rule('error'),
  SubagentStart: rule('agent_type', [], { context: true }),
  SubagentStop: rule('agent_type', deny, { context: true }),
  Notification: rule('notification_type', [], { context: true }),
  PreCompact: rule('trigger', deny),
  PostCompact: rule('trigger'),
  PreModelSwitch: rule('to_model', all),
  PostModelSwitch: rule('to_model', [], { context: true }),
  TaskCreated: rule(null, deny),
  TaskCompleted: rule(null, deny),
  TeammateIdle: rule(null, deny),
  Elicitation: rule(null),
  ElicitationResult: rule(null),
  ConfigChange: rule('source', deny),
  InstructionsLoaded: rule('load_reason'),
  CwdChanged: rule(null),
  FileChanged: rule('file_path'),
  DirectoryAdded: rule(null),
  WorktreeRemove: rule(null),
} as const satisfies Record<string, EventRule>;
export type HookEventName = keyof typeof hookEventRules;
export const hookEventNames = Object.keys(hookEventRules) as [HookEventName, ...HookEventName[]]; // its own keys

export const isHookEvent = (name: string): name is HookEventName => Object.hasOwn(hookEventRules, name);
/** Widened: what the rules have in common. */
export const ruleOf = (event: HookEventName): EventRule => hookEventRules[event];

export interface Hook {
  id: string;
  name: string;
  event: HookEventName;
  /** Empty or `*`: every one. Names joined by `|`, else a regular expression. */
  matcher: string;
  action: { kind: 'command'; command: string } | { kind: 'http'; url: string };
  timeoutSeconds: number;
  /** What counts when it fails or is too late. */
  onFailure: 'allow' | 'deny';
  enabled: boolean;
}

type Payload = Record<string, unknown>;

/** Null: no regular expression. */
export function matcherOf(matcher: string): ((subject: string) => boolean) | null {
  if (matcher === '' || matcher === '*') return () => true;
  if (/^[\w|\s,-]+$/.test(matcher)) {
    const names = matcher.split(/[|,]/).map((it) => it.trim());
    return (subject) => names.includes(subject);
  }
  try {
    const expression = new RegExp(matcher);
    return (subject) => expression.test(subject);
  } catch {
    return null;
  }
}

export function concerns(hook: Hook, event: string, payload: Payload): boolean {
  if (!hook.enabled || hook.event !== event) return false;
  const { subject } = ruleOf(hook.event);
  if (subject === null) return true;
  const value = payload[subject];
  return matcherOf(hook.matcher)?.(typeof value === 'string' ? value : '') ?? false;
}

/** What one hook thinks, whichever shape it said it in. */
export interface Opinion {
  decision?: Decision;
  reason?: string;
  /** In the place of what the event's rule names. */
  rewrite?: unknown;
  context?: string;
  /** For the frames, not for Claude. */
  annotation?: unknown;
  /** Claude Code shows it to its user. */
  message?: string;
  /** Claude shall not go on at all. */
  halt?: boolean;
}

/** Reads Claude Code's own shape of answer, and a plain one: decision, reason, updatedInput, additionalContext. */
export function opinionOf(event: HookEventName, answer: unknown): Opinion {
  const given = record(answer);
  const own = record(given.hookSpecificOutput);
  const asked = record(own.decision);
  const halt = given.continue === false;
  const decision = halt
    ? 'deny'
    : decisionOf(own.permissionDecision ?? asked.behavior ?? given.permissionDecision ?? given.decision);
  const reason =
    text(own.permissionDecisionReason) ??
    text(asked.message) ??
    text(given.reason) ??
    text(given.stopReason) ??
    text(given.permissionDecisionReason);
  const rewrite = rewriteOf(event, { ...given, ...own, ...(asked.updatedInput ? asked : {}) });
  const context = text(own.additionalContext) ?? text(given.additionalContext);
  const annotation = given.annotations ?? given.annotation;
  const message = text(given.systemMessage);
  return {
    ...(decision === undefined ? {} : { decision }),
    ...(reason === undefined ? {} : { reason }),
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(context === undefined ? {} : { context }),
    ...(annotation === undefined ? {} : { annotation }),
    ...(message === undefined ? {} : { message }),
    ...(halt ? { halt } : {}),
  };
}

function rewriteOf(event: HookEventName, given: Payload): unknown {
  const { rewrites } = ruleOf(event);
  if (rewrites === 'tool_input') return isRecord(given.updatedInput) ? given.updatedInput : undefined;
  if (rewrites === 'tool_response') return given.updatedToolOutput;
  return undefined;
}

function decisionOf(said: unknown): Decision | undefined {
  if (said === 'allow' || said === 'approve') return 'allow';
  if (said === 'deny' || said === 'block') return 'deny';
  return said === 'ask' ? 'ask' : undefined;
}

/** The payload as the next hook gets it. */
export function rewritten(event: HookEventName, payload: Payload, { rewrite }: Opinion): Payload {
  const { rewrites } = ruleOf(event);
  return rewrites === null || rewrite === undefined ? payload : { ...payload, [rewrites]: rewrite };
}

export interface Outcome {
  name: string;
  onFailure: Hook['onFailure'];
  /** A failure in words, or what it thinks. */
  result: { error: string } | { opinion: Opinion };
}

export function opinionFrom({ name, onFailure, result }: Outcome): Opinion {
  if ('opinion' in result) return result.opinion;
  if (onFailure === 'allow') return {};
  return { decision: 'deny', reason: `The hook “${name}” failed: ${result.error}` };
}

export const denies = (outcome: Outcome): boolean => opinionFrom(outcome).decision === 'deny';

export interface Composed {
  decision: Decision | null;
  reason: string | null;
  /** Who decided. */
  by: string | null;
  /** Undefined: it stays as it was. */
  rewrite: unknown;
  context: string | null;
  annotations: { name: string; value: unknown }[];
  message: string | null;
  halt: boolean;
}

const rank = { allow: 1, ask: 2, deny: 3 } as const;

/** In the order in which they ran; what stands after the first deny does not count. */
export function compose(outcomes: readonly Outcome[]): Composed {
  const composed: Composed = {
    ...{ decision: null, reason: null, by: null, rewrite: undefined, context: null, annotations: [] },
    ...{ message: null, halt: false },
  };
  const join = (before: string | null, more: string | undefined, between: string) =>
    more === undefined ? before : before === null ? more : `${before}${between}${more}`;
  for (const outcome of outcomes) {
    const opinion = opinionFrom(outcome);
    const { decision } = opinion;
    if (decision !== undefined && (composed.decision === null || rank[decision] > rank[composed.decision])) {
      composed.decision = decision;
      composed.reason = opinion.reason ?? null;
      composed.by = outcome.name;
    }
    if (opinion.rewrite !== undefined) composed.rewrite = opinion.rewrite;
    composed.context = join(composed.context, opinion.context, '\n\n');
    composed.message = join(composed.message, opinion.message, '\n');
    if (opinion.annotation !== undefined)
      composed.annotations.push({ name: outcome.name, value: opinion.annotation });
    if (opinion.halt) composed.halt = true;
    if (decision === 'deny') break;
  }
  return composed;
}

/** In Claude Code's own shape; undefined: there is nothing to tell it. */
export function claudeAnswer(event: HookEventName, composed: Composed): Record<string, unknown> | undefined {
  const { decisions, rewrites, context: takesContext } = ruleOf(event);
  const decision =
    composed.decision !== null && decisions.includes(composed.decision) ? composed.decision : null;
  const reason = composed.reason ?? `Decided by the hook “${composed.by ?? ''}”.`;
  const rewrite = rewrites !== null && decision !== 'deny' ? composed.rewrite : undefined;
  const own: Record<string, unknown> = {};
  const top: Record<string, unknown> = {};
  if (event === 'PermissionRequest') {
    if (decision === 'deny') own.decision = { behavior: 'deny', message: reason };
    if (decision === 'allow')
      own.decision = { behavior: 'allow', ...(rewrite === undefined ? {} : { updatedInput: rewrite }) };
  } else {
    if (decision !== null && (event === 'PreToolUse' || event === 'PreModelSwitch')) {
      own.permissionDecision = decision;
      own.permissionDecisionReason = reason;
    } else if (decision === 'deny') {
      top.decision = 'block';
      top.reason = reason;
    }
    if (rewrite !== undefined) {
      if (rewrites === 'tool_input') own.updatedInput = rewrite;
      if (rewrites === 'tool_response') own.updatedToolOutput = rewrite;
    }
  }
  if (takesContext && composed.context !== null) own.additionalContext = composed.context;
  // A prompt that Claude Code only stops at stays in the conversation and goes out with the next one: it is blocked.
  if (composed.halt && event !== 'UserPromptSubmit') {
    top.continue = false;
    top.stopReason = reason;
  }
  if (composed.message !== null) top.systemMessage = composed.message;
  if (Object.keys(own).length > 0) top.hookSpecificOutput = { hookEventName: event, ...own };
  return Object.keys(top).length > 0 ? top : undefined;
}

const isRecord = (value: unknown): value is Payload =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const record = (value: unknown): Payload => (isRecord(value) ? value : {});
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
