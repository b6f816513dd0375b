/** What tokens cost: prices that administrators have set, by date, before the list that ships. */
import { dearestPrice, listPrice, type Price } from '../../shared/models';
import type { ModelPrice, TokenCounts } from '../../shared/usage';

export interface Priced {
  usd: number;
  /** False: no price is known, the dearest of the list stands in. */
  known: boolean;
}

export interface Prices {
  /** Takes the place of what was set before. */
  set(prices: readonly ModelPrice[]): void;
  /** `day`: of UTC, `2026-11-21`. */
  of(model: string, day: string): { price: Price; source: 'list' | 'set' | 'none' };
  cost(model: string, day: string, counts: TokenCounts): Priced;
}

const KEPT_MAX = 200;

export function createPrices(initial: readonly ModelPrice[] = []): Prices {
  let set = initial;
  /** By model and day, of which there are few at a time. */
  const kept = new Map<string, ReturnType<Prices['of']>>();
  const of: Prices['of'] = (model, day) => {
    const key = `${day} ${model}`;
    const there = kept.get(key);
    if (there) return there;
    const found = look(model, day);
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(key, found);
    return found;
  };
  const look: Prices['of'] = (model, day) => {
    const name = model.replace(/\[.*\]$/, '');
    const chosen = set
      .filter((it) => it.since <= day && matches(it.model, name))
      // The most exact one, and of these the newest.
      .sort((a, b) => exactness(b.model) - exactness(a.model) || b.since.localeCompare(a.since))[0];
    if (chosen) return { price: chosen, source: 'set' };
    const listed = listPrice(name);
    return listed ? { price: listed, source: 'list' } : { price: dearestPrice(), source: 'none' };
  };
  return {
    set(prices) {
      set = prices;
      kept.clear();
    },
    of,
    cost(model, day, counts) {
      const { price, source } = of(model, day);
      const cacheWrite = counts.cacheWrite - counts.cacheWriteHour;
      const dollars =
        counts.input * price.input +
        counts.output * price.output +
        counts.cacheRead * price.cacheRead +
        Math.max(0, cacheWrite) * price.cacheWrite +
        counts.cacheWriteHour * price.cacheWriteHour;
      return { usd: dollars / 1_000_000, known: source !== 'none' };
    },
  };
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** A whole name beats every beginning; a longer beginning beats a shorter one. */
function exactness(pattern: string): number {
  return pattern.endsWith('*') ? pattern.length : 1_000;
}
