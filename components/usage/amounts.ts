/** Figures of usage as people read them. */
import type { BudgetMeasure, TokenCounts } from '../../shared/usage';

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en');
/** Half a cent is worth telling from nothing. */
const SMALL_USD = 0.01;

export function dollars(usd: number): string {
  if (usd > 0 && usd < SMALL_USD) return '< $0.01';
  return `$${usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export const count = (value: number): string =>
  value < 10_000 ? whole.format(value) : compact.format(value);

export function amount(measure: BudgetMeasure, value: number): string {
  return measure === 'usd' ? dollars(value) : `${count(value)} ${measure}`;
}

export const read = (it: TokenCounts): number => it.input + it.cacheRead + it.cacheWrite;
export const allTokens = (it: TokenCounts): number => read(it) + it.output;

/** Days of UTC, as budgets and sums have them: today and the days before. */
export function lastDays(days: number, now: number): { from: string; to: string } {
  const day = (ago: number) => new Date(now - ago * 86_400_000).toISOString().slice(0, 10);
  return { from: day(days - 1), to: day(0) };
}
