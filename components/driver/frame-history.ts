/** Where a stretch of a session's journal begins, so that it begins with a turn and is read in one go. */
import type { TurnSummary } from '../../shared/sandboxd-api';
import { sessionCalls } from './session-calls';

/** Read at once when a view opens or is scrolled to its beginning: below a second on a slow line. */
const FRAMES_AT_ONCE = 4_000;
/** Turn summaries in one answer. */
const TURNS_AT_ONCE = 100;

export class FrameHistory {
  readonly #session: string;
  #turns: TurnSummary[] = [];
  #startTurn: number;

  constructor(session: string, finishedTurns: number) {
    this.#session = session;
    this.#startTurn = Math.max(0, finishedTurns - TURNS_AT_ONCE);
  }

  /** Of the first stretch, seq: far enough back to have something to read, not at the beginning of a long session. */
  async start(signal: AbortSignal): Promise<number> {
    if (this.#turns.length === 0)
      this.#turns = await sessionCalls.turns(this.#session, this.#startTurn, signal).catch(() => []);
    const last = this.#turns.at(-1);
    return !last || last.lastSeq <= FRAMES_AT_ONCE ? 1 : this.boundaryBefore(last.lastSeq + 1);
  }

  /** First seq of a turn, at most FRAMES_AT_ONCE before `seq` where turns are not longer than that. */
  async boundaryBefore(seq: number): Promise<number> {
    if (!this.#turns.some((it) => it.firstSeq < seq) && this.#startTurn > 0) {
      this.#startTurn = Math.max(0, this.#startTurn - TURNS_AT_ONCE);
      this.#turns = await sessionCalls.turns(this.#session, this.#startTurn);
    }
    const before = this.#turns.filter((it) => it.firstSeq < seq);
    const near = before.find((it) => seq - it.firstSeq <= FRAMES_AT_ONCE) ?? before.at(-1);
    // What stands before the first turn belongs to it.
    return near && near.turn > 1 ? near.firstSeq : 1;
  }
}
