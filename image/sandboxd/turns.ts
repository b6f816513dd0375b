/** The turns of one session: the only place that begins, settles and finishes one. States in shared/sandboxd-api.ts. */
import type { SessionStatus } from '../../shared/frames';
import { SETTLE_MAX_MS } from '../../shared/sandboxd-limits';
import type { Recorder } from './recorder';

export interface TurnEnd {
  reason: 'completed' | 'interrupted' | 'failed' | 'lost' | 'superseded';
  error?: string | undefined;
}

export interface TurnHooks {
  /** All of the turn is written, as far as can be seen. */
  settled(): boolean;
  /** Closes what is open of it: its last frames before the stop. */
  beforeStop(): void;
  /** No turn is open any more. */
  idle(): void;
}

export class Turns {
  readonly #recorder: Recorder;
  readonly #hooks: TurnHooks;
  #settling: TurnEnd | null = null;
  #deadline: NodeJS.Timeout | null = null;

  constructor(recorder: Recorder, hooks: TurnHooks) {
    this.#recorder = recorder;
    this.#hooks = hooks;
  }

  get number(): number | undefined {
    return this.#recorder.state.turn?.number;
  }
  get settling(): boolean {
    return this.#settling !== null;
  }

  /** The open turn's number, or a new turn's. A turn that only waited for stragglers is finished first. */
  begin(): number {
    if (this.#settling) this.finish(this.#settling);
    const { state } = this.#recorder;
    if (state.turn) return state.turn.number;
    const turn = state.turns + 1;
    this.#recorder.emit('status', { state: 'working', elapsedMs: 0 }, { turn });
    return turn;
  }

  status(next: SessionStatus, detail?: string): void {
    const { state } = this.#recorder;
    if (state.status === next) return;
    const { turn } = state;
    const elapsedMs = turn ? Math.max(0, Date.now() - turn.startedAt) : undefined;
    this.#recorder.emit(
      'status',
      {
        state: next,
        ...(elapsedMs === undefined ? {} : { elapsedMs }),
        ...(detail === undefined ? {} : { detail }),
      },
      { turn: turn?.number },
    );
  }

  settle(end: TurnEnd): void {
    if (!this.#recorder.state.turn) return;
    this.#settling = end;
    this.#deadline ??= setTimeout(() => this.finish(this.#settling ?? end), SETTLE_MAX_MS);
    this.check();
  }

  /** Something was written: perhaps it was what a settling turn waited for. */
  check(): void {
    if (this.#settling && this.#hooks.settled()) this.finish(this.#settling);
  }

  finish(end: TurnEnd): void {
    if (this.#deadline) clearTimeout(this.#deadline);
    this.#deadline = null;
    this.#settling = null;
    const { turn } = this.#recorder.state;
    if (!turn) return;
    this.#hooks.beforeStop();
    const durationMs = Math.max(0, Date.now() - turn.startedAt);
    const data = { scope: 'turn' as const, reason: end.reason, durationMs };
    this.#recorder.emit('stop', end.error === undefined ? data : { ...data, error: end.error }, {
      turn: turn.number,
    });
    this.status('idle');
    this.#hooks.idle();
  }

  close(): void {
    if (this.#deadline) clearTimeout(this.#deadline);
  }
}
