/**
 * The conversation of one session as all sources tell it: what hooks and the transcript both know of (prompts, tools,
 * modes) is done here, so that it is written once whoever is first.
 */
import { Messages } from './messages';
import { ModelSwitch } from './model-switch';
import { type Place, Recorder, shortened } from './recorder';
import { Requests } from './requests';
import { todosAfter } from './todos';
import { plainPrompt } from './transcript-lines';
import { Turns } from './turns';

const PROMPT_MAX_CHARS = 256 * 1024;
const TITLE_MAX_CHARS = 1024;

export interface ConversationOptions {
  id: string;
  folder: string;
  /** No turn runs and Claude waits at its prompt. */
  onIdle: () => void;
  /** Claude took a prompt, with this text. */
  onPrompt: (text: string) => string | undefined;
  /** Claude took a slash command of this name (without the slash). */
  onCommand?: (name: string) => void;
}

export class Conversation {
  readonly recorder: Recorder;
  readonly messages: Messages;
  readonly turns: Turns;
  readonly requests: Requests;
  readonly model = new ModelSwitch();
  compacting = false;
  /** By Stop: how the turn's last text ends. */
  expectedText = '';
  readonly #options: ConversationOptions;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.recorder = new Recorder({ session: options.id, folder: options.folder });
    this.messages = new Messages(this.recorder, () => this.turns);
    this.turns = new Turns(this.recorder, {
      settled: () => this.#settled(),
      beforeStop: () => {
        this.requests.ended(undefined);
        this.messages.close(undefined, true);
      },
      idle: () => options.onIdle(),
    });
    this.requests = new Requests(this.recorder, this.turns);
    this.requests.gone();
  }

  /** At its prompt: something may be typed. */
  get ready(): boolean {
    const { status, turn } = this.recorder.state;
    return status === 'idle' && turn === null && !this.compacting && !this.model.running;
  }

  command(name: string): void {
    this.#options.onCommand?.(name);
  }

  idle(): void {
    if (this.recorder.state.turn) return;
    this.turns.status('idle');
    this.#options.onIdle();
  }

  prompted(text: string, promptId: string | undefined): void {
    if (promptId !== undefined && this.recorder.state.prompts[promptId] !== undefined) return;
    const running = this.recorder.state.turn !== null && !this.turns.settling;
    const turn = this.turns.begin();
    const plain = plainPrompt(text);
    const command = /^\/(\S+)/.exec(plain)?.[1];
    if (command !== undefined) this.command(command);
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
    this.expectedText = '';
  }

  toolDone(result: Parameters<Recorder['toolResult']>[0], input: unknown, place: Place): void {
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

  titled(text: string): void {
    if (text === '' || text === this.recorder.state.title) return;
    this.recorder.emit('meta', { event: 'title', text: text.slice(0, TITLE_MAX_CHARS) });
  }

  /** Hooks call `manual` by its older name. */
  mode(mode: string): void {
    const name = mode === 'default' ? 'manual' : mode;
    if (name === '' || name === this.recorder.state.permissionMode) return;
    this.recorder.emit('meta', { event: 'mode', text: name }, { turn: this.turns.number });
  }

  /** Nothing of the turn is missing: the last text is there, no stream is open, each tool has its answer. */
  #settled(): boolean {
    const { state } = this.recorder;
    const turn = state.turn?.number;
    if (this.messages.streaming) return false;
    const pending = Object.values(state.tools).some(
      (it) => it.turn === turn && it.agent === undefined && it.done !== true,
    );
    return !pending && (this.expectedText === '' || this.messages.endsWith(this.expectedText));
  }
}
