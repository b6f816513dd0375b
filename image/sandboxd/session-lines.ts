/** What the transcript says of a session: late, and all that Claude Code has kept. */
import type { Conversation } from './conversation';
import type { TranscriptNews } from './transcript-lines';

/** Of a command and of what it printed. */
const COMMAND_MAX_CHARS = 4096;

export class LineReader {
  readonly #conversation: Conversation;
  /** The prompt that the lines now read belong to. */
  #linePrompt: string | undefined;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  take(news: TranscriptNews, agent: string | undefined): void {
    const { state } = this.#conversation.recorder;
    const place = { turn: this.#conversation.turns.number, agent };
    switch (news.type) {
      case 'prompt':
        if (agent !== undefined) break;
        this.#linePrompt = news.promptId;
        if (news.promptId === undefined) break;
        if (state.prompts[news.promptId] === undefined) this.#conversation.prompted(news.text, news.promptId);
        else if (state.turn?.promptIds.length === 0) state.turn.promptIds.push(news.promptId);
        break;
      case 'command':
        this.#conversation.recorder.emit(
          'meta',
          { event: 'command', text: news.text.slice(0, COMMAND_MAX_CHARS) },
          place,
        );
        if (news.name === 'model') this.#conversation.model.typed(news.text);
        if (news.name !== undefined) this.#conversation.command(news.name);
        else this.#conversation.model.printed(news.text, state.model);
        break;
      case 'interrupted':
        if (agent !== undefined || !this.#isOpenPrompt()) break;
        this.#conversation.requests.cut();
        this.#conversation.turns.finish({ reason: 'interrupted' });
        break;
      case 'turn-done':
        if (agent !== undefined || !this.#isOpenPrompt()) break;
        this.#conversation.turns.finish({ reason: 'completed' });
        break;
      case 'result':
        this.#conversation.toolDone(news, undefined, {
          turn: state.tools[news.toolUseId]?.turn ?? place.turn,
          agent: state.tools[news.toolUseId]?.agent ?? agent,
        });
        break;
      case 'block':
        this.#conversation.messages.block(news, agent, this.#linePrompt === undefined);
        break;
      case 'title':
        this.#conversation.titled(news.text);
        break;
      case 'mode':
        this.#conversation.mode(news.mode);
        break;
      default:
    }
  }

  /** Whether the line before belongs to the open turn: lines of an earlier one may be read late. */
  #isOpenPrompt(): boolean {
    const { turn } = this.#conversation.recorder.state;
    if (!turn) return false;
    return (
      turn.promptIds.length === 0 ||
      (this.#linePrompt !== undefined && turn.promptIds.includes(this.#linePrompt))
    );
  }
}
