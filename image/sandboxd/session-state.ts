/**
 * What sandboxd knows of a session: a fold over its frames. Live and after a restart it is the same function that
 * changes it, so what was written once is known to be written, whatever died in between.
 */
import type { Frame, FrameData, SessionStatus } from '../../shared/frames';
import type { TurnSummary } from '../../shared/sandboxd-api';
import { beginTurn, endTurn, noteTurn, type OpenTurn } from './turn-summary';

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

/** A request of Claude's that waits for a person. */
export interface OpenRequest {
  kind: 'permission' | 'question';
  tool: string;
  text: string;
  toolUseId?: string;
  turn?: number;
  agent?: string;
}

export interface Tokens {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

export interface SessionState {
  claudeId: string | null;
  transcript: string | null;
  model: string | null;
  effort: string | null;
  permissionMode: string | null;
  title: string | null;
  tokens: Tokens;
  /** `before`: of Claude Code's processes before the present one, which counts from 0 or goes on. US dollars. */
  cost: { before: number; now: number } | null;
  context: { tokens: number; window: number } | null;
  preview: string;
  status: SessionStatus;
  turn: OpenTurn | null;
  /** The newest turn's number. */
  turns: number;
  /** Of the last turn; waits for the cost of its last message, which comes a moment after its stop. */
  summary: TurnSummary | null;
  /** Cost up to the newest summary. */
  costCounted: number;
  /** By request id, oldest first. */
  requests: Record<string, OpenRequest>;
  /** The number of the newest API request. */
  exchanges: number;
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
  effort: null,
  permissionMode: null,
  title: null,
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  cost: null,
  context: null,
  preview: '',
  status: 'stopped',
  turn: null,
  turns: 0,
  summary: null,
  costCounted: 0,
  requests: {},
  exchanges: 0,
  messages: {},
  tools: {},
  prompts: {},
  todos: [],
});

export const costOf = ({ cost }: SessionState): number | null => (cost ? cost.before + cost.now : null);

/** The one function that changes a state. */
export function fold(state: SessionState, frame: Frame): void {
  const { turn, agent } = frame;
  const at = Date.parse(frame.ts);
  noteTurn(state, frame);
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
    case 'usage':
      messageOf(state, frame.data.messageId, frame).ended = true;
      addTokens(state.tokens, frame.data);
      if (frame.data.purpose === 'turn' && agent === undefined) state.model = frame.data.model;
      break;
    case 'ask.question':
    case 'permission.request':
      noteRequest(state, frame);
      break;
    case 'request.closed':
      delete state.requests[frame.data.requestId];
      break;
    case 'context':
      noteContext(state, frame.data);
      break;
    case 'api':
      state.exchanges = Math.max(state.exchanges, frame.data.exchange);
      break;
    case 'status':
      if (frame.data.state === 'working' && turn !== undefined && turn > state.turns) beginTurn(state, frame);
      state.status = frame.data.state;
      break;
    case 'stop':
      endTurn(state, frame);
      break;
    case 'meta':
      noteMeta(state, frame.data);
      break;
    default: // hook, pty.raw, gap: nothing to know
  }
}

export function addTokens(sum: Tokens, { input, output, cacheRead, cacheWrite }: Tokens): void {
  sum.input += input;
  sum.output += output;
  sum.cacheRead += cacheRead;
  sum.cacheWrite += cacheWrite;
}

function noteRequest(
  state: SessionState,
  frame: Frame & { kind: 'ask.question' | 'permission.request' },
): void {
  const { requestId, toolUseId } = frame.data;
  state.requests[requestId] = {
    ...(frame.kind === 'ask.question'
      ? { kind: 'question', tool: 'AskUserQuestion', text: frame.data.questions[0]?.question ?? '' }
      : { kind: 'permission', tool: frame.data.tool, text: askedFor(frame.data.tool, frame.data.input) }),
    ...(toolUseId === undefined ? {} : { toolUseId }),
    ...place(frame.turn, frame.agent),
  };
}

/** What a person reads first of a tool call: its name and the one input that says most. */
function askedFor(tool: string, input: unknown): string {
  const fields: Record<string, unknown> = typeof input === 'object' && input !== null ? { ...input } : {};
  const most = fields.command ?? fields.file_path ?? fields.url ?? fields.description;
  return typeof most === 'string' ? `${tool}: ${most.slice(0, 200)}` : tool;
}

function noteContext(state: SessionState, data: FrameData<'context'>): void {
  state.model = data.model;
  if (data.effort !== undefined) state.effort = data.effort;
  if (data.contextTokens !== undefined && data.contextWindow !== undefined)
    state.context = { tokens: data.contextTokens, window: data.contextWindow };
  if (data.costUsd === undefined) return;
  const { before, now } = state.cost ?? { before: 0, now: 0 };
  // A new process that does not know what the one before it cost.
  state.cost = { before: data.costUsd < now ? before + now : before, now: data.costUsd };
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
  if (data.event === 'session.clear') {
    state.todos = [];
    state.title = null;
  }
  if (data.event === 'title') state.title = data.text ?? null;
  if (data.event === 'mode') state.permissionMode = data.text ?? null;
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
