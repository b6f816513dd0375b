/** What Claude Code's hooks say of a session. First with tools, prompts, questions and ends. */
import { join } from 'node:path';
import type { Conversation } from './conversation';
import { answerOf, type HookEvent } from './hook-events';
import { object, string } from './message-events';
import { type Place, shortened } from './recorder';
import type { Transcripts } from './transcripts';

/** Texts inside a hook's payload: the frames beside it hold them whole. */
const TEXT_MAX_CHARS = 1024;
const NEVER = new AbortController().signal;

export class HookReader {
  readonly #conversation: Conversation;
  readonly #transcripts: Transcripts;
  readonly #ended: (reason: string) => void;

  constructor(options: {
    conversation: Conversation;
    transcripts: Transcripts;
    /** Claude Code has ended. */
    ended: (reason: string) => void;
  }) {
    this.#conversation = options.conversation;
    this.#transcripts = options.transcripts;
    this.#ended = options.ended;
  }

  /** Resolves when the hook may be answered, with the answer's body; undefined: nothing to say. */
  async take({ name, payload }: HookEvent, signal: AbortSignal = NEVER): Promise<unknown> {
    // An interrupted turn's end stands in the transcript only: it has to be written before the next one begins.
    if (name === 'UserPromptSubmit' && this.#conversation.recorder.state.turn)
      await this.#transcripts.catchUp();
    const agent = string(payload.agent_id) || undefined;
    const place = { turn: this.#conversation.turns.number, agent };
    const shown = shortened(payload, TEXT_MAX_CHARS).value;
    this.#conversation.recorder.emit('hook', { event: name, payload: shown }, place);
    this.#conversation.mode(string(payload.permission_mode));
    const answer = this.#hooked({ name, payload }, place, signal);
    this.#conversation.turns.check();
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
        this.#conversation.compacting = false;
        return this.#conversation.prompted(string(payload.prompt), string(payload.prompt_id) || undefined);
      case 'UserPromptExpansion':
        return this.#conversation.command(string(payload.command_name));
      case 'PreToolUse': {
        const { tool_use_id: id, tool_name: tool, tool_input: input } = payload;
        this.#conversation.recorder.toolStart({ toolUseId: string(id), tool: string(tool), input }, place);
        return this.#conversation.requests.called(payload, agent);
      }
      case 'PermissionRequest':
        return this.#conversation.requests.ask(payload, place, signal);
      case 'PostToolUse':
      case 'PostToolUseFailure':
        return this.#conversation.toolDone(answerOf(name, payload), payload.tool_input, place);
      case 'PostToolBatch':
        for (const call of Array.isArray(payload.tool_calls) ? payload.tool_calls : [])
          this.#conversation.requests.toolDone(string(object(call).tool_use_id), undefined);
        return undefined;
      case 'Stop':
      case 'StopFailure':
        return this.#stopped(name, payload, agent);
      case 'SubagentStart':
        return this.#followAgent(agent);
      case 'SubagentStop':
        return agent === undefined ? undefined : this.#endAgent(agent, string(payload.agent_transcript_path));
      case 'PreCompact':
        this.#conversation.command('compact');
        return this.#compact(true);
      case 'PostCompact':
        return this.#compact(false);
      case 'PreModelSwitch':
        this.#conversation.command('model');
        return this.#conversation.model.asked();
      case 'PostModelSwitch':
        this.#conversation.recorder.emit('meta', { event: 'model', model: string(payload.to_model) });
        return this.#conversation.model.switched(payload);
      default:
        return undefined;
    }
  }

  #started(payload: Record<string, unknown>): void {
    const source = string(payload.source);
    this.#conversation.compacting = false;
    const transcript = string(payload.transcript_path);
    const model = string(payload.model);
    const { turn } = this.#conversation.recorder.state;
    // A new process: whatever ran in the one before ran to no end. A compaction happens within a turn.
    if (turn && source !== 'compact')
      this.#conversation.turns.finish({ reason: source === 'clear' ? 'superseded' : 'lost' });
    if (source !== 'compact') this.#conversation.requests.gone();
    if (source === 'clear') this.#conversation.command('clear');
    this.#conversation.recorder.emit(
      'meta',
      {
        event: source === 'clear' ? 'session.clear' : source === 'compact' ? 'compact' : 'session.start',
        ...{ source, claudeSessionId: string(payload.session_id) },
        ...(transcript === '' ? {} : { transcript }),
        ...(model === '' ? {} : { model }),
      },
      { turn: this.#conversation.turns.number },
    );
    if (transcript !== '') this.#transcripts.follow(undefined, transcript);
    this.#conversation.idle();
  }

  /** `clear` and `resume` (another conversation was chosen) go on in the same process. */
  #sessionEnded(reason: string): void {
    if (reason !== 'clear' && reason !== 'resume') this.#ended(reason);
    else if (this.#conversation.recorder.state.turn)
      this.#conversation.turns.finish({ reason: 'superseded' });
  }

  /** By a command outside of a turn, or within one when the context is full. */
  #compact(running: boolean): void {
    this.#conversation.compacting = running;
    if (running && !this.#conversation.recorder.state.turn)
      this.#conversation.turns.status('working', 'compacting');
    if (!running) this.#conversation.idle();
  }

  #stopped(name: 'Stop' | 'StopFailure', payload: Record<string, unknown>, agent: string | undefined): void {
    if (agent !== undefined) return;
    this.#conversation.compacting = false;
    this.#conversation.expectedText = string(payload.last_assistant_message).trim();
    void this.#transcripts.pull();
    this.#conversation.turns.settle(
      name === 'Stop' ? { reason: 'completed' } : { reason: 'failed', error: string(payload.error) },
    );
  }

  #followAgent(agent: string | undefined): void {
    const { transcript } = this.#conversation.recorder.state;
    if (agent === undefined || transcript === null) return;
    const folder = join(transcript.replace(/\.jsonl$/, ''), 'subagents');
    this.#transcripts.follow(agent, join(folder, `agent-${agent}.jsonl`));
  }

  async #endAgent(agent: string, path: string): Promise<void> {
    if (path !== '') this.#transcripts.follow(agent, path);
    await this.#transcripts.catchUp(agent);
    this.#conversation.requests.ended(agent);
    this.#conversation.messages.close(agent, false);
    this.#conversation.turns.check();
  }
}
