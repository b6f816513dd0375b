/** Deadlines are for a quiet machine; one whose host is busy with others takes several times as long. */
const PATIENCE = 4;

/** Polls a condition up to a deadline; a throw counts as not yet. The error names what was waited for. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  condition: () => Promise<T | false | null | undefined> | T | false | null | undefined,
): Promise<T> {
  const end = Date.now() + deadlineMs * PATIENCE;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(`waited ${deadlineMs * PATIENCE} ms in vain: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Waits until `value` is true to `enough` and does not change over `ROUND_TRIPS` calls of `trip`, which must pass by the
 * same parts: a clock that goes slow when the machine does. Returns the value.
 */
export async function settles(
  value: () => number,
  enough: (value: number) => boolean,
  trip: () => Promise<unknown>,
): Promise<number> {
  for (let same = 0, last = Number.NaN; ; ) {
    same = value() === last && enough(last) ? same + 1 : 0;
    if (same > ROUND_TRIPS) return last;
    last = value();
    await trip();
  }
}
const ROUND_TRIPS = 10;
