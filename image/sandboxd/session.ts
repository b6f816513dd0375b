/**
 * One session: brings together what the API's stream, the hooks, the transcript and Claude Code's own status file say,
 * and has each piece of it written once. The stream is first with text, hooks with tools, the transcript has all of it.
 */
import { join } from 'node:path';
import type { Exchange, ExchangeSink } from './api-observer';
import { answerOf, type HookEvent, questionsOf } from './hook-events';
import { type MessageEvent, number, object, string, usageOf } from './message-events';
import { type Place, Recorder, shortened } from './recorder';
import { todosAfter } from './todos';
import { plainPrompt, readTranscriptLine, type TranscriptNews } from './transcript-lines';
import { type LineTail, tailLines } from './transcript-tail';
import { Turns } from './turns';

/** Texts inside a hook's payload: the frames beside it hold them whole. */
const HOOK_TEXT_MAX_CHARS = 1024;
/** Enough to recognise the last message of a turn. */
const LAST_TEXT_MAX_CHARS = 64 * 1024;
/** A hook may be held this long while the transcript is read up to it. */
const CATCH_UP_MS = 250;

export interface SessionOptions {
  id: string;
  folder: string;
  log: (message: string, fields?: Record<string, unknown>) => void;
  /** No turn runs and Claude waits at its prompt. */
  onIdle: () => void;
  /** Claude took a prompt, with this text. */
  onPrompt: (text: string) => string | undefined;
}

export class Session {
  readonly id: string;
  readonly recorder: Recorder;
  readonly turns: Turns;
  readonly #options: SessionOptions;
  /** By agent; '' is the main one. */
  readonly #tails = new Map<string, { path: string; tail: LineTail }>();
  /** Message ids that the API streams just now. */
  readonly #live = new Map<string, Live>();
  /** What the transcript says of a message's usage, until it is written. */
  readonly #counted = new Map<
    string,
    { model: string; usage: Record<string, unknown>; stopReason?: string | undefined }
  >();
  readonly #blocks = new Map<string, number>();
  #lastText = { messageId: '', text: '' };
  #expectedText = '';
  #linePrompt: string | undefined;
  #compacting = false;
  #askedTool: { tool: string; id: string } | null = null;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.#options = options;
    this.recorder = new Recorder({ session: options.id, folder: options.folder });
    this.turns = new Turns(this.recorder, {
      settled: () => this.#settled(),
      beforeStop: () => this.#closeMessages(undefined, true),
      idle: () => options.onIdle(),
    });
    const { transcript } = this.recorder.state;
    if (transcript !== null) this.#follow('', transcript);
  }

  /** Claude Code's session ids that are ours: the one it was started with, and the one after /clear. */
  knows(claudeId: string): boolean {
    return claudeId === (this.recorder.state.claudeId ?? this.id);
  }

  // --- the API's stream

  open(exchange: Exchange): ExchangeSink {
    const live: Live = {
      side: !exchange.tools || this.#compacting,
      agent: exchange.agent,
      place: {},
      id: null,
    };
    return {
      event: (event) => {
        if (!live.dead) this.#streamed(live, event);
      },
      end: () => {
        if (live.id !== null) this.#live.delete(live.id);
        this.turns.check();
      },
    };
  }

  #streamed(live: Live, event: MessageEvent): void {
    const { agent, side } = live;
    if (event.type === 'start') {
      live.id = event.messageId;
      if (side) return;
      // An answer that was cut and is asked for again: the new one is all that counts.
      this.#closeMessages(agent, true);
      live.place = { turn: agent === undefined ? this.turns.begin() : this.turns.number, agent };
      this.#live.set(event.messageId, live);
      if (agent === undefined) this.turns.status('working');
    } else if (event.type === 'end') {
      this.recorder.usage(
        { messageId: event.messageId, ...event.usage, purpose: side ? 'side' : 'turn' },
        live.place,
      );
    } else if (side) {
      // Titles and summaries are no part of the conversation.
    } else if (event.type === 'piece') {
      const { type: _, ...piece } = event;
      this.#piece(piece, live.place);
    } else if (event.type === 'tool') {
      this.recorder.toolStart(event, live.place);
    }
  }

  #piece(piece: Parameters<Recorder['block']>[0], place: Place): void {
    this.recorder.block(piece, place);
    if (piece.channel !== 'text' || place.agent !== undefined) return;
    const last = this.#lastText;
    if (last.messageId !== piece.messageId) this.#lastText = { messageId: piece.messageId, text: piece.text };
    else if (piece.at >= last.text.length || piece.at === 0)
      last.text = (last.text + piece.text).slice(-LAST_TEXT_MAX_CHARS);
  }

  // --- hooks

  /** Resolves when the hook may be answered. */
  async hook(event: HookEvent): Promise<void> {
    const { name, payload } = event;
    if (name === 'UserPromptSubmit' && this.recorder.state.turn) {
      // An interrupted turn's end stands in the transcript only: it has to be written before the next one begins.
      await Promise.race([this.pull(), new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS).unref())]);
    }
    const agent = string(payload.agent_id) || undefined;
    const place = { turn: this.turns.number, agent };
    this.recorder.emit(
      'hook',
      { event: name, payload: shortened(payload, HOOK_TEXT_MAX_CHARS).value },
      place,
    );
    switch (name) {
      case 'SessionStart':
        this.#started(payload);
        break;
      case 'SessionEnd':
        if (payload.reason !== 'clear') this.ended(string(payload.reason) || 'other');
        else if (this.recorder.state.turn) this.turns.finish({ reason: 'superseded' });
        break;
      case 'UserPromptSubmit':
        this.#prompted(string(payload.prompt), string(payload.prompt_id) || undefined);
        break;
      case 'PreToolUse':
        this.recorder.toolStart(
          {
            toolUseId: string(payload.tool_use_id),
            tool: string(payload.tool_name),
            input: payload.tool_input,
          },
          place,
        );
        this.#askedTool = { tool: string(payload.tool_name), id: string(payload.tool_use_id) };
        break;
      case 'PermissionRequest':
        this.#asked(payload, place);
        break;
      case 'PostToolUse':
      case 'PostToolUseFailure':
        this.#toolDone(answerOf(name, payload), payload.tool_input, place);
        break;
      case 'Stop':
      case 'StopFailure':
        if (agent !== undefined) break;
        this.#expectedText = string(payload.last_assistant_message).trim();
        void this.pull();
        this.turns.settle(
          name === 'Stop' ? { reason: 'completed' } : { reason: 'failed', error: string(payload.error) },
        );
        break;
      case 'SubagentStart': {
        const { transcript } = this.recorder.state;
        if (agent !== undefined && transcript !== null)
          this.#follow(agent, join(transcript.replace(/\.jsonl$/, ''), 'subagents', `agent-${agent}.jsonl`));
        break;
      }
      case 'SubagentStop':
        if (agent !== undefined) await this.#endAgent(agent, string(payload.agent_transcript_path));
        break;
      case 'PreCompact':
        this.#compacting = true;
        break;
      case 'PostCompact':
        this.#compacting = false;
        break;
      case 'PostModelSwitch':
        this.recorder.emit('meta', { event: 'model', model: string(payload.to_model) });
        break;
      default:
    }
    this.turns.check();
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
    this.recorder.emit(
      'meta',
      {
        event: source === 'clear' ? 'session.clear' : source === 'compact' ? 'compact' : 'session.start',
        source,
        claudeSessionId: string(payload.session_id),
        ...(transcript === '' ? {} : { transcript }),
        ...(model === '' ? {} : { model }),
      },
      { turn: this.turns.number },
    );
    if (transcript !== '') this.#follow('', transcript);
    if (!this.recorder.state.turn) {
      this.turns.status('idle');
      this.#options.onIdle();
    }
  }

  #prompted(text: string, promptId: string | undefined): void {
    if (promptId !== undefined && this.recorder.state.prompts[promptId] !== undefined) return;
    const running = this.recorder.state.turn !== null && !this.turns.settling;
    const turn = this.turns.begin();
    const plain = plainPrompt(text);
    const queueId = this.#options.onPrompt(plain);
    const shown = shortened(plain, 256 * 1024);
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

  #asked(payload: Record<string, unknown>, place: Place): void {
    const tool = string(payload.tool_name);
    const requestId = this.recorder.newRequestId();
    const toolUseId = this.#askedTool?.tool === tool ? { toolUseId: this.#askedTool.id } : {};
    const questions = tool === 'AskUserQuestion' ? questionsOf(payload.tool_input) : null;
    if (questions) this.recorder.emit('ask.question', { requestId, ...toolUseId, questions }, place);
    else {
      const suggestions = payload.permission_suggestions;
      this.recorder.emit(
        'permission.request',
        {
          requestId,
          ...toolUseId,
          tool,
          input: shortened(payload.tool_input, 64 * 1024).value,
          ...(suggestions === undefined ? {} : { suggestions }),
        },
        place,
      );
    }
    this.turns.status('waiting_for_input', questions ? 'question' : 'permission');
  }

  #toolDone(result: Parameters<Recorder['toolResult']>[0], input: unknown, place: Place): void {
    const fresh = this.recorder.state.tools[result.toolUseId]?.done !== true;
    this.recorder.toolResult(result, place);
    if (!fresh) return;
    const tool = result.tool ?? this.recorder.state.tools[result.toolUseId]?.tool ?? '';
    const items = todosAfter(this.recorder.state.todos, tool, input, result.result);
    if (items && place.agent === undefined) this.recorder.emit('todo.update', { items }, place);
    if (this.recorder.state.status === 'waiting_for_input' && this.recorder.state.turn)
      this.turns.status('working');
  }

  // --- the transcript

  /** Reads all that the transcripts hold now. */
  async pull(): Promise<void> {
    await Promise.all([...this.#tails.values()].map((it) => it.tail.pull()));
  }

  #follow(agent: string, path: string): void {
    const present = this.#tails.get(agent);
    if (present?.path === path) return void present.tail.pull();
    // What the old one still holds has been written before /clear was answered.
    if (present) void present.tail.pull().then(() => present.tail.close());
    const { offsets } = this.recorder;
    const tail = tailLines({
      path,
      offset: offsets[path] ?? 0,
      take: (line, offset) => {
        for (const news of readTranscriptLine(line)) this.#read(news, agent || undefined);
        offsets[path] = offset;
        this.turns.check();
      },
      onError: (error) => this.#options.log('transcript', { session: this.id, error: String(error) }),
    });
    this.#tails.set(agent, { path, tail });
    void tail.pull();
  }

  async #endAgent(agent: string, path: string): Promise<void> {
    if (path !== '') this.#follow(agent, path);
    const entry = this.#tails.get(agent);
    await Promise.race([
      entry?.tail.pull(),
      new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS).unref()),
    ]);
    this.#closeMessages(agent, false);
  }

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
        this.recorder.emit('meta', { event: 'command', text: news.text.slice(0, 4096) }, place);
        break;
      case 'interrupted':
        if (agent === undefined && this.#isOpenPrompt()) this.turns.finish({ reason: 'interrupted' });
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
        this.#readBlock(news, agent);
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

  #readBlock(news: Extract<TranscriptNews, { type: 'block' }>, agent: string | undefined): void {
    const { state } = this.recorder;
    const { messageId, content } = news;
    const known = state.messages[messageId];
    if (known?.ended !== true) {
      for (const other of this.#counted.keys()) if (other !== messageId) this.#writeUsage(other);
      // Claude Code's own error messages come from no model.
      if (news.model !== '<synthetic>')
        this.#counted.set(messageId, { model: news.model, usage: news.usage, stopReason: news.stopReason });
    }
    const index = news.block ?? this.#blocks.get(messageId) ?? 0;
    if (news.block === undefined) this.#blocks.set(messageId, index + 1);
    const missedStart = agent === undefined && !known && !state.turn && this.#linePrompt === undefined;
    if (missedStart) this.turns.begin();
    const place = known ? { turn: known.turn, agent: known.agent } : { turn: this.turns.number, agent };
    const text = string(content.type === 'thinking' ? content.thinking : content.text);
    if (content.type === 'text' || content.type === 'thinking') {
      if (text !== '') this.#piece({ messageId, block: index, channel: content.type, at: 0, text }, place);
    } else if (content.type === 'tool_use') {
      const tool = {
        toolUseId: string(content.id),
        tool: string(content.name),
        input: content.input,
        messageId,
      };
      this.recorder.toolStart(tool, place);
    }
  }

  /** Ends what is unended of an agent's messages: kept ones with their usage, cut ones as discarded. */
  #closeMessages(agent: string | undefined, discard: boolean): void {
    if (discard) for (const live of this.#live.values()) if (live.agent === agent) live.dead = true;
    for (const id of [...this.#counted.keys()]) {
      if (this.recorder.state.messages[id]?.agent === agent) this.#writeUsage(id);
    }
    if (discard) this.recorder.discardUnended(agent, () => false);
  }

  #writeUsage(messageId: string): void {
    const counted = this.#counted.get(messageId);
    const live = this.#live.get(messageId);
    // The stream will say it better, unless it is to say no more.
    if (!counted || (live && !live.dead)) return;
    this.#counted.delete(messageId);
    const { turn, agent } = this.recorder.state.messages[messageId] ?? {};
    const usage = usageOf(object(counted.usage), counted.model, counted.stopReason);
    this.recorder.usage({ messageId, ...usage, purpose: 'turn' }, { turn, agent });
  }

  /** Nothing of the turn is missing: the last text is there, no stream is open, each tool has its answer. */
  #settled(): boolean {
    const { state } = this.recorder;
    const turn = state.turn?.number;
    if ([...this.#live.values()].some((it) => it.agent === undefined && !it.dead)) return false;
    const pending = Object.values(state.tools).some(
      (it) => it.turn === turn && it.agent === undefined && it.done !== true,
    );
    if (pending) return false;
    return this.#expectedText === '' || this.#lastText.text.trim().endsWith(this.#expectedText.slice(-1024));
  }

  // --- the process

  /** Claude Code's own status file. */
  observed(status: string, waitingFor: string): void {
    const { state } = this.recorder;
    if (status === 'waiting' && state.turn) this.turns.status('waiting_for_input', waitingFor);
    else if (status === 'busy' && state.status === 'waiting_for_input' && state.turn)
      this.turns.status('working');
  }

  ended(reason: string, exitCode?: number): void {
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
    for (const { tail } of this.#tails.values()) tail.close();
    this.turns.close();
    this.recorder.close();
  }
}

interface Live {
  readonly side: boolean;
  readonly agent: string | undefined;
  place: Place;
  id: string | null;
  /** Its turn is over, or a newer answer came: what it may still say is not written. */
  dead?: boolean;
}
