/** What a person reads of a session, as shared/conversation.ts folds it from frames. */
import type { FrameData, SessionStatus } from './frames';

interface Base {
  /** Unlike that of every other item of the session. */
  id: string;
  /** Of the frame that began it. */
  seq: number;
  ts: string;
  turn?: number | undefined;
  agent?: string | undefined;
  /** Rises with every change; an item that is drawn with this version needs no drawing. */
  version: number;
}

export interface UserItem extends Base {
  type: 'user';
  text: string;
  /** Typed while the turn was running. */
  queued: boolean;
  queueId?: string | undefined;
  truncated: boolean;
}
/** Text or thinking of one content block. */
export interface TextItem extends Base {
  type: 'text' | 'thinking';
  messageId: string;
  block: number;
  text: string;
  /** More may come. */
  open: boolean;
  /** Claude Code threw the answer away and asked again. */
  discarded: boolean;
  /** Its beginning is no longer in the journal. */
  headless: boolean;
  /** When the last piece came. */
  endedAt: string;
}
/** `lost`: its turn ended and no result ever came. */
export type ToolState = 'running' | 'done' | 'failed' | 'interrupted' | 'lost';
export interface ToolItem extends Base {
  type: 'tool';
  toolUseId: string;
  tool: string;
  input: unknown;
  state: ToolState;
  output: string;
  result: unknown;
  durationMs: number | null;
  truncated: boolean;
  /** The subagent that this call runs. */
  runs: string | null;
}
export interface RequestClosed {
  by: FrameData<'request.closed'>['by'];
  behavior?: 'allow' | 'deny' | undefined;
  answers?: Record<string, string> | undefined;
  message?: string | undefined;
}
export interface QuestionItem extends Base {
  type: 'question';
  requestId: string;
  questions: FrameData<'ask.question'>['questions'];
  closed: RequestClosed | null;
}
export interface PermissionItem extends Base {
  type: 'permission';
  requestId: string;
  tool: string;
  toolUseId: string | null;
  input: unknown;
  suggestions: unknown;
  closed: RequestClosed | null;
}
export type RequestItem = QuestionItem | PermissionItem;
/** Something that happened to the session, such as a compaction; `event` as in `meta`, or `gap`. */
export interface NoticeItem extends Base {
  type: 'notice';
  event: string;
  text: string;
}
export interface StopItem extends Base {
  type: 'stop';
  scope: 'turn' | 'session';
  reason: string;
  error: string | null;
  durationMs: number | null;
  tokens: Tokens;
}
/** A subagent whose tool call is not known. */
export interface AgentItem extends Base {
  type: 'agent';
  runs: string;
}
export type Item =
  | UserItem
  | TextItem
  | ToolItem
  | QuestionItem
  | PermissionItem
  | NoticeItem
  | StopItem
  | AgentItem;

export interface Tokens {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}
export const noTokens = (): Tokens => ({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 });
export function addTokens(sum: Tokens, more: Tokens): void {
  sum.input += more.input;
  sum.output += more.output;
  sum.cacheRead += more.cacheRead;
  sum.cacheWrite += more.cacheWrite;
}

export interface Agent {
  id: string;
  /** As Claude Code names its kind; empty until it has. */
  kind: string;
  items: Item[];
  ended: boolean;
  version: number;
}
export interface Turn {
  number: number;
  startedAt: string;
  endedAt: string | null;
  reason: string | null;
  prompt: string;
  tokens: Tokens;
  /** Id of its first item. */
  first: string | null;
}
export interface Status {
  state: SessionStatus;
  /** When that was said. */
  ts: string;
  elapsedMs: number | null;
  detail: string | null;
}
