/**
 * Folds a session's frames into a conversation: turns, and in their order what was said, done, asked and decided.
 * One frame at a time, and cheap for each: the structure is changed in place, and what has changed says so by its
 * `version`. A frame that was applied before is passed over, so that a reader may come again with any seq; a fold
 * may begin anywhere in a journal, and then has what came from there on.
 */
import {
  type Agent,
  addTokens,
  type Item,
  noTokens,
  type RequestItem,
  type Status,
  type TextItem,
  type Tokens,
  type ToolItem,
  type Turn,
} from './conversation-items';
import type { Frame, FrameData, FrameOf } from './frames';

/** Tool calls that start a subagent, by the names of different versions. */
const AGENT_TOOLS: readonly string[] = ['Agent', 'Task'];
/** Events of `meta` that a reader of the conversation wants to see. */
const NOTICES: readonly string[] = ['session.clear', 'compact', 'model', 'command', 'prompt.failed', 'mode'];

type Draft<T> = T extends Item ? Omit<T, 'seq' | 'ts' | 'turn' | 'agent' | 'version'> : never;

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // read as unknown
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export class Conversation {
  /** Of the main agent, oldest first. */
  readonly items: Item[] = [];
  readonly agents = new Map<string, Agent>();
  readonly turns: Turn[] = [];
  /** Unanswered ones, oldest first, whichever agent asks. */
  readonly requests: RequestItem[] = [];
  /** Of the prompts and commands in our queue: those that Claude took, or that failed. */
  readonly delivered = new Set<string>();
  todos: FrameData<'todo.update'>['items'] = [];
  /** All of it, side requests such as titles too, by model. */
  readonly usage = new Map<string, Tokens>();
  readonly tokens = noTokens();
  status: Status | null = null;
  context: FrameData<'context'> | null = null;
  model: string | null = null;
  title: string | null = null;
  permissionMode: string | null = null;
  firstSeq = 0;
  lastSeq = 0;
  version = 0;
  /** Rises when items come or go, here or in a subagent. */
  structure = 0;

  readonly #byId = new Map<string, Item>();
  readonly #byMessage = new Map<string, TextItem[]>();
  /** Text that still grows, by agent; '' is the main one. */
  readonly #growing = new Map<string, TextItem>();
  readonly #running = new Set<ToolItem>();
  /** Subagent -> id of the tool item that runs it. */
  readonly #callers = new Map<string, string>();
  #turn: Turn | null = null;

  /** Whether it was news. */
  apply(frame: Frame): boolean {
    if (frame.seq <= this.lastSeq) return false;
    this.version++;
    if (this.firstSeq === 0) this.firstSeq = frame.seq;
    this.lastSeq = frame.seq;
    if (frame.turn !== undefined && frame.agent === undefined && frame.kind !== 'hook')
      this.#begin(frame, frame.turn);
    this.#take(frame);
    return true;
  }

  item(id: string): Item | undefined {
    return this.#byId.get(id);
  }
  tool(toolUseId: string): ToolItem | undefined {
    const found = this.#byId.get(`tool-${toolUseId}`);
    return found?.type === 'tool' ? found : undefined;
  }
  /** The turn that runs now. */
  get running(): Turn | null {
    return this.#turn;
  }

  #take(frame: Frame): void {
    switch (frame.kind) {
      case 'text.delta':
        if (frame.data.role === 'user') this.#said(frame, frame.data);
        else this.#block(frame, { type: 'text', ...frame.data });
        break;
      case 'thinking':
        this.#block(frame, { type: 'thinking', ...frame.data });
        break;
      case 'tool.use.start':
        this.#toolStarts(frame);
        break;
      case 'tool.use.result':
        this.#toolEnds(frame);
        break;
      case 'todo.update':
        this.todos = frame.data.items;
        break;
      case 'ask.question':
        this.#asks(frame, {
          type: 'question',
          id: `request-${frame.data.requestId}`,
          requestId: frame.data.requestId,
          questions: frame.data.questions,
          closed: null,
        });
        break;
      case 'permission.request':
        this.#asks(frame, {
          type: 'permission',
          id: `request-${frame.data.requestId}`,
          requestId: frame.data.requestId,
          tool: frame.data.tool,
          toolUseId: frame.data.toolUseId ?? null,
          input: frame.data.input,
          suggestions: frame.data.suggestions,
          closed: null,
        });
        break;
      case 'request.closed':
        this.#closes(frame.data);
        break;
      case 'context':
        this.context = frame.data;
        this.model = frame.data.model;
        break;
      case 'usage':
        this.#uses(frame);
        break;
      case 'status': {
        const { state, elapsedMs = null, detail = null } = frame.data;
        this.status = { state, ts: frame.ts, elapsedMs, detail };
        break;
      }
      case 'stop':
        this.#stops(frame);
        break;
      case 'meta':
        this.#meta(frame);
        break;
      case 'hook':
        this.#hook(frame);
        break;
      case 'gap':
        this.#add(frame, { type: 'notice', id: `gap-${frame.seq}`, event: 'gap', text: frame.data.reason });
        break;
      default:
      // `api` and `pty.raw` are for the inspector and the terminal; a newer kind is for newer readers.
    }
  }

  #begin(frame: Frame, number: number): void {
    const last = this.turns.at(-1);
    // What comes late for an earlier turn, such as a background task's result, opens nothing.
    if (last && number <= last.number) return;
    this.#turn = {
      number,
      startedAt: frame.ts,
      endedAt: null,
      reason: null,
      prompt: '',
      tokens: noTokens(),
      first: null,
    };
    this.turns.push(this.#turn);
  }

  /** Puts an item where its frame belongs. */
  #add<T extends Item>(frame: Frame, draft: Draft<T>): T {
    const { seq, ts, turn, agent } = frame;
    // The draft has all that T has beside these five: its own type says so.
    const item = { ...draft, seq, ts, turn, agent, version: this.version } as unknown as T;
    const home = agent === undefined ? null : this.#agent(frame, agent);
    (home?.items ?? this.items).push(item);
    if (home) this.#touchAgent(home);
    else if (this.#turn && turn === this.#turn.number) this.#turn.first ??= item.id;
    this.#byId.set(item.id, item);
    this.structure++;
    return item;
  }

  #touch(item: Item): void {
    item.version = this.version;
    const agent = item.agent === undefined ? undefined : this.agents.get(item.agent);
    if (agent) this.#touchAgent(agent);
  }

  /** A subagent is drawn in the call that runs it, which may stand in another subagent. */
  #touchAgent(agent: Agent): void {
    if (agent.version === this.version) return;
    agent.version = this.version;
    for (const id of [this.#callers.get(agent.id) ?? '', `agent-${agent.id}`]) {
      const caller = this.#byId.get(id);
      if (caller) this.#touch(caller);
    }
  }

  #agent(frame: Frame, id: string): Agent {
    const known = this.agents.get(id);
    if (known) return known;
    const agent: Agent = { id, kind: '', items: [], ended: false, version: 0 };
    this.agents.set(id, agent);
    // Its frames name no call: of those that run and have none, the one that has waited longest. The call's result
    // names the agent and sets it right.
    const call = [...this.#running].find((it) => AGENT_TOOLS.includes(it.tool) && it.runs === null);
    if (call) this.#runs(call, id);
    else this.#add({ ...frame, agent: undefined }, { type: 'agent', id: `agent-${id}`, runs: id });
    return agent;
  }

  #runs(call: ToolItem, agent: string): void {
    const before = this.#byId.get(this.#callers.get(agent) ?? '');
    if (before === call) return;
    if (before?.type === 'tool') {
      before.runs = null;
      this.#touch(before);
    }
    const alone = this.#byId.get(`agent-${agent}`);
    if (alone) {
      const at = this.items.indexOf(alone);
      if (at >= 0) this.items.splice(at, 1);
      this.#byId.delete(alone.id);
    }
    if (call.runs !== null) this.#callers.delete(call.runs);
    call.runs = agent;
    this.#callers.set(agent, call.id);
    this.#touch(call);
    this.structure++;
  }

  #said(frame: Frame, data: Extract<FrameData<'text.delta'>, { role: 'user' }>): void {
    if (data.queueId !== undefined) this.delivered.add(data.queueId);
    const turn = this.turns.at(-1);
    if (turn && turn.number === frame.turn && turn.prompt === '') turn.prompt = data.text;
    this.#rests('');
    this.#add(frame, {
      type: 'user',
      id: `user-${frame.seq}`,
      text: data.text,
      queued: data.queued ?? false,
      queueId: data.queueId,
      truncated: data.truncated ?? false,
    });
  }

  #block(
    frame: Frame,
    data: { type: 'text' | 'thinking'; messageId: string; block: number; offset: number; text: string },
  ): void {
    const id = `${data.type}-${data.messageId}-${data.block}`;
    const known = this.#byId.get(id);
    const agent = frame.agent ?? '';
    if (known?.type === 'text' || known?.type === 'thinking') {
      known.text += data.text;
      known.endedAt = frame.ts;
      this.#touch(known);
      return;
    }
    this.#rests(agent);
    const item = this.#add<TextItem>(frame, {
      type: data.type,
      id,
      messageId: data.messageId,
      block: data.block,
      text: data.text,
      open: true,
      discarded: false,
      headless: data.offset > 0,
      endedAt: frame.ts,
    });
    this.#growing.set(agent, item);
    const blocks = this.#byMessage.get(data.messageId);
    if (blocks) blocks.push(item);
    else this.#byMessage.set(data.messageId, [item]);
  }

  /** Nothing more is added to what an agent said last. */
  #rests(agent: string): void {
    const item = this.#growing.get(agent);
    if (!item) return;
    this.#growing.delete(agent);
    item.open = false;
    this.#touch(item);
  }

  #toolStarts(frame: FrameOf<'tool.use.start'>): void {
    const { toolUseId, tool, input, truncated } = frame.data;
    if (this.#byId.has(`tool-${toolUseId}`)) return;
    this.#rests(frame.agent ?? '');
    const item = this.#add<ToolItem>(frame, {
      type: 'tool',
      id: `tool-${toolUseId}`,
      toolUseId,
      tool,
      input,
      state: 'running',
      output: '',
      result: undefined,
      durationMs: null,
      truncated: truncated ?? false,
      runs: null,
    });
    this.#running.add(item);
  }

  #toolEnds(frame: FrameOf<'tool.use.result'>): void {
    const { toolUseId, tool, isError, output, result, durationMs, interrupted, truncated } = frame.data;
    const item =
      this.tool(toolUseId) ??
      // The fold began after its start.
      this.#add<ToolItem>(frame, {
        type: 'tool',
        id: `tool-${toolUseId}`,
        toolUseId,
        tool,
        input: null,
        state: 'running',
        output: '',
        result: undefined,
        durationMs: null,
        truncated: false,
        runs: null,
      });
    item.state = interrupted ? 'interrupted' : isError ? 'failed' : 'done';
    item.output = output;
    item.result = result;
    item.durationMs = durationMs ?? null;
    item.truncated ||= truncated ?? false;
    this.#running.delete(item);
    const agent = text(record(result).agentId);
    if (AGENT_TOOLS.includes(tool) && this.agents.has(agent)) this.#runs(item, agent);
    this.#touch(item);
  }

  #asks(frame: Frame, draft: Draft<RequestItem>): void {
    if (this.#byId.has(draft.id)) return;
    this.requests.push(this.#add<RequestItem>(frame, draft));
  }

  #closes({ requestId, by, behavior, answers, message }: FrameData<'request.closed'>): void {
    const at = this.requests.findIndex((it) => it.requestId === requestId);
    const [item] = at < 0 ? [] : this.requests.splice(at, 1);
    if (!item) return;
    item.closed = { by, behavior, answers, message };
    this.#touch(item);
  }

  #uses(frame: FrameOf<'usage'>): void {
    const { data } = frame;
    addTokens(this.tokens, data);
    const sum = this.usage.get(data.model) ?? noTokens();
    addTokens(sum, data);
    this.usage.set(data.model, sum);
    const turn = this.turns.findLast((it) => it.number === frame.turn);
    if (turn) addTokens(turn.tokens, data);
    for (const [agent, item] of this.#growing) if (item.messageId === data.messageId) this.#rests(agent);
  }

  #stops(frame: FrameOf<'stop'>): void {
    const { scope, reason, error = null, durationMs = null } = frame.data;
    // A subagent's end is no turn's (promise 7).
    if (frame.agent !== undefined) return;
    for (const agent of [...this.#growing.keys()])
      if (agent === '' || scope === 'session') this.#rests(agent);
    for (const item of this.#running) {
      const own = scope === 'session' || (item.agent === undefined && item.turn === frame.turn);
      if (own) this.#loses(item, reason === 'interrupted' ? 'interrupted' : 'lost');
    }
    const turn = this.turns.findLast((it) => it.number === frame.turn);
    if (turn && scope === 'turn') {
      turn.endedAt = frame.ts;
      turn.reason = reason;
    }
    if (scope === 'session' || turn === this.#turn) this.#turn = null;
    const tokens = { ...(turn?.tokens ?? noTokens()) };
    this.#add(frame, { type: 'stop', id: `stop-${frame.seq}`, scope, reason, error, durationMs, tokens });
  }

  #loses(item: ToolItem, state: 'interrupted' | 'lost'): void {
    item.state = state;
    this.#running.delete(item);
    this.#touch(item);
  }

  #meta(frame: FrameOf<'meta'>): void {
    const { event, messageId, model, text: said, source, queueId } = frame.data;
    if (queueId !== undefined) this.delivered.add(queueId);
    if (model !== undefined) this.model = model;
    if (event === 'title' && said !== undefined) this.title = said;
    // The first one is how the session began; only a change is news.
    const began = event === 'mode' && this.permissionMode === null;
    if (event === 'mode') this.permissionMode = said ?? source ?? this.permissionMode;
    if (event === 'session.clear') this.todos = [];
    // A new process has none of the calls of the one before.
    if (event === 'session.start') for (const item of this.#running) this.#loses(item, 'lost');
    if (event === 'message.discarded' && messageId !== undefined)
      for (const item of this.#byMessage.get(messageId) ?? []) {
        item.discarded = true;
        item.open = false;
        this.#touch(item);
        this.structure++;
      }
    if (NOTICES.includes(event) && !began)
      this.#add(frame, { type: 'notice', id: `notice-${frame.seq}`, event, text: said ?? model ?? '' });
  }

  /** Hooks name the kind of a subagent and tell its end. */
  #hook(frame: FrameOf<'hook'>): void {
    const { event, payload } = frame.data;
    if (frame.agent === undefined || (event !== 'SubagentStart' && event !== 'SubagentStop')) return;
    const agent = this.#agent(frame, frame.agent);
    agent.kind = text(record(payload).agent_type) || agent.kind;
    agent.ended = event === 'SubagentStop';
    if (agent.ended) this.#rests(agent.id);
    this.#touchAgent(agent);
  }
}
