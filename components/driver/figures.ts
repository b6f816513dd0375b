import type { Conversation } from '../../shared/conversation';
import type { Tokens } from '../../shared/conversation-items';
import { priceOf } from '../../shared/models';
import type { SessionView } from '../../shared/views';

export interface Figures {
  tokens: Tokens;
  /** In US dollars; null when nobody knows the price. */
  cost: number | null;
  /** Worked out here from a table, not told by Claude Code. */
  estimated: boolean;
  context: { tokens: number; window: number } | null;
  model: string | null;
  effort: string | null;
}

/** What the session has used. `complete`: the conversation is all of it, so that it may be added up. */
export function figuresOf(conversation: Conversation, session: SessionView, complete: boolean): Figures {
  const { context: told, usage } = conversation;
  const { live } = session;
  const here = complete || live === null;
  const tokens = here ? conversation.tokens : larger(live.tokens, conversation.tokens);
  const known = told?.costUsd ?? (here ? null : live.costUsd);
  const priced = [...usage].map(([model, sum]) => priceOf(model, sum));
  const added = priced.reduce<number | null>((sum, it) => (sum === null || it === null ? null : sum + it), 0);
  const window = told?.contextWindow ?? live?.context?.window ?? null;
  const used = told?.contextTokens ?? live?.context?.tokens ?? null;
  return {
    tokens,
    cost: known ?? (here && usage.size > 0 ? added : null),
    estimated: known === null,
    context: window !== null && used !== null && window > 0 ? { tokens: used, window } : null,
    model: conversation.model ?? live?.model ?? session.model,
    effort: told?.effort ?? session.effort,
  };
}

/** The gateway hears of it a moment after the frames do. */
function larger(a: Tokens, b: Tokens): Tokens {
  return a.output >= b.output ? a : b;
}

export function inputOf(tokens: Tokens): number {
  return tokens.input + tokens.cacheRead + tokens.cacheWrite;
}
