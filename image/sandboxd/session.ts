/**
 * One session: brings together what the API's stream, the hooks, the transcript and Claude Code's own status file say,
 * and has each piece of it written once. The stream is first with text, hooks with tools, the transcript has all of it.
 */
import { join } from 'node:path';
import type { FrameData } from '../../shared/frames';
import type { Exchange, ExchangeSink } from './api-observer';
import { ExchangeStore } from './exchange-store';
import { recordExchange } from './exchanges';
import { answerOf, type HookEvent } from './hook-events';
import { number, object, string } from './message-events';
import { type Live, Messages } from './messages';
import { ModelSwitch } from './model-switch';
import { type Place, Recorder, shortened } from './recorder';
import { Requests } from './requests';
import { todosAfter } from './todos';
import { plainPrompt, type TranscriptNews } from './transcript-lines';
import { Transcripts } from './transcripts';
import { Turns } from './turns';

/** Texts inside a hook's payload: the frames beside it hold them whole. */
const HOOK_TEXT_MAX_CHARS = 1024;
const PROMPT_MAX_CHARS = 256 * 1024;
/** Of a command and of what it printed. */
const COMMAND_MAX_CHARS = 4096;
const NEVER = new AbortController().signal;

export interface SessionOptions {
  id: string;
  folder: string;
  log: (message: string, fields?: Record<string, unknown>) => void;
  /** No turn runs and Claude waits at its prompt. */
  onIdle: () => void;
  /** Claude took a prompt, with this text. */
  onPrompt: (text: string) => string | undefined;
  /** Claude took a slash command of this name (without the slash). */
  onCommand?: (name: string) => void;
}

export class Session {
  readonly id: string;
  readonly recorder: Recorder;
  readonly turns: Turns;
  readonly requests: Requests;
  readonly exchanges: ExchangeStore;
  readonly model = new ModelSwitch();
  readonly #options: SessionOptions;
  readonly #messages: Messages;
  readonly #transcripts: Transcripts;
  #expectedText = '';
  #linePrompt: string | undefined;
  #compacting = false;
  #context = '';

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.#options = options;
    this.recorder = new Recorder({ session: options.id, folder: options.folder });
    this.exchanges = new ExchangeStore(join(options.folder, 'exchanges'));
    this.#messages = new Messages(this.recorder, () => this.turns);
    this.turns = new Turns(this.recorder, {
      settled: () => this.#settled(),
      beforeStop: () => {
        this.requests.ended(undefined);
        this.#messages.close(undefined, true);
      },
      idle: () => options.onIdle(),
    });
    this.requests = new Requests(this.recorder, this.turns);
    this.requests.gone();
    this.#transcripts = new Transcripts(this.recorder, {
      read: (news, agent) => this.#read(news, agent),
      done: () => this.turns.check(),
      onError: (error) => options.log('transcript', { session: this.id, error: String(error) }),
    });
  }

  /** Claude Code's session ids that are ours: the one it was started with, and the one after /clear. */
  knows(claudeId: string): boolean {
    return claudeId === (this.recorder.state.claudeId ?? this.id);
  }

  /** At its prompt: something may be typed. */
  get ready(): boolean {
    const { status, turn } = this.recorder.state;
    return status === 'idle' && turn === null && !this.#compacting && !this.model.running;
  }

  pull(): Promise<void> {
    return this.#transcripts.pull();
  }

  // --- the API's stream

  /** `foreign`: not of our Claude Code, only recorded. */
  open(exchange: Exchange, foreign = false): ExchangeSink {
    const { agent } = exchange;
    let live: Live | null = null;
    return recordExchange(exchange, {
      store: this.exchanges,
      recorder: this.recorder,
      place: { turn: this.turns.number, agent },
      isSide: (tools) => !tools || (this.#compacting && agent === undefined),
      started: (side) => {
        if (!foreign) live = { side, agent, place: {}, id: null };
      },
      message: (event) => live && this.#messages.streamed(live, event),
      ended: () => {
        if (live) this.#messages.streamEnded(live);
        this.turns.check();
      },
    });
  }

  // --- hooks

  /** Resolves when the hook may be answered, with the answer's body; undefined: nothing to say. */
  async hook({ name, payload }: HookEvent, signal: AbortSignal = NEVER): Promise<unknown> {
    // An interrupted turn's end stands in the transcript only: it has to be written before the next one begins.
    if (name === 'UserPromptSubmit' && this.recorder.state.turn) await this.#transcripts.catchUp();
    const agent = string(payload.agent_id) || undefined;
    const place = { turn: this.turns.number, agent };
    const shown = shortened(payload, HOOK_TEXT_MAX_CHARS).value;
    this.recorder.emit('hook', { event: name, payload: shown }, place);
    this.#mode(string(payload.permission_mode));
    const answer = this.#hooked({ name, payload }, place, signal);
    this.turns.check();
    return answer;
  }

  #hooked({ name, payload }: HookEvent, place: Place, signal: AbortSignal): unknown {
    const { agent } = place;
    switch (name) {
      case 'SessionStart':
        return this.#started(payload);
      case 'SessionEnd':
        return this.#sessionEnded(string(payload.reason) || 'other');
      case 'UserPromptSubmit':
        this.#compacting = false;
        return this.#prompted(string(payload.prompt), string(payload.prompt_id) || undefined);
      case 'UserPromptExpansion':
        return this.#options.onCommand?.(string(payload.command_name));
      case 'PreToolUse': {
        const { tool_use_id: id, tool_name: tool, tool_input: input } = payload;
        this.recorder.toolStart({ toolUseId: string(id), tool: string(tool), input }, place);
        return this.requests.called(payload, agent);
      }
      case 'PermissionRequest':
        return this.requests.ask(payload, place, signal);
      case 'PostToolUse':
      case 'PostToolUseFailure':
        return this.#toolDone(answerOf(name, payload), payload.tool_input, place);
      case 'PostToolBatch':
        for (const call of Array.isArray(payload.tool_calls) ? payload.tool_calls : [])
          this.requests.toolDone(string(object(call).tool_use_id), undefined);
        return undefined;
      case 'Stop':
      case 'StopFailure':
        return this.#stopped(name, payload, agent);
      case 'SubagentStart':
        return this.#followAgent(agent);
      case 'SubagentStop':
        return agent === undefined ? undefined : this.#endAgent(agent, string(payload.agent_transcript_path));
      case 'PreCompact':
        this.#options.onCommand?.('compact');
        return this.#compact(true);
      case 'PostCompact':
        return this.#compact(false);
      case 'PreModelSwitch':
        this.#options.onCommand?.('model');
        return this.model.asked();
      case 'PostModelSwitch':
        this.recorder.emit('meta', { event: 'model', model: string(payload.to_model) });
        return this.model.switched(payload);
      default:
        return undefined;
    }
  }

  #started(payload: Record<string, unknown>): void {
    const source = string(payload.source);
    this.#compacting = false;
    const transcript = string(payload.transcript_path);
    const model = string(payload.model);
    const { turn } = this.recorder.state;
    // A new process: whatever ran in the one before ran to no end. A compaction happens within a turn.
    if (turn && source !== 'compact')
      this.turns.finish({ reason: source === 'clear' ? 'superseded' : 'lost' });
    if (source !== 'compact') this.requests.gone();
    if (source === 'clear') this.#options.onCommand?.('clear');
    this.recorder.emit(
      'meta',
      {
        event: source === 'clear' ? 'session.clear' : source === 'compact' ? 'compact' : 'session.start',
        ...{ source, claudeSessionId: string(payload.session_id) },
        ...(transcript === '' ? {} : { transcript }),
        ...(model === '' ? {} : { model }),
      },
      { turn: this.turns.number },
    );
    if (transcript !== '') this.#transcripts.follow(undefined, transcript);
    this.#idle();
  }

  /** `clear` and `resume` (another conversation was chosen) go on in the same process. */
  #sessionEnded(reason: string): void {
    if (reason !== 'clear' && reason !== 'resume') this.ended(reason);
    else if (this.recorder.state.turn) this.turns.finish({ reason: 'superseded' });
  }

  #idle(): void {
    if (this.recorder.state.turn) return;
    this.turns.status('idle');
    this.#options.onIdle();
  }

  /** By a command outside of a turn, or within one when the context is full. */
  #compact(running: boolean): void {
    this.#compacting = running;
    if (running && !this.recorder.state.turn) this.turns.status('working', 'compacting');
    if (!running) this.#idle();
  }

  #prompted(text: string, promptId: string | undefined): void {
    if (promptId !== undefined && this.recorder.state.prompts[promptId] !== undefined) return;
    const running = this.recorder.state.turn !== null && !this.turns.settling;
    const turn = this.turns.begin();
    const plain = plainPrompt(text);
    const command = /^\/(\S+)/.exec(plain)?.[1];
    if (command !== undefined) this.#options.onCommand?.(command);
    const queueId = this.#options.onPrompt(plain);
    const shown = shortened(plain, PROMPT_MAX_CHARS);
    this.recorder.emit(
      'text.delta',
      {
        role: 'user',
        text: String(shown.value),
        ...(promptId === undefined ? {} : { promptId }),
        ...(queueId === undefined ? {} : { queueId }),
        ...(running ? { queued: true as const } : {}),
        ...shown.truncated,
      },
      { turn },
    );
    this.#expectedText = '';
  }

  #stopped(name: 'Stop' | 'StopFailure', payload: Record<string, unknown>, agent: string | undefined): void {
    if (agent !== undefined) return;
    this.#compacting = false;
    this.#expectedText = string(payload.last_assistant_message).trim();
    void this.pull();
    this.turns.settle(
      name === 'Stop' ? { reason: 'completed' } : { reason: 'failed', error: string(payload.error) },
    );
  }

  #toolDone(result: Parameters<Recorder['toolResult']>[0], input: unknown, place: Place): void {
    this.requests.toolDone(result.toolUseId, result.result);
    const fresh = this.recorder.state.tools[result.toolUseId]?.done !== true;
    this.recorder.toolResult(result, place);
    if (!fresh) return;
    const { state } = this.recorder;
    const tool = result.tool ?? state.tools[result.toolUseId]?.tool ?? '';
    const items = todosAfter(state.todos, tool, input, result.result);
    if (items && place.agent === undefined) this.recorder.emit('todo.update', { items }, place);
    const waits = Object.keys(state.requests).length > 0;
    if (state.status === 'waiting_for_input' && state.turn && !waits) this.turns.status('working');
  }

  #followAgent(agent: string | undefined): void {
    const { transcript } = this.recorder.state;
    if (agent === undefined || transcript === null) return;
    const folder = join(transcript.replace(/\.jsonl$/, ''), 'subagents');
    this.#transcripts.follow(agent, join(folder, `agent-${agent}.jsonl`));
  }

  async #endAgent(agent: string, path: string): Promise<void> {
    if (path !== '') this.#transcripts.follow(agent, path);
    await this.#transcripts.catchUp(agent);
    this.requests.ended(agent);
    this.#messages.close(agent, false);
    this.turns.check();
  }

  // --- the transcript

  #read(news: TranscriptNews, agent: string | undefined): void {
    const { state } = this.recorder;
    const place = { turn: this.turns.number, agent };
    switch (news.type) {
      case 'prompt':
        if (agent !== undefined) break;
        this.#linePrompt = news.promptId;
        if (news.promptId === undefined) break;
        if (state.prompts[news.promptId] === undefined) this.#prompted(news.text, news.promptId);
        else if (state.turn?.promptIds.length === 0) state.turn.promptIds.push(news.promptId);
        break;
      case 'command':
        this.recorder.emit('meta', { event: 'command', text: news.text.slice(0, COMMAND_MAX_CHARS) }, place);
        if (news.name === 'model') this.model.typed(news.text);
        if (news.name !== undefined) this.#options.onCommand?.(news.name);
        else this.model.printed(news.text, state.model);
        break;
      case 'interrupted':
        if (agent !== undefined || !this.#isOpenPrompt()) break;
        this.requests.cut();
        this.turns.finish({ reason: 'interrupted' });
        break;
      case 'turn-done':
        if (agent !== undefined || !this.#isOpenPrompt()) break;
        this.turns.finish({ reason: 'completed' });
        break;
      case 'result':
        this.#toolDone(news, undefined, {
          turn: state.tools[news.toolUseId]?.turn ?? place.turn,
          agent: state.tools[news.toolUseId]?.agent ?? agent,
        });
        break;
      case 'block':
        this.#messages.block(news, agent, this.#linePrompt === undefined);
        break;
      case 'title':
        this.titled(news.text);
        break;
      case 'mode':
        this.#mode(news.mode);
        break;
      default:
    }
  }

  /** Whether the line before belongs to the open turn: lines of an earlier one may be read late. */
  #isOpenPrompt(): boolean {
    const { turn } = this.recorder.state;
    if (!turn) return false;
    return (
      turn.promptIds.length === 0 ||
      (this.#linePrompt !== undefined && turn.promptIds.includes(this.#linePrompt))
    );
  }

  /** Nothing of the turn is missing: the last text is there, no stream is open, each tool has its answer. */
  #settled(): boolean {
    const { state } = this.recorder;
    const turn = state.turn?.number;
    if (this.#messages.streaming) return false;
    const pending = Object.values(state.tools).some(
      (it) => it.turn === turn && it.agent === undefined && it.done !== true,
    );
    return !pending && (this.#expectedText === '' || this.#messages.endsWith(this.#expectedText));
  }

  // --- the process

  /** What Claude Code tells its status line. */
  counted(data: FrameData<'context'>): void {
    const text = JSON.stringify(data);
    if (text === this.#context) return;
    this.#context = text;
    this.recorder.emit('context', data, { turn: this.turns.number });
  }

  titled(text: string): void {
    if (text === '' || text === this.recorder.state.title) return;
    this.recorder.emit('meta', { event: 'title', text: text.slice(0, HOOK_TEXT_MAX_CHARS) });
  }

  /** Hooks call `manual` by its older name. */
  #mode(mode: string): void {
    const name = mode === 'default' ? 'manual' : mode;
    if (name === '' || name === this.recorder.state.permissionMode) return;
    this.recorder.emit('meta', { event: 'mode', text: name }, { turn: this.turns.number });
  }

  /** Claude Code's own status file. */
  observed({ status, waitingFor, since }: { status: string; waitingFor: string; since: number }): void {
    const { state } = this.recorder;
    this.requests.observed(status, since);
    if (status === 'waiting' && state.turn && since > this.requests.closedAt)
      this.turns.status('waiting_for_input', waitingFor);
    else if (status === 'busy' && state.status === 'waiting_for_input' && state.turn) this.#resumed();
  }

  /** Idle by its own word for a while: what is still open has been missed. */
  missedEnd(): void {
    this.#compacting = false;
    if (this.recorder.state.turn) this.turns.finish({ reason: 'completed' });
    else if (this.recorder.state.status === 'working') this.#idle();
  }

  #resumed(): void {
    if (Object.keys(this.recorder.state.requests).length === 0) this.turns.status('working');
  }

  ended(reason: string, exitCode?: number): void {
    this.requests.gone();
    if (this.recorder.state.turn) this.turns.finish({ reason: 'lost' });
    const { status } = this.recorder.state;
    if (status === 'stopped' || status === 'failed') return;
    this.recorder.emit('stop', { scope: 'session', reason, ...(exitCode === undefined ? {} : { exitCode }) });
    this.turns.status('stopped', reason);
  }

  exited(code: number): void {
    this.ended(code === 0 ? 'exit' : `exit ${number(code)}`, code);
    if (code !== 0) this.turns.status('failed', `exit ${code}`);
  }

  close(): void {
    this.#transcripts.close();
    this.turns.close();
    this.recorder.close();
  }
}
