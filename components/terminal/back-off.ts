/** Reconnecting: at once at first (a blink), then doubling to the most, in ms. */
const BACK_OFF_MS = { first: 250, most: 10_000 } as const;

/**
 * Wait before the try that follows `failures` failed ones, in ms. `random` in [0, 1) spreads many browsers, so that
 * a gateway that comes back does not meet them all in one instant.
 */
export function backOffMs(failures: number, random: number): number {
  const full = Math.min(BACK_OFF_MS.first * 2 ** failures, BACK_OFF_MS.most);
  return Math.round(full / 2 + (full / 2) * random);
}
