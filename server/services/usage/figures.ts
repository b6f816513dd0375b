/** Sums as the database gives them, and as the edges see them. */
import type { UsageSum } from '../../../shared/usage';

export interface UsageScope {
  userId?: string;
  workspaceId?: string;
  sandboxId?: string;
}

type Sum = number | bigint | null;
export interface Figures {
  requests: Sum;
  inputTokens: Sum;
  outputTokens: Sum;
  cacheReadTokens: Sum;
  cacheWriteTokens: Sum;
  cacheWriteHourTokens: Sum;
  costUsd: Sum;
  estimated: Sum;
}

export function figuresOf(it: Figures): Omit<UsageSum, 'key' | 'name'> {
  return {
    requests: Number(it.requests),
    input: Number(it.inputTokens),
    output: Number(it.outputTokens),
    cacheRead: Number(it.cacheReadTokens),
    cacheWrite: Number(it.cacheWriteTokens),
    cacheWriteHour: Number(it.cacheWriteHourTokens),
    costUsd: Number(it.costUsd),
    estimated: Number(it.estimated),
  };
}
