/**
 * Who may still ask the Claude API: budgets against what was counted and what is on its way. Decides in one go, so that
 * requests of the same moment cannot all take what is left; what runs is let finish.
 */
import { AppError } from '../../shared/errors';
import {
  BUDGET_WARN_PERCENTS,
  type BudgetMeasure,
  type BudgetTarget,
  type BudgetWindow,
  budgetWindows,
  windowOf,
} from '../../shared/usage';

/** Who a request is counted for. */
export interface Payer {
  sandboxId: string;
  sessionId: string | null;
  userId: string;
  workspaceId: string;
}

export interface Budget {
  target: BudgetTarget;
  targetId: string;
  window: BudgetWindow;
  measure: BudgetMeasure;
  limit: number;
}

export type Sums = Record<BudgetMeasure, number>;

export interface Spent {
  budget: Budget;
  /** First moment of the window it was spent in. */
  start: Date;
  used: number;
  /** One of BUDGET_WARN_PERCENTS, or 100. */
  percent: number;
}

/** Room for a request that is on its way; given back by `settle`. */
export interface Ticket {
  readonly payer: Payer;
  readonly at: Date;
}

export type Admission = { ticket: Ticket } | { refused: { budget: Budget; resetsAt: Date } };

export interface Ledger {
  setBudgets(budgets: readonly Budget[]): void;
  /** Throws when what was spent cannot be read: then nobody with a budget is let through. */
  admit(payer: Payer): Promise<Admission>;
  /** Whether a budget stands over this payer. */
  bounded(payer: Payer): boolean;
  /**
   * Once for each ticket, in the same moment in which the store has it. Returns what has now reached a mark.
   */
  settle(ticket: Ticket, spent: { tokens: number; usd: number }): Spent[];
  used(budget: Omit<Budget, 'limit'>): Promise<number>;
}

interface Counter {
  start: number;
  sums: Sums;
}

export function createLedger(options: {
  /** What was counted in this window; `take` has it before anything else is counted. */
  load(target: BudgetTarget, targetId: string, start: Date, take: (sums: Sums) => void): Promise<void>;
  now?: () => Date;
}): Ledger {
  const { now = () => new Date() } = options;
  const budgets = new Map<string, Budget[]>();
  const counters = new Map<string, Counter>();
  const loading = new Map<string, Promise<void>>();
  const onTheWay = new Map<string, number>();

  function counter(target: BudgetTarget, id: string, window: BudgetWindow): Counter | null {
    const found = counters.get(`${window} ${target} ${id}`);
    return found && found.start === windowOf(window, now()).start.getTime() ? found : null;
  }

  function load(target: BudgetTarget, id: string, window: BudgetWindow): Promise<void> {
    const key = `${window} ${target} ${id}`;
    const there = loading.get(key);
    if (there) return there;
    const { start } = windowOf(window, now());
    const done = options
      .load(target, id, start, (sums) => counters.set(key, { start: start.getTime(), sums }))
      .finally(() => loading.delete(key));
    loading.set(key, done);
    return done;
  }

  async function loaded(wanted: readonly Omit<Budget, 'limit' | 'measure'>[]): Promise<void> {
    // A window may end while another is being read.
    for (let tries = 0; tries < 3; tries++) {
      const missing = wanted.filter((it) => counter(it.target, it.targetId, it.window) === null);
      if (missing.length === 0) return;
      await Promise.all(missing.map((it) => load(it.target, it.targetId, it.window)));
    }
    throw new AppError('unavailable', 'What was spent could not be read.');
  }

  const over = (payer: Payer): Budget[] => placesOf(payer).flatMap((key) => budgets.get(key) ?? []);

  return {
    setBudgets(all) {
      budgets.clear();
      for (const it of all) {
        const key = `${it.target} ${it.targetId}`;
        budgets.set(key, [...(budgets.get(key) ?? []), it]);
      }
    },

    bounded: (payer) => over(payer).length > 0,

    async admit(payer) {
      await loaded(over(payer));
      // From here to the end without a pause: this is what makes it atomic.
      const at = now();
      for (const budget of over(payer)) {
        const sums = counter(budget.target, budget.targetId, budget.window)?.sums;
        const waiting = onTheWay.get(`${budget.target} ${budget.targetId}`) ?? 0;
        const used =
          (sums?.[budget.measure] ?? Number.POSITIVE_INFINITY) +
          (budget.measure === 'requests' ? waiting : 0);
        if (used >= budget.limit) return { refused: { budget, resetsAt: windowOf(budget.window, at).end } };
      }
      for (const key of placesOf(payer)) onTheWay.set(key, (onTheWay.get(key) ?? 0) + 1);
      return { ticket: { payer, at } };
    },

    settle(ticket, spent) {
      for (const key of placesOf(ticket.payer)) {
        const left = (onTheWay.get(key) ?? 1) - 1;
        if (left > 0) onTheWay.set(key, left);
        else onTheWay.delete(key);
      }
      const reached: Spent[] = [];
      for (const key of placesOf(ticket.payer))
        for (const window of budgetWindows) {
          const found = counters.get(`${window} ${key}`);
          // Counted in the window that it began in; a counter of another one has nothing to do with it.
          if (!found || found.start !== windowOf(window, ticket.at).start.getTime()) continue;
          const before = { ...found.sums };
          found.sums.tokens += spent.tokens;
          found.sums.usd += spent.usd;
          found.sums.requests += 1;
          for (const budget of budgets.get(key) ?? [])
            if (budget.window === window) {
              const percent = mark(before[budget.measure], found.sums[budget.measure], budget.limit);
              if (percent !== null)
                reached.push({
                  budget,
                  start: new Date(found.start),
                  used: found.sums[budget.measure],
                  percent,
                });
            }
        }
      return reached;
    },

    async used({ target, targetId, window, measure }) {
      await loaded([{ target, targetId, window }]);
      return counter(target, targetId, window)?.sums[measure] ?? 0;
    },
  };
}

const placesOf = ({ userId, workspaceId, sandboxId }: Payer): string[] => [
  `user ${userId}`,
  `workspace ${workspaceId}`,
  `sandbox ${sandboxId}`,
];

/** The highest mark between the two figures, if there is one. */
function mark(before: number, after: number, limit: number): number | null {
  const marks = [...BUDGET_WARN_PERCENTS, 100];
  return marks.findLast((it) => before < (limit * it) / 100 && after >= (limit * it) / 100) ?? null;
}
