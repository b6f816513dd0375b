/** When a failed attempt may be tried again, and how long to wait. Pure. */
import type { ErrorCode } from '../../shared/errors';

export const RETRY_BASE_MS = 1_000;
/** The longest pause: a person who watches should see a try a minute. */
export const RETRY_MAX_MS = 60_000;

/** Attempts in all, for errors where another try can help. A code that is not here fails at once. */
const attempts: Partial<Record<ErrorCode, number>> = {
  // An agent that is being restarted or upgraded: about four minutes of patience, and more tries than
  // a start has steps.
  agent_unreachable: 11,
  unavailable: 6,
  too_many_requests: 6,
  timeout: 3,
  conflict: 3,
  // Docker or the kernel said no: sometimes a race, mostly not.
  agent_failed: 3,
};

export function attemptsFor(code: ErrorCode): number {
  return attempts[code] ?? 1;
}

/** Milliseconds until the next try, or null when it is over. `random` in [0, 1) spreads tries that failed together. */
export function nextTry(input: {
  code: ErrorCode;
  /** Tries made so far, this one included. */
  attempt: number;
  random: number;
  retryAfterSeconds?: number | undefined;
  baseMs?: number;
}): number | null {
  if (input.attempt >= attemptsFor(input.code)) return null;
  const full = Math.min(RETRY_MAX_MS, (input.baseMs ?? RETRY_BASE_MS) * 2 ** Math.min(input.attempt - 1, 16));
  const jittered = full * (0.5 + input.random / 2);
  return Math.max(Math.round(jittered), (input.retryAfterSeconds ?? 0) * 1000);
}
