/**
 * Counts per address in fixed windows, with bounded memory: once as many addresses as `keys` were seen in a window,
 * all others share one count.
 */
export class Rate {
  readonly #options: { perWindow: number; windowMs: number; keys: number };
  readonly #now: () => number;
  #counts = new Map<string, number>();
  #endsAt = 0;

  constructor(options: { perWindow: number; windowMs: number; keys: number }, now: () => number = Date.now) {
    this.#options = options;
    this.#now = now;
  }

  allows(address: string): boolean {
    const now = this.#now();
    if (now >= this.#endsAt) {
      this.#counts = new Map();
      this.#endsAt = now + this.#options.windowMs;
    }
    const known = this.#counts.has(address) || this.#counts.size < this.#options.keys;
    const key = known ? address : '';
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count <= this.#options.perWindow;
  }
}

/** Of addresses in one window; some 10 MB at most. */
export const RATE_KEYS = 50_000;
