/** Usage, budgets and prices as the edges see them. */
import type {
  BudgetView,
  ModelPrice,
  PriceView,
  SetBudget,
  UsageQuery,
  UsageRequest,
  UsageSum,
} from '../../shared/usage';
import type { Identity } from '../contracts';

export interface UsageServices {
  usage: {
    /** One's own; of a workspace for its owners and maintainers; of everybody for administrators. */
    sums(identity: Identity, query: UsageQuery): Promise<UsageSum[]>;
    /** Of a session or sandbox that one may use, newest first. */
    requests(
      identity: Identity,
      query: {
        sandboxId: string;
        sessionId?: string | undefined;
        before?: string | undefined;
        limit: number;
      },
    ): Promise<UsageRequest[]>;
    /** Those over oneself; all for administrators. */
    budgets(identity: Identity): Promise<BudgetView[]>;
    /** For administrators. Returns all of them. */
    setBudget(identity: Identity, input: SetBudget): Promise<BudgetView[]>;
    prices(identity: Identity): Promise<PriceView[]>;
    /** For administrators. */
    setPrice(identity: Identity, input: ModelPrice): Promise<PriceView[]>;
    removePrice(identity: Identity, input: { model: string; since: string }): Promise<PriceView[]>;
  };
}
