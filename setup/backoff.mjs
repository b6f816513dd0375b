// How long to wait before a program that ended is started again. Pure.

const FIRST_MS = 500;
const MOST_MS = 15_000;
/** After running this long the next end counts as the first. */
const GOOD_RUN_MS = 60_000;

export class Backoff {
  #failures = 0;

  /** Milliseconds to wait, given how long the program ran. */
  next(ranMs) {
    if (ranMs >= GOOD_RUN_MS) this.#failures = 0;
    const delay = Math.min(MOST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    return delay;
  }
}
