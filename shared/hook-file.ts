/**
 * Hooks as they stand in a file (`/etc/cloud-claude/hooks.json`, `~/.claude/hooks.json`) and on the way into a sandbox:
 * Claude Code's own shape of `hooks`, with a name, a switch and a secret added. Pure, and without zod: sandboxd reads it.
 *
 *   {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [
 *     {"type": "command", "command": "~/bin/check", "timeout": 10, "onFailure": "block", "name": "check", "enabled": true}]}]}}
 */
import {
  HOOK_COMMAND_MAX_CHARS,
  HOOK_MATCHER_MAX_CHARS,
  HOOK_NAME_MAX_CHARS,
  HOOK_TIMEOUT_DEFAULT_S,
  HOOK_TIMEOUT_MAX_S,
  HOOK_URL_MAX_CHARS,
  HOOKS_PER_LEVEL,
  type Hook,
  isHookEvent,
  matcherOf,
} from './hook-rules';

/** A hook with what it is signed with; commands have no secret. */
export type SecretHook = Hook & { secret: string | null };

export interface HookList {
  hooks: SecretHook[];
  /** What was left out or not understood, for people. */
  problems: string[];
}

const KEYS = new Set(['type', 'command', 'url', 'timeout', 'onFailure', 'name', 'id', 'enabled', 'secret']);
const HTTP_URL = /^https?:\/\/[^/?#@\s]+([/?#]\S*)?$/i;

/** Never throws: what cannot be understood is left out and told. */
export function readHookFile(content: unknown): HookList {
  const list: HookList = { hooks: [], problems: [] };
  const events = record(record(content).hooks);
  if (!isRecord(content)) list.problems.push('The file holds no JSON object.');
  for (const [event, groups] of Object.entries(events)) {
    if (!isHookEvent(event)) {
      list.problems.push(`There is no event ${event}.`);
      continue;
    }
    for (const group of Array.isArray(groups) ? groups : []) {
      const { matcher, hooks } = record(group);
      for (const given of Array.isArray(hooks) ? hooks : []) {
        const place = `${event} #${list.hooks.filter((it) => it.event === event).length + 1}`;
        const read = readHook(record(given), matcher);
        if (typeof read === 'string') {
          list.problems.push(`${place}: ${read}`);
          continue;
        }
        if (list.hooks.length >= HOOKS_PER_LEVEL) {
          list.problems.push(`Only the first ${HOOKS_PER_LEVEL} hooks count.`);
          return list;
        }
        const unknown = Object.keys(record(given)).filter((it) => !KEYS.has(it));
        if (unknown.length > 0) list.problems.push(`${place}: ${unknown.join(', ')} means nothing here.`);
        list.hooks.push({ ...read, id: read.id || place, name: read.name || place, event });
      }
    }
  }
  return list;
}

/** The sentence that says what is wrong, or the hook. */
function readHook(given: Record<string, unknown>, matcher: unknown): Omit<SecretHook, 'event'> | string {
  const { type, command, url, timeout, onFailure, name, id, enabled, secret } = given;
  const match = matcher === undefined ? '' : matcher;
  if (typeof match !== 'string' || match.length > HOOK_MATCHER_MAX_CHARS || !matcherOf(match))
    return 'the matcher is no regular expression.';
  let action: Hook['action'];
  if (type === 'command') {
    if (typeof command !== 'string' || command.trim() === '' || command.length > HOOK_COMMAND_MAX_CHARS)
      return 'a command hook needs a command.';
    action = { kind: type, command };
  } else if (type === 'http') {
    if (typeof url !== 'string' || !HTTP_URL.test(url) || url.length > HOOK_URL_MAX_CHARS)
      return 'an http hook needs an address such as https://host/path.';
    action = { kind: type, url };
  } else return 'its type is neither command nor http.';
  const seconds = timeout === undefined ? HOOK_TIMEOUT_DEFAULT_S : timeout;
  if (typeof seconds !== 'number' || !(seconds > 0)) return 'its time-out is no number of seconds.';
  return {
    id: typeof id === 'string' ? id.slice(0, HOOK_NAME_MAX_CHARS) : '',
    name: typeof name === 'string' ? name.trim().slice(0, HOOK_NAME_MAX_CHARS) : '',
    matcher: match,
    action,
    timeoutSeconds: Math.min(seconds, HOOK_TIMEOUT_MAX_S),
    onFailure: onFailure === 'block' || onFailure === 'deny' ? 'deny' : 'allow',
    enabled: enabled !== false,
    secret: action.kind === 'http' && typeof secret === 'string' && secret !== '' ? secret : null,
  };
}

/** Each hook in a group of its own: the order of an event's hooks is the file's. */
export function writeHookFile(hooks: readonly SecretHook[]): { hooks: Record<string, unknown[]> } {
  const events: Record<string, unknown[]> = {};
  for (const hook of hooks) {
    const { kind, ...rest } = hook.action;
    const groups = events[hook.event] ?? [];
    events[hook.event] = groups;
    groups.push({
      matcher: hook.matcher,
      hooks: [
        {
          ...{ type: kind, ...rest, timeout: hook.timeoutSeconds },
          ...{ onFailure: hook.onFailure === 'deny' ? 'block' : 'continue' },
          ...{ name: hook.name, id: hook.id, enabled: hook.enabled },
          ...(hook.secret === null ? {} : { secret: hook.secret }),
        },
      ],
    });
  }
  return { hooks: events };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});
