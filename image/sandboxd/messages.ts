/** The assistant's messages of one session: told by the API's stream first and by the transcript in the end. */
import { type MessageEvent, object, string, usageOf } from './message-events';
import type { BlockPiece, Place, Recorder } from './recorder';
import type { TranscriptNews } from './transcript-lines';
import type { Turns } from './turns';

/** Enough to recognise the last message of a turn. */
const LAST_TEXT_MAX_CHARS = 64 * 1024;

/** One answer that the API streams. */
export interface Live {
  /** A title, a probe, a summary: no part of the conversation. */
  readonly side: boolean;
  readonly agent: string | undefined;
  place: Place;
  id: string | null;
  /** Its turn is over, or a newer answer came: what it may still say is not written. */
  dead?: boolean;
}

interface Counted {
  model: string;
  usage: Record<string, unknown>;
  stopReason?: string | undefined;
}

export class Messages {
  readonly #recorder: Recorder;
  readonly #turns: () => Turns;
  /** By message id, what the API streams just now. */
  readonly #live = new Map<string, Live>();
  /** What the transcript says of a message's usage, until it is written. */
  readonly #counted = new Map<string, Counted>();
  /** Lines of older versions do not number their blocks. */
  readonly #blocks = new Map<string, number>();
  #lastText = { messageId: '', text: '' };

  constructor(recorder: Recorder, turns: () => Turns) {
    this.#recorder = recorder;
    this.#turns = turns;
  }

  /** The main agent's last message ends so. */
  endsWith(text: string): boolean {
    return this.#lastText.text.trim().endsWith(text.slice(-1024));
  }

  /** The main agent is being answered. */
  get streaming(): boolean {
    return [...this.#live.values()].some((it) => it.agent === undefined && !it.dead);
  }

  streamed(live: Live, event: MessageEvent): void {
    if (live.dead) return;
    const { agent, side } = live;
    const turns = this.#turns();
    if (event.type === 'start') {
      live.id = event.messageId;
      if (side) return;
      // An answer that was cut and is asked for again: the new one is all that counts.
      this.close(agent, true);
      live.place = { turn: agent === undefined ? turns.begin() : turns.number, agent };
      this.#live.set(event.messageId, live);
      if (agent === undefined) turns.status('working');
    } else if (event.type === 'end') {
      const usage = { messageId: event.messageId, ...event.usage, purpose: side ? 'side' : 'turn' } as const;
      this.#recorder.usage(usage, live.place);
    } else if (side) {
      // Titles and summaries are no part of the conversation.
    } else if (event.type === 'piece') {
      const { type: _, ...piece } = event;
      this.#piece(piece, live.place);
    } else if (event.type === 'tool') {
      const { type: _, ...tool } = event;
      this.#recorder.toolStart(tool, live.place);
    }
  }

  streamEnded(live: Live): void {
    if (live.id !== null) this.#live.delete(live.id);
  }

  /** A block as the transcript has it. `orphan`: it belongs to no prompt that was read. */
  block(news: Extract<TranscriptNews, { type: 'block' }>, agent: string | undefined, orphan: boolean): void {
    const { state } = this.#recorder;
    const turns = this.#turns();
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
    if (agent === undefined && !known && !state.turn && orphan) turns.begin();
    const place = known ? { turn: known.turn, agent: known.agent } : { turn: turns.number, agent };
    const text = string(content.type === 'thinking' ? content.thinking : content.text);
    if (content.type === 'text' || content.type === 'thinking') {
      if (text !== '') this.#piece({ messageId, block: index, channel: content.type, at: 0, text }, place);
    } else if (content.type === 'tool_use') {
      const { id, name, input } = content;
      this.#recorder.toolStart({ toolUseId: string(id), tool: string(name), input, messageId }, place);
    }
  }

  /** Ends what is unended of an agent's messages: kept ones with their usage, cut ones as discarded. */
  close(agent: string | undefined, discard: boolean): void {
    if (discard) for (const live of this.#live.values()) if (live.agent === agent) live.dead = true;
    for (const id of [...this.#counted.keys()]) {
      if (this.#recorder.state.messages[id]?.agent === agent) this.#writeUsage(id);
    }
    if (discard) this.#recorder.discardUnended(agent, () => false);
  }

  #piece(piece: BlockPiece, place: Place): void {
    this.#recorder.block(piece, place);
    if (piece.channel !== 'text' || place.agent !== undefined) return;
    const last = this.#lastText;
    if (last.messageId !== piece.messageId) this.#lastText = { messageId: piece.messageId, text: piece.text };
    else if (piece.at >= last.text.length || piece.at === 0)
      last.text = (last.text + piece.text).slice(-LAST_TEXT_MAX_CHARS);
  }

  #writeUsage(messageId: string): void {
    const counted = this.#counted.get(messageId);
    const live = this.#live.get(messageId);
    // The stream will say it better, unless it is to say no more.
    if (!counted || (live && !live.dead)) return;
    this.#counted.delete(messageId);
    const { turn, agent } = this.#recorder.state.messages[messageId] ?? {};
    const usage = usageOf(object(counted.usage), counted.model, counted.stopReason);
    this.#recorder.usage({ messageId, ...usage, purpose: 'turn' }, { turn, agent });
  }
}
