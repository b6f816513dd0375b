/**
 * Frames in the words of the seeds' clients, and a conversation as a list: whole messages, or slim ones for small
 * devices. Every field that those clients know is there under its name, beside ours.
 */
import type { Frame } from './frames';

/** Kinds whose data those clients read as it stands. */
const SAME: ReadonlySet<string> = new Set(['text.delta', 'thinking', 'todo.update', 'api', 'context', 'gap']);

/** A line of sandboxd's with the fields that other clients know added to its `data`. */
export function compatibleLine(line: string, kind: string): string {
  if (SAME.has(kind)) return line;
  // sandboxd wrote the line by the table that the type comes from.
  const frame = JSON.parse(line) as Frame;
  return JSON.stringify({ ...frame, data: { ...frame.data, ...added(frame) } });
}

export function compatibleFrame(frame: Frame): object {
  return SAME.has(frame.kind) ? frame : { ...frame, data: { ...frame.data, ...added(frame) } };
}

const optional = <T>(name: string, value: T | undefined) => (value === undefined ? {} : { [name]: value });

function added(frame: Frame): object {
  switch (frame.kind) {
    case 'tool.use.start':
      return { tool_use_id: frame.data.toolUseId };
    case 'tool.use.result':
      return {
        tool_use_id: frame.data.toolUseId,
        is_error: frame.data.isError,
        ...optional('duration_ms', frame.data.durationMs),
      };
    case 'usage':
      return { cache_read: frame.data.cacheRead, cache_write: frame.data.cacheWrite };
    case 'status':
      return optional('elapsed_ms', frame.data.elapsedMs);
    case 'meta':
      return optional('session_id', frame.data.claudeSessionId);
    case 'hook':
      return { name: frame.data.name ?? frame.data.event };
    case 'stop':
      return {
        outcome: frame.data.reason,
        reason: stopReason(frame.data),
        ...optional('duration_ms', frame.data.durationMs),
      };
    default:
      return {};
  }
}

/** What other clients call the end of a turn and of a session; ours is in `outcome`. */
export function stopReason(data: { scope: string; reason: string; exitCode?: number | undefined }): string {
  if (data.scope === 'turn') return data.reason === 'completed' ? 'turn_end' : data.reason;
  return data.exitCode === undefined || data.exitCode === 0 ? 'exit' : `exit ${data.exitCode}`;
}

interface Common {
  /** Stays the same while the message grows: the seq of its first frame. */
  id: number;
  /** Of the last frame that it comes from. */
  seq: number;
  turn?: number;
  /** The subagent it belongs to. */
  agent?: string;
}
export type Message = Common &
  (
    | { type: 'text'; role: 'user' | 'assistant'; text: string; queue_id?: string }
    | { type: 'thinking'; text: string }
    | {
        type: 'tool';
        tool: string;
        tool_use_id: string;
        input: unknown;
        output?: string;
        is_error?: boolean;
        duration_ms?: number;
        /** `orphan`: its turn has ended without a result. */
        state: 'running' | 'ok' | 'error' | 'orphan';
      }
    | { type: 'todo'; items: unknown[] }
    | {
        type: 'askq';
        request_id: string;
        questions: unknown[];
        answers?: Record<string, string>;
        closed: boolean;
      }
    | { type: 'usage'; input: number; output: number; cache_read: number; cache_write: number }
    | { type: 'stop'; reason: string; outcome: string; duration_ms?: number }
    | { type: 'meta'; event: string; model?: string; text?: string }
  );

export type Slim =
  | { seq: number; id: number; role: 'user' | 'assistant'; text: string }
  | { seq: number; id: number; role: 'tool'; tool: string; summary: string };

/** What a frame did to the list. `removed`: Claude Code threw a cut answer away. */
export interface Change {
  added: Message[];
  updated: Message[];
  removed: number[];
}

/** Frames in, messages out; every frame of a session in order, from the beginning of any turn on. */
export class MessageList {
  readonly #byKey = new Map<string, Message>();
  readonly #all = new Map<number, Message>();
  lastSeq = 0;

  /** In the order of their first frames. */
  get messages(): Message[] {
    return [...this.#all.values()];
  }

  /**
   * Lets go of what belongs to no turn or another one, and is not open; what still comes of it is a message of its own.
   * Gives how many others stay.
   */
  keepOnly(turn: number): number {
    let others = 0;
    for (const [id, it] of this.#all) {
      if (it.turn === turn) continue;
      if (isOpen(it)) others += 1;
      else this.#all.delete(id);
    }
    for (const [key, it] of this.#byKey) if (!this.#all.has(it.id)) this.#byKey.delete(key);
    return others;
  }

  take(frame: Frame): Change {
    this.lastSeq = Math.max(this.lastSeq, frame.seq);
    const change: Change = { added: [], updated: [], removed: [] };
    const { seq, turn, agent } = frame;
    const common: Common = { id: seq, seq, ...optional('turn', turn), ...optional('agent', agent) };
    const add = (message: Message, key?: string) => {
      this.#all.set(message.id, message);
      if (key !== undefined) this.#byKey.set(key, message);
      change.added.push(message);
    };
    const grow = (message: Message) => {
      message.seq = seq;
      change.updated.push(message);
    };
    switch (frame.kind) {
      case 'text.delta':
      case 'thinking': {
        const { data } = frame;
        if ('role' in data && data.role === 'user') {
          add({
            ...common,
            type: 'text',
            role: 'user',
            text: data.text,
            ...optional('queue_id', data.queueId),
          });
          break;
        }
        if (!('messageId' in data)) break;
        const key = `${frame.kind}/${data.messageId}/${data.block}`;
        const present = this.#byKey.get(key);
        if (present?.type === 'text' || present?.type === 'thinking') {
          present.text += data.text;
          grow(present);
        } else if (frame.kind === 'thinking') add({ ...common, type: 'thinking', text: data.text }, key);
        else add({ ...common, type: 'text', role: 'assistant', text: data.text }, key);
        break;
      }
      case 'tool.use.start': {
        const { toolUseId, tool, input } = frame.data;
        const made: Message = {
          ...common,
          type: 'tool',
          tool,
          tool_use_id: toolUseId,
          input,
          state: 'running',
        };
        add(made, `tool/${toolUseId}`);
        break;
      }
      case 'tool.use.result': {
        const { toolUseId, output, isError, durationMs } = frame.data;
        const present = this.#byKey.get(`tool/${toolUseId}`);
        if (present?.type !== 'tool') break;
        Object.assign(present, { output, is_error: isError, ...optional('duration_ms', durationMs) });
        present.state = isError ? 'error' : 'ok';
        grow(present);
        break;
      }
      case 'todo.update':
        add({ ...common, type: 'todo', items: frame.data.items });
        break;
      case 'ask.question': {
        const { requestId, questions } = frame.data;
        const made: Message = { ...common, type: 'askq', request_id: requestId, questions, closed: false };
        add(made, `ask/${requestId}`);
        break;
      }
      case 'request.closed': {
        const present = this.#byKey.get(`ask/${frame.data.requestId}`);
        if (present?.type !== 'askq') break;
        Object.assign(present, { closed: true, ...optional('answers', frame.data.answers) });
        grow(present);
        break;
      }
      case 'usage': {
        const { input, output, cacheRead, cacheWrite } = frame.data;
        add({ ...common, type: 'usage', input, output, cache_read: cacheRead, cache_write: cacheWrite });
        break;
      }
      case 'stop': {
        for (const it of this.#all.values()) {
          if (it.type !== 'tool' || it.state !== 'running') continue;
          if (frame.data.scope === 'turn' && it.turn !== turn) continue;
          it.state = 'orphan';
          grow(it);
        }
        const { reason: outcome, durationMs } = frame.data;
        add({
          ...common,
          type: 'stop',
          ...{ reason: stopReason(frame.data), outcome },
          ...optional('duration_ms', durationMs),
        });
        break;
      }
      case 'meta': {
        const { event, model, text, messageId } = frame.data;
        if (event === 'message.discarded' && messageId !== undefined) {
          for (const [key, it] of this.#byKey) {
            if (!key.includes(`/${messageId}/`)) continue;
            this.#byKey.delete(key);
            this.#all.delete(it.id);
            change.removed.push(it.id);
          }
        } else
          add({ ...common, type: 'meta', event, ...optional('model', model), ...optional('text', text) });
        break;
      }
      default: // status, hook, api, context, permissions, gap: no messages
    }
    return change;
  }
}

/** Something of it is still to come, in whatever turn: a tool in the background, a person's answer. */
const isOpen = (it: Message): boolean =>
  (it.type === 'tool' && it.state === 'running') || (it.type === 'askq' && !it.closed);

/** Null: nothing for a small screen. */
export function slim(message: Message): Slim | null {
  if (message.agent !== undefined) return null;
  const { id, seq } = message;
  if (message.type === 'text') return { seq, id, role: message.role, text: message.text };
  if (message.type !== 'tool') return null;
  const { duration_ms: took } = message;
  const time = took === undefined ? '' : ` · ${Math.round(took)}ms`;
  return { seq, id, role: 'tool', tool: message.tool, summary: `${message.state}${time}` };
}
