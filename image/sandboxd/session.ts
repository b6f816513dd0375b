/**
 * One session: brings together what the API's stream, the hooks, the transcript and Claude Code's own status file say,
 * and has each piece of it written once. The stream is first with text, hooks with tools, the transcript has all of it.
 */
import { join } from 'node:path';
import type { FrameData } from '../../shared/frames';
import type { Exchange, ExchangeSink } from './api-observer';
import { Conversation, type ConversationOptions } from './conversation';
import { ExchangeStore } from './exchange-store';
import { recordExchange } from './exchanges';
import type { HookEvent } from './hook-events';
import { number } from './message-events';
import type { Live } from './messages';
import type { ModelSwitch } from './model-switch';
import type { Recorder } from './recorder';
import type { Requests } from './requests';
import { HookReader } from './session-hooks';
import { LineReader } from './session-lines';
import { Transcripts } from './transcripts';
import type { Turns } from './turns';

export interface SessionOptions extends ConversationOptions {
  log: (message: string, fields?: Record<string, unknown>) => void;
}

export class Session {
  readonly id: string;
  readonly recorder: Recorder;
  readonly turns: Turns;
  readonly requests: Requests;
  readonly model: ModelSwitch;
  readonly exchanges: ExchangeStore;
  readonly #conversation: Conversation;
  readonly #transcripts: Transcripts;
  readonly #hooks: HookReader;
  #context = '';

  constructor(options: SessionOptions) {
    this.id = options.id;
    const conversation = new Conversation(options);
    this.#conversation = conversation;
    this.recorder = conversation.recorder;
    this.turns = conversation.turns;
    this.requests = conversation.requests;
    this.model = conversation.model;
    this.exchanges = new ExchangeStore(join(options.folder, 'exchanges'));
    const lines = new LineReader(conversation);
    this.#transcripts = new Transcripts(this.recorder, {
      read: (news, agent) => lines.take(news, agent),
      done: () => this.turns.check(),
      onError: (error) => options.log('transcript', { session: this.id, error: String(error) }),
    });
    this.#hooks = new HookReader({
      ...{ conversation, transcripts: this.#transcripts },
      ended: (reason) => this.ended(reason),
    });
  }

  /** Claude Code's session ids that are ours: the one it was started with, and the one after /clear. */
  knows(claudeId: string): boolean {
    return claudeId === (this.recorder.state.claudeId ?? this.id);
  }

  /** At its prompt: something may be typed. */
  get ready(): boolean {
    return this.#conversation.ready;
  }

  pull(): Promise<void> {
    return this.#transcripts.pull();
  }

  /** `foreign`: not of our Claude Code, only recorded. */
  open(exchange: Exchange, foreign = false): ExchangeSink {
    const { agent } = exchange;
    let live: Live | null = null;
    return recordExchange(exchange, {
      store: this.exchanges,
      recorder: this.recorder,
      place: { turn: this.turns.number, agent },
      isSide: (tools) => !tools || (this.#conversation.compacting && agent === undefined),
      started: (side) => {
        if (!foreign) live = { side, agent, place: {}, id: null };
      },
      message: (event) => live && this.#conversation.messages.streamed(live, event),
      ended: () => {
        if (live) this.#conversation.messages.streamEnded(live);
        this.turns.check();
      },
    });
  }

  /** Resolves when the hook may be answered, with the answer's body; undefined: nothing to say. */
  hook(event: HookEvent, signal?: AbortSignal): Promise<unknown> {
    return this.#hooks.take(event, signal);
  }

  /** What Claude Code tells its status line. */
  counted(data: FrameData<'context'>): void {
    const text = JSON.stringify(data);
    if (text === this.#context) return;
    this.#context = text;
    this.recorder.emit('context', data, { turn: this.turns.number });
  }

  titled(text: string): void {
    this.#conversation.titled(text);
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
    this.#conversation.compacting = false;
    if (this.recorder.state.turn) this.turns.finish({ reason: 'completed' });
    else if (this.recorder.state.status === 'working') this.#conversation.idle();
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
