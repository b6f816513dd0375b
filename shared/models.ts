/** What is known of Claude models: names to choose from and prices. The truth about both is Anthropic's. */
import type { Tokens } from './conversation-items';

/** Aliases that Claude Code takes, best first; each stands for the newest model of its family. */
export const modelAliases = [
  { id: 'default', label: 'Default', hint: "Claude Code's own choice for this account" },
  { id: 'opus', label: 'Opus', hint: 'For hard work' },
  { id: 'sonnet', label: 'Sonnet', hint: 'For daily work' },
  { id: 'haiku', label: 'Haiku', hint: 'Quick and cheap' },
  { id: 'opusplan', label: 'Opus plans, Sonnet works', hint: 'Opus in plan mode only' },
] as const;

export const PRICES_SOURCE = 'https://platform.claude.com/docs/en/about-claude/pricing';
/** When the table was last compared with its source. */
export const PRICES_DATE = '2026-11-21';

/** US dollars per million tokens. */
export interface Price {
  input: number;
  output: number;
  cacheRead: number;
  /** Kept for five minutes. */
  cacheWrite: number;
  cacheWriteHour: number;
}

const price = (input: number, output: number, cacheRead = 0.1): Price => ({
  input,
  output,
  cacheRead: input * cacheRead,
  cacheWrite: input * 1.25,
  cacheWriteHour: input * 2,
});

/** The first match counts: a family's newer versions stand above its older ones. */
const prices: readonly (readonly [pattern: RegExp, price: Price])[] = [
  [/^claude-(fable|mythos)-5-1\b/, price(10, 50, 0.025)],
  [/^claude-(fable|mythos)-5(-20\d{6})?$/, price(10, 50)],
  [/^claude-opus-5-5\b/, price(4, 20, 0.05)],
  [/^claude-opus-(5|4-[5-8])(-20\d{6})?$/, price(5, 25)],
  [/^claude-opus-4(-[01])?(-20\d{6})?$/, price(15, 75)],
  [/^claude-sonnet-5-5\b/, price(2, 10, 0.05)],
  [/^claude-sonnet-5(-20\d{6})?$/, price(2, 10)],
  [/^claude-sonnet-4(-[0-9])?(-20\d{6})?$/, price(3, 15)],
  [/^claude-haiku-4-5(-20\d{6})?$/, price(1, 5)],
  [/^claude-3-5-haiku\b/, price(0.8, 4)],
];

/** Null for a model whose price is not known. `[1m]` and the like are no part of it. */
export function listPrice(model: string): Price | null {
  const name = model.replace(/\[.*\]$/, '');
  return prices.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** For what has no price and must not be free. */
export function dearestPrice(): Price {
  const all = prices.map(([, it]) => it);
  const most = (of: keyof Price) => Math.max(...all.map((it) => it[of]));
  return {
    input: most('input'),
    output: most('output'),
    cacheRead: most('cacheRead'),
    cacheWrite: most('cacheWrite'),
    cacheWriteHour: most('cacheWriteHour'),
  };
}

/** In US dollars. A driver's tokens do not tell which were written to a cache for an hour. */
export function priceOf(model: string, tokens: Tokens): number | null {
  const found = listPrice(model);
  if (!found) return null;
  const dollars =
    tokens.input * found.input +
    tokens.output * found.output +
    tokens.cacheRead * found.cacheRead +
    tokens.cacheWrite * found.cacheWrite;
  return dollars / 1_000_000;
}

/** `claude-opus-5-5-20260801` -> `Opus 5.5`; anything else as it is. */
export function modelLabel(model: string): string {
  const found = /^claude-([a-z]+)-(\d+)(?:-(\d{1,2}))?(?:-20\d{6})?(\[1m\])?$/.exec(model);
  if (!found) return modelAliases.find((it) => it.id === model)?.label ?? model;
  const [, family = '', major = '', minor, long] = found;
  const name = `${family.charAt(0).toUpperCase()}${family.slice(1)} ${minor ? `${major}.${minor}` : major}`;
  return long ? `${name} (1M)` : name;
}
