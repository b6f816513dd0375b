/** What the Claude API has cost, and how much it may: requests, sums, prices and budgets. */
import { z } from 'zod';
import { sandboxIdSchema, sessionIdSchema } from './names';

/** What a budget is counted for. */
export const budgetTargets = ['user', 'workspace', 'sandbox'] as const;
export const budgetTargetSchema = z.enum(budgetTargets);
export type BudgetTarget = z.output<typeof budgetTargetSchema>;

/** Days and months are those of UTC, so that one figure holds for people of all time zones. */
export const budgetWindows = ['day', 'month'] as const;
export const budgetWindowSchema = z.enum(budgetWindows);
export type BudgetWindow = z.output<typeof budgetWindowSchema>;

/** tokens: of every kind, also those read from a cache. usd: by the table of prices. */
export const budgetMeasures = ['tokens', 'usd', 'requests'] as const;
export const budgetMeasureSchema = z.enum(budgetMeasures);
export type BudgetMeasure = z.output<typeof budgetMeasureSchema>;

/** More than any account may spend in a month: beyond it a limit is a slip of the hand. */
export const BUDGET_MAX = 1e12;
/** Parts of a budget at which people are told, in percent. */
export const BUDGET_WARN_PERCENTS = [75, 90] as const;

export const setBudgetSchema = z.object({
  target: budgetTargetSchema,
  targetId: z.string().min(1).max(64),
  window: budgetWindowSchema,
  measure: budgetMeasureSchema,
  /** 0 lets nothing through; null takes the budget away. */
  limit: z.number().min(0).max(BUDGET_MAX).nullable(),
});
export type SetBudget = z.output<typeof setBudgetSchema>;

export const budgetViewSchema = z.object({
  target: budgetTargetSchema,
  targetId: z.string(),
  /** Of the user, workspace or sandbox. */
  name: z.string(),
  window: budgetWindowSchema,
  measure: budgetMeasureSchema,
  limit: z.number(),
  used: z.number(),
  /** When the counting begins anew. */
  resetsAt: z.string(),
});
export type BudgetView = z.output<typeof budgetViewSchema>;

export const tokenCountsSchema = z.object({
  input: z.int(),
  output: z.int(),
  cacheRead: z.int(),
  cacheWrite: z.int(),
  /** The part of `cacheWrite` that is kept for an hour, which costs more. */
  cacheWriteHour: z.int(),
});
export type TokenCounts = z.output<typeof tokenCountsSchema>;

/** session and turn: out of single requests, so as far back as these are kept. turn: of one session. */
export const usageGroups = ['day', 'model', 'user', 'workspace', 'sandbox', 'session', 'turn'] as const;
export const usageQuerySchema = z.object({
  /** Days of UTC, both included. */
  from: z.iso.date(),
  to: z.iso.date(),
  by: z.enum(usageGroups).default('day'),
  workspaceId: z.string().max(64).optional(),
  sandboxId: sandboxIdSchema.optional(),
  /** With `turn`: the session whose turns are meant. */
  sessionId: sessionIdSchema.optional(),
  /** Everybody's: for administrators. */
  all: z.boolean().default(false),
});
export type UsageQuery = z.output<typeof usageQuerySchema>;

export const usageSumSchema = tokenCountsSchema.extend({
  /** A day, model, id or turn's number; what is gone keeps its id. Empty: outside of sessions, before the first turn. */
  key: z.string(),
  name: z.string(),
  /** Of a session its sandbox, of a turn the beginning of its prompt. */
  detail: z.string().optional(),
  requests: z.int(),
  costUsd: z.number(),
  /** Requests whose tokens or price had to be estimated. */
  estimated: z.int(),
});
export type UsageSum = z.output<typeof usageSumSchema>;

/** running: not answered to its end yet. cut: ended before its answer was whole. failed: answered by an error. */
export const requestStateSchema = z.enum(['running', 'done', 'cut', 'failed']);
export type RequestState = z.output<typeof requestStateSchema>;

/** Requests that one answer holds at most. */
export const USAGE_PAGE_MAX = 500;

export const usageRequestSchema = tokenCountsSchema.extend({
  id: z.string(),
  at: z.string(),
  sandboxId: z.string(),
  sessionId: sessionIdSchema.nullable(),
  userId: z.string(),
  provider: z.string(),
  model: z.string(),
  state: requestStateSchema,
  status: z.int().nullable(),
  costUsd: z.number(),
  estimated: z.boolean(),
  ttftMs: z.number().nullable(),
  durationMs: z.number().nullable(),
  /** Anthropic's `request-id`. */
  upstreamId: z.string().nullable(),
});
export type UsageRequest = z.output<typeof usageRequestSchema>;

/** US dollars per million tokens. */
const perMillion = z.number().min(0).max(100_000);
export const modelPriceSchema = z.object({
  /** A model's name, or its beginning and a `*`. */
  model: z.string().regex(/^[A-Za-z0-9._:/@-]{1,99}\*?$/, 'Give a model name; a * may stand at its end.'),
  input: perMillion,
  output: perMillion,
  cacheRead: perMillion,
  cacheWrite: perMillion,
  cacheWriteHour: perMillion,
  /** First day of UTC on which it holds. */
  since: z.iso.date(),
});
export type ModelPrice = z.output<typeof modelPriceSchema>;

/** What models cost that were used lately, and all prices that administrators have set. */
export const priceViewSchema = modelPriceSchema.omit({ since: true }).extend({
  since: z.iso.date().nullable(),
  /** list: Anthropic's, as it ships. set: an administrator's. none: unknown, counted as the dearest of the list. */
  source: z.enum(['list', 'set', 'none']),
});
export type PriceView = z.output<typeof priceViewSchema>;

/** First moment of the window that `at` lies in, and of the next one. */
export function windowOf(window: BudgetWindow, at: Date): { start: Date; end: Date } {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  return window === 'day'
    ? { start: new Date(Date.UTC(year, month, day)), end: new Date(Date.UTC(year, month, day + 1)) }
    : { start: new Date(Date.UTC(year, month, 1)), end: new Date(Date.UTC(year, month + 1, 1)) };
}
