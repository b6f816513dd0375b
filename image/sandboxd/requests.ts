/**
 * What Claude asks a person: permissions and questions. Claude Code shows its dialog and keeps the PermissionRequest
 * hook open at the same time, so the answer may come from either side; states in shared/sandboxd-api.ts.
 */

import type { z } from 'zod';
import type { FrameData } from '../../shared/frames';
import type { sandboxdApi } from '../../shared/sandboxd-api';
import { HELD_MAX_MS } from '../../shared/sandboxd-limits';
import { randomUUID } from './builtins';
import { questionsOf } from './hook-events';
import { object, string } from './message-events';
import { type Place, type Recorder, shortened } from './recorder';
import type { OpenRequest } from './session-state';
import type { Turns } from './turns';

export type Decision = z.output<(typeof sandboxdApi)['answer']['input']>['decision'];

/** Tool calls that may still be asked about. */
const CALLS_MAX = 64;
/** Of an input, in a frame. */
const INPUT_MAX_CHARS = 64 * 1024;
/** A closed connection means the terminal, unless within this time Claude Code is seen to be gone. */
const CLOSED_GRACE_MS = 300;
/** Claude Code may say that it waits a moment before it asks us. */
const SINCE_SLACK_MS = 100;
const DENIED = 'The user does not want this.';

interface Held {
  input: Record<string, unknown>;
  /** Epoch ms, and whether Claude Code was seen to wait after that. */
  since: number;
  waited: boolean;
  /** Its connection is closed: nobody can be answered any more. */
  closed: boolean;
  answer(body: unknown): void;
}
interface Call {
  tool: string;
  id: string;
  agent: string | undefined;
  input: string;
}

export class Requests {
  readonly #recorder: Recorder;
  readonly #turns: Turns;
  readonly #held = new Map<string, Held>();
  #calls: Call[] = [];
  /** Escape was pressed by us: what closes now was not answered in the terminal. */
  #interrupted = false;
  #closedAt = 0;

  constructor(recorder: Recorder, turns: Turns) {
    this.#recorder = recorder;
    this.#turns = turns;
  }

  /** A tool is about to run: a request for it names no id. */
  called(payload: Record<string, unknown>, agent: string | undefined): void {
    const input = JSON.stringify(payload.tool_input);
    this.#calls.push({ tool: string(payload.tool_name), id: string(payload.tool_use_id), agent, input });
    if (this.#calls.length > CALLS_MAX) this.#calls.shift();
  }

  /** Resolves with what the hook is to be answered; undefined: no opinion. The signal is the hook's connection. */
  ask(payload: Record<string, unknown>, place: Place, signal: AbortSignal): Promise<unknown> {
    this.#interrupted = false;
    const tool = string(payload.tool_name);
    const input = object(payload.tool_input);
    const requestId = randomUUID();
    const toolUseId = this.#take(tool, JSON.stringify(payload.tool_input), place.agent);
    const known = toolUseId === undefined ? {} : { toolUseId };
    const questions = tool === 'AskUserQuestion' ? questionsOf(input) : null;
    const suggestions = payload.permission_suggestions;
    if (questions) this.#recorder.emit('ask.question', { requestId, ...known, questions }, place);
    else
      this.#recorder.emit(
        'permission.request',
        {
          ...{ requestId, ...known, tool, input: shortened(input, INPUT_MAX_CHARS).value },
          ...(suggestions === undefined ? {} : { suggestions }),
        },
        place,
      );
    this.#turns.status('waiting_for_input', questions ? 'question' : 'permission');
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#close(requestId, { by: 'gone' }), HELD_MAX_MS);
      const held: Held = {
        ...{ input, since: Date.now() - SINCE_SLACK_MS, waited: false, closed: false },
        answer: (body) => {
          clearTimeout(timer);
          resolve(body);
        },
      };
      this.#held.set(requestId, held);
      const closed = () => {
        held.closed = true;
        setTimeout(() => this.#close(requestId, this.#lost(held)), CLOSED_GRACE_MS);
      };
      if (signal.aborted) closed();
      else signal.addEventListener('abort', closed, { once: true });
    });
  }

  /** False: it is closed, or its connection is. */
  answer(requestId: string, decision: Decision): boolean {
    const held = this.#held.get(requestId);
    const open = this.#recorder.state.requests[requestId];
    if (!held || held.closed || !open) return false;
    // Claude Code passes over a question that is allowed and not answered, and its dialog stays.
    if (open.kind === 'question' && decision.behavior === 'allow' && !decision.answers) return false;
    const answers = decision.behavior === 'allow' ? decision.answers : undefined;
    const message = decision.behavior === 'deny' ? (decision.message ?? DENIED) : undefined;
    const body = hookAnswer(decision, held.input);
    this.#close(
      requestId,
      {
        ...{ by: 'answer', behavior: decision.behavior },
        ...(answers === undefined ? {} : { answers }),
        ...(message === undefined ? {} : { message }),
      },
      body,
    );
    return true;
  }

  /** The tool has run, or was refused: whoever allowed that, it was not the held hook. */
  toolDone(toolUseId: string, result: unknown): void {
    this.#calls = this.#calls.filter((it) => it.id !== toolUseId);
    const answers = answersOf(result);
    this.#each(
      (it) => it.toolUseId === toolUseId,
      () => ({
        by: this.#interrupted ? 'gone' : 'terminal',
        ...(answers ? { behavior: 'allow' as const, answers } : {}),
      }),
    );
  }

  /** When the last one was closed, epoch ms: Claude Code may say for a moment that it still waits for it. */
  get closedAt(): number {
    return this.#closedAt;
  }

  /** What Claude Code says of itself `since` then: it waited and does no more, so the terminal has answered. */
  observed(status: string, since: number): void {
    for (const held of this.#held.values()) {
      // What began after it was asked has been waited before, also when nobody looked in that moment.
      const slack = status === 'waiting' ? 0 : 2 * SINCE_SLACK_MS;
      if (since >= held.since + slack) held.waited = true;
    }
    if (status === 'waiting') return;
    this.#each(
      (_, held) => held?.waited === true && !held.closed,
      () => ({ by: 'terminal' }),
    );
  }

  /** Escape goes to the terminal. */
  interrupting(): void {
    this.#interrupted = true;
  }

  /** The transcript says that the turn was interrupted: by us, or by Escape in the terminal. */
  cut(): void {
    this.#each(
      (it) => it.agent === undefined,
      () => ({ by: this.#interrupted ? 'gone' : 'terminal' }),
    );
  }

  /** The main agent's turn is over, or with `agent` that one. */
  ended(agent: string | undefined): void {
    this.#each(
      (it) => it.agent === agent,
      (held) => this.#lost(held),
    );
  }

  /** Claude Code is gone, or those who held them before us. */
  gone(): void {
    this.#each(
      () => true,
      () => ({ by: 'gone' }),
    );
  }

  #lost(held: Held | undefined): { by: 'terminal' | 'gone' } {
    return { by: held?.closed && !this.#interrupted ? 'terminal' : 'gone' };
  }

  #each(
    which: (open: OpenRequest, held: Held | undefined) => boolean,
    how: (held: Held | undefined) => Omit<FrameData<'request.closed'>, 'requestId'>,
  ): void {
    for (const [requestId, open] of Object.entries(this.#recorder.state.requests)) {
      const held = this.#held.get(requestId);
      if (which(open, held)) this.#close(requestId, how(held));
    }
  }

  #close(requestId: string, how: Omit<FrameData<'request.closed'>, 'requestId'>, body?: unknown): void {
    const { state } = this.#recorder;
    const open = state.requests[requestId];
    const held = this.#held.get(requestId);
    this.#held.delete(requestId);
    this.#closedAt = Date.now();
    if (open) {
      const place = { turn: open.turn, agent: open.agent };
      this.#recorder.emit('request.closed', { requestId, ...how }, place);
      // What is not in the journal is closed all the same, or it would be closed again and again.
      delete state.requests[requestId];
      const waits = Object.keys(state.requests).length > 0 || how.by === 'gone';
      if (!waits && state.turn && state.status === 'waiting_for_input') this.#turns.status('working');
    }
    held?.answer(body);
  }

  #take(tool: string, input: string, agent: string | undefined): string | undefined {
    const same = (it: Call) => it.tool === tool && it.agent === agent;
    const exact = this.#calls.findIndex((it) => same(it) && it.input === input);
    const index = exact === -1 ? this.#calls.findIndex(same) : exact;
    return index === -1 ? undefined : this.#calls.splice(index, 1)[0]?.id;
  }
}

function hookAnswer(decision: Decision, input: Record<string, unknown>): unknown {
  const { behavior } = decision;
  const told =
    decision.behavior === 'deny'
      ? {
          ...{ behavior, message: decision.message ?? DENIED },
          ...(decision.interrupt === undefined ? {} : { interrupt: decision.interrupt }),
        }
      : {
          behavior,
          ...(decision.answers === undefined
            ? decision.updatedInput && { updatedInput: decision.updatedInput }
            : { updatedInput: { ...input, ...decision.updatedInput, answers: decision.answers } }),
          ...(decision.remember === undefined ? {} : { updatedPermissions: [decision.remember] }),
        };
  return { hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: told } };
}

/** What the terminal chose, as AskUserQuestion reports it. */
function answersOf(result: unknown): Record<string, string> | null {
  const entries = Object.entries(object(object(result).answers));
  if (entries.length === 0) return null;
  return Object.fromEntries(entries.map(([question, answer]) => [question, string(answer)]));
}
