/** What is kept of a turn when it has ended: a fold over its frames, and the file that the ends of all turns stand in. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Frame } from '../../shared/frames';
import type { TurnSummary } from '../../shared/sandboxd-api';
import { PREVIEW_MAX_CHARS } from '../../shared/sandboxd-limits';
import { addTokens, costOf, type SessionState, type Tokens } from './session-state';

/** Of the prompt, in a summary. */
const PROMPT_MAX_CHARS = 500;

export interface OpenTurn {
  number: number;
  startedAt: number;
  /** Claude Code's prompt ids that it serves: more than one when something was typed meanwhile. */
  promptIds: string[];
  firstSeq: number;
  prompt: string;
  model: string | null;
  tokens: Tokens;
  /** Time that a person was waited for, ms; `waitingSince` while it is so. */
  waitedMs: number;
  waitingSince: number | null;
}

export function beginTurn(state: SessionState, frame: Frame): void {
  const { turn: number = 0, seq } = frame;
  const startedAt = Date.parse(frame.ts);
  state.turns = number;
  state.preview = '';
  state.turn = {
    ...{ number, startedAt, promptIds: [], firstSeq: seq, prompt: '', model: null },
    ...{ tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }, waitedMs: 0, waitingSince: null },
  };
}

/** What a frame adds to the open turn and to the last text. */
export function noteTurn(state: SessionState, frame: Frame): void {
  const { turn } = state;
  if (frame.kind === 'text.delta' && frame.agent === undefined) {
    if (frame.data.role === 'assistant') {
      const before = frame.data.offset === 0 ? '' : state.preview;
      state.preview = (before + frame.data.text).slice(-PREVIEW_MAX_CHARS);
    } else if (turn && turn.prompt === '' && frame.turn === turn.number) {
      turn.prompt = frame.data.text.slice(0, PROMPT_MAX_CHARS);
    }
  }
  if (!turn || frame.turn !== turn.number) return;
  if (frame.kind === 'usage') {
    addTokens(turn.tokens, frame.data);
    if (frame.data.purpose === 'turn' && frame.agent === undefined) turn.model = frame.data.model;
  } else if (frame.kind === 'status') {
    const at = Date.parse(frame.ts);
    if (turn.waitingSince !== null) turn.waitedMs += Math.max(0, at - turn.waitingSince);
    turn.waitingSince = frame.data.state === 'waiting_for_input' ? at : null;
  }
}

export function endTurn(state: SessionState, frame: Frame & { kind: 'stop' }): void {
  const { turn } = state;
  state.turn = null;
  if (!turn || frame.data.scope !== 'turn') return;
  const at = Date.parse(frame.ts);
  const waited = turn.waitedMs + (turn.waitingSince === null ? 0 : Math.max(0, at - turn.waitingSince));
  state.summary = {
    turn: turn.number,
    startedAt: new Date(turn.startedAt).toISOString(),
    endedAt: frame.ts,
    reason: frame.data.reason,
    error: frame.data.error ?? null,
    workMs: Math.max(0, at - turn.startedAt - waited),
    model: turn.model,
    tokens: turn.tokens,
    costUsd: null,
    prompt: turn.prompt,
    preview: state.preview,
    firstSeq: turn.firstSeq,
    lastSeq: frame.seq,
  };
}

/** `turns.jsonl`: one summary a line, oldest first. */
export class TurnFile {
  readonly #path: string;
  /** Of the newest line. */
  #last: number;

  constructor(path: string) {
    this.#path = path;
    this.#last = this.#read(0, Number.MAX_SAFE_INTEGER).at(-1)?.turn ?? 0;
  }

  /** The newest turn that is in the file. */
  get last(): number {
    return this.#last;
  }

  /** Takes the state's summary out of it, with what it cost. The same one again (after a crash) is not written twice. */
  take(state: SessionState): void {
    const { summary } = state;
    if (!summary) return;
    const cost = costOf(state);
    const line = { ...summary, costUsd: cost === null ? null : Math.max(0, cost - state.costCounted) };
    if (summary.turn > this.#last) {
      // A torn last line of a process that died gets its end here, and is passed over when read.
      const fd = openSync(this.#path, 'a', 0o600);
      writeSync(fd, `${JSON.stringify(line)}\n`);
      closeSync(fd);
      this.#last = summary.turn;
    }
    state.summary = null;
    state.costCounted = cost ?? 0;
  }

  /** Summaries of turns after `after`, at most `max`. */
  after(after: number, max: number): TurnSummary[] {
    return this.#read(after, max);
  }

  #read(after: number, max: number): TurnSummary[] {
    const out: TurnSummary[] = [];
    for (const line of contentOf(this.#path).split('\n')) {
      if (out.length >= max) break;
      try {
        const summary = JSON.parse(line) as TurnSummary; // written by `take`
        if (summary.turn > after) out.push(summary);
      } catch {
        // Empty, or torn.
      }
    }
    return out;
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
