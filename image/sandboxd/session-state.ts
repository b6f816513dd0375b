/**
 * What sandboxd knows of a session: a fold over its frames. Live and after a restart it is the same function that
 * changes it, so what was written once is known to be written, whatever died in between.
 */
import type { Frame, FrameData, SessionStatus } from '../../shared/frames';

export interface KnownMessage {
  turn?: number;
  agent?: string;
  /** Content block index -> UTF-16 units written. */
  blocks: Record<number, number>;
  /** Its usage is written: nothing of it is missing. */
  ended?: true;
}

export interface KnownTool {
  tool: string;
  at: number;
  turn?: number;
  agent?: string;
  done?: true;
}

export interface OpenTurn {
  number: number;
  startedAt: number;
  /** Claude Code's prompt ids that it serves: more than one when something was typed meanwhile. */
  promptIds: string[];
}

export interface SessionState {
  claudeId: string | null;
  transcript: string | null;
  model: string | null;
  status: SessionStatus;
  turn: OpenTurn | null;
  turns: number;
  messages: Record<string, KnownMessage>;
  tools: Record<string, KnownTool>;
  /** Prompt ids whose text is written, and their turn. */
  prompts: Record<string, number>;
  todos: FrameData<'todo.update'>['items'];
}

/** Kept beyond what is open: re-reading a transcript reaches back to the last checkpoint only. */
const REMEMBERED = 500;

export const emptyState = (): SessionState => ({
  claudeId: null,
  transcript: null,
  model: null,
  status: 'stopped',
  turn: null,
  turns: 0,
  messages: {},
  tools: {},
  prompts: {},
  todos: [],
});

/** The one function that changes a state. */
export function fold(state: SessionState, frame: Frame): void {
  const { data, turn, agent } = frame;
  const at = Date.parse(frame.ts);
  switch (frame.kind) {
    case 'text.delta': {
      if (frame.data.role === 'user') noteUser(state, frame.data, turn);
      else noteBlock(state, frame, frame.data);
      break;
    }
    case 'thinking':
      noteBlock(state, frame, frame.data);
      break;
    case 'tool.use.start':
      state.tools[frame.data.toolUseId] ??= { tool: frame.data.tool, at, ...place(turn, agent) };
      break;
    case 'tool.use.result': {
      const tool = state.tools[frame.data.toolUseId];
      state.tools[frame.data.toolUseId] = { ...(tool ?? { tool: frame.data.tool, at }), done: true };
      break;
    }
    case 'todo.update':
      state.todos = frame.data.items;
      break;
    case 'usage': {
      messageOf(state, frame.data.messageId, frame).ended = true;
      if (frame.data.purpose === 'turn' && agent === undefined) state.model = frame.data.model;
      break;
    }
    case 'status':
      if (frame.data.state === 'working' && turn !== undefined && turn > state.turns) {
        state.turns = turn;
        state.turn = { number: turn, startedAt: at, promptIds: [] };
      }
      state.status = frame.data.state;
      break;
    case 'stop':
      state.turn = null;
      break;
    case 'meta':
      noteMeta(state, frame.data);
      break;
    default:
      void data;
  }
}

function noteUser(
  state: SessionState,
  data: { promptId?: string | undefined },
  turn: number | undefined,
): void {
  if (data.promptId === undefined) return;
  state.prompts[data.promptId] = turn ?? 0;
  if (state.turn && turn === state.turn.number) state.turn.promptIds.push(data.promptId);
}

function noteBlock(
  state: SessionState,
  frame: Frame,
  data: { messageId: string; block: number; offset: number; text: string },
): void {
  messageOf(state, data.messageId, frame).blocks[data.block] = data.offset + data.text.length;
}

function messageOf(state: SessionState, id: string, frame: Frame): KnownMessage {
  let message = state.messages[id];
  if (!message) {
    message = { blocks: {}, ...place(frame.turn, frame.agent) };
    state.messages[id] = message;
  }
  return message;
}

function noteMeta(state: SessionState, data: FrameData<'meta'>): void {
  if (data.claudeSessionId !== undefined) state.claudeId = data.claudeSessionId;
  if (data.transcript !== undefined) state.transcript = data.transcript;
  if (data.model !== undefined) state.model = data.model;
  if (data.event === 'message.discarded' && data.messageId !== undefined) {
    const message = state.messages[data.messageId];
    if (message) message.ended = true;
  }
  if (data.event === 'session.clear') state.todos = [];
}

const place = (turn: number | undefined, agent: string | undefined) => ({
  ...(turn === undefined ? {} : { turn }),
  ...(agent === undefined ? {} : { agent }),
});

/** Forgets the oldest of what is finished, so that a long session's memory and checkpoint stay small. */
export function prune(state: SessionState): void {
  state.messages = newest(state.messages, (it) => it.ended !== true);
  state.tools = newest(state.tools, (it) => it.done !== true);
  state.prompts = newest(state.prompts, () => false);
}

/** Records keep the order of insertion; `keep` holds an old one. */
function newest<T>(record: Record<string, T>, keep: (value: T) => boolean): Record<string, T> {
  const entries = Object.entries(record);
  if (entries.length <= REMEMBERED * 2) return record;
  const from = entries.length - REMEMBERED;
  // Nothing stays open for thousands of entries: what does so will never be closed.
  return Object.fromEntries(
    entries.filter(([, value], index) => index >= from || (index >= from - 4 * REMEMBERED && keep(value))),
  );
}
