/** Usage, budgets and prices, for those who may see or set them. */
import { AppError } from '../../../shared/errors';
import {
  type BudgetTarget,
  type BudgetView,
  budgetTargetSchema,
  type ModelPrice,
  type PriceView,
  type UsageQuery,
  windowOf,
} from '../../../shared/usage';
import { type Audit, actorOf, type Db, type Identity, type Live, type SandboxAccess } from '../../contracts';
import type { UsageServices } from '../../usage/contract';
import type { Budget, Ledger } from '../../usage/ledger';
import type { Prices } from '../../usage/prices';
import { dayOf } from '../../usage/store';
import { storedLive } from '../sessions/view';
import { budgetRows } from './budgets';
import type { UsageScope } from './figures';
import { sessionSums, turnSums } from './session-sums';
import { namesOf, usageRequests, usageSums } from './sums';

/** Models of which a price is shown, though nobody has set one. */
const LATELY_DAYS = 31;
const DAY_MS = 86_400_000;

export type Usage = UsageServices['usage'] & {
  /** Reads what is set; before the first request. */
  load(): Promise<void>;
};

export function createUsage(options: {
  db: Db;
  live: Live;
  audit: Audit;
  access: SandboxAccess;
  ledger: Ledger;
  prices: Prices;
  now?: () => Date;
}): Usage {
  const { db, live, audit, access, ledger, prices, now = () => new Date() } = options;

  async function scopeOf(identity: Identity, query: UsageQuery): Promise<UsageScope> {
    const bound = identity.sandboxId ?? undefined;
    if (bound && query.sandboxId && query.sandboxId !== bound) throw new AppError('not_found');
    const sandboxId = query.sandboxId ?? bound;
    const within: UsageScope = {
      ...(query.workspaceId ? { workspaceId: query.workspaceId } : {}),
      ...(sandboxId ? { sandboxId } : {}),
    };
    if (query.all) {
      requireAdmin(identity);
      return within;
    }
    if (query.workspaceId) {
      const key = { workspaceId: query.workspaceId, userId: identity.userId };
      const member = await db.member.findUnique({ where: { workspaceId_userId: key } });
      if (member?.role === 'owner' || member?.role === 'maintainer') return within;
    }
    return { ...within, userId: identity.userId };
  }

  async function sessionOf(identity: Identity, id: string): Promise<{ live: string | null }> {
    const found = await db.session.findUnique({ where: { id }, select: { sandboxId: true, live: true } });
    if (!found) throw new AppError('not_found');
    await access(identity, found.sandboxId, 'use');
    return found;
  }

  async function viewsOf(rows: readonly Budget[]): Promise<BudgetView[]> {
    const names = new Map<BudgetTarget, Map<string, string>>();
    for (const target of budgetTargetSchema.options) {
      const ids = rows.filter((it) => it.target === target).map((it) => it.targetId);
      names.set(target, await namesOf(db, target, ids));
    }
    return Promise.all(
      rows.map(async (it) => ({
        ...it,
        name: names.get(it.target)?.get(it.targetId) ?? it.targetId,
        used: await ledger.used(it),
        resetsAt: windowOf(it.window, now()).end.toISOString(),
      })),
    );
  }

  async function budgets(identity: Identity): Promise<BudgetView[]> {
    if (identity.role === 'admin') return viewsOf(await budgetRows(db, {}));
    if (identity.sandboxId !== null)
      return viewsOf(await budgetRows(db, { target: 'sandbox', targetId: identity.sandboxId }));
    const [members, sandboxes] = await Promise.all([
      db.member.findMany({ where: { userId: identity.userId }, select: { workspaceId: true } }),
      db.sandbox.findMany({ where: { ownerId: identity.userId }, select: { id: true } }),
    ]);
    const over = [
      { target: 'user', targetId: identity.userId },
      { target: 'workspace', targetId: { in: members.map((it) => it.workspaceId) } },
      { target: 'sandbox', targetId: { in: sandboxes.map((it) => it.id) } },
    ];
    return viewsOf(await budgetRows(db, { OR: over }));
  }

  async function requireTarget(target: BudgetTarget, id: string): Promise<string> {
    const name = (await namesOf(db, target, [id])).get(id);
    if (name === undefined) throw new AppError('not_found', `There is no ${target} with this id.`);
    return name;
  }

  async function priceRows(): Promise<ModelPrice[]> {
    const rows = await db.modelPrice.findMany({ orderBy: [{ model: 'asc' }, { since: 'desc' }] });
    return rows.map(({ model, since, input, output, cacheRead, cacheWrite, cacheWriteHour }) => ({
      ...{ model, since, input, output, cacheRead, cacheWrite, cacheWriteHour },
    }));
  }

  async function priceViews(): Promise<PriceView[]> {
    const today = now();
    const used = await db.usageDay.groupBy({
      by: ['model'],
      where: { day: { gte: dayOf(new Date(today.getTime() - LATELY_DAYS * DAY_MS)) }, model: { not: '' } },
      orderBy: { model: 'asc' },
    });
    const unset = used.flatMap(({ model }) => {
      const { price, source } = prices.of(model, dayOf(today));
      if (source === 'set') return [];
      const { input, output, cacheRead, cacheWrite, cacheWriteHour } = price;
      return [{ model, input, output, cacheRead, cacheWrite, cacheWriteHour, since: null, source }];
    });
    return [...(await priceRows()).map((it) => ({ ...it, source: 'set' as const })), ...unset];
  }

  const load = async (): Promise<void> => {
    ledger.setBudgets(await budgetRows(db, {}));
    prices.set(await priceRows());
  };

  return {
    load,
    budgets,

    async sums(identity, query) {
      if (query.to < query.from)
        throw new AppError('invalid_input', 'The first day is later than the last one.');
      const { by, sessionId } = query;
      if (by === 'turn') {
        if (sessionId === undefined) throw new AppError('invalid_input', 'Name the session of these turns.');
        const session = await sessionOf(identity, sessionId);
        const running = storedLive(session.live)?.turnStartedAt ?? null;
        return turnSums(db, query, { sessionId, running: running === null ? null : new Date(running) });
      }
      const scope = await scopeOf(identity, query);
      return by === 'session'
        ? sessionSums(db, query, { scope, userId: identity.userId })
        : usageSums(db, { ...query, by }, scope);
    },

    async requests(identity, { sandboxId, sessionId, before, limit }) {
      await access(identity, sandboxId, 'use');
      const page = { before: before === undefined ? undefined : new Date(before), limit };
      return usageRequests(db, { sandboxId, ...(sessionId ? { sessionId } : {}) }, page);
    },

    async setBudget(identity, { limit, ...key }) {
      requireAdmin(identity);
      const name = await requireTarget(key.target, key.targetId);
      await db.$transaction(async (tx) => {
        const where = { target_targetId_window_measure: key };
        const before = await tx.budget.findUnique({ where });
        if (limit === null) await tx.budget.deleteMany({ where: key });
        else {
          const set = { limit, updatedBy: identity.username };
          await tx.budget.upsert({ where, create: { ...key, ...set }, update: set });
        }
        await audit.record(tx, {
          type: 'budget.set',
          actor: actorOf(identity),
          target: { type: key.target, id: key.targetId, name },
          message:
            limit === null
              ? `Took away the budget of ${key.measure} a ${key.window} of ${name}`
              : `Set the budget of ${key.measure} a ${key.window} of ${name} to ${limit}`,
          before: { limit: before?.limit ?? null },
          after: { limit },
        });
        await live.record(tx, { topic: 'usage', action: 'updated', subject: key.targetId });
      });
      live.flush();
      await load();
      return budgets(identity);
    },

    prices: () => priceViews(),

    async setPrice(identity, input) {
      requireAdmin(identity);
      const { model, since, ...price } = input;
      const set = { ...price, updatedBy: identity.username };
      await db.$transaction(async (tx) => {
        const where = { model_since: { model, since } };
        const before = await tx.modelPrice.findUnique({ where });
        await tx.modelPrice.upsert({ where, create: { model, since, ...set }, update: set });
        await audit.record(tx, {
          type: 'price.set',
          actor: actorOf(identity),
          target: { type: 'model', id: model, name: model },
          message: `Set the price of ${model} from ${since} on`,
          ...(before ? { before: { ...before } } : {}),
          after: { ...price },
        });
      });
      await load();
      return priceViews();
    },

    async removePrice(identity, { model, since }) {
      requireAdmin(identity);
      await db.$transaction(async (tx) => {
        const { count } = await tx.modelPrice.deleteMany({ where: { model, since } });
        if (count === 0) throw new AppError('not_found');
        await audit.record(tx, {
          type: 'price.removed',
          actor: actorOf(identity),
          target: { type: 'model', id: model, name: model },
          message: `Took away the price of ${model} from ${since} on`,
        });
      });
      await load();
      return priceViews();
    },
  };
}

function requireAdmin(identity: Identity): void {
  if (identity.role !== 'admin') throw new AppError('forbidden', 'Only administrators may do this.');
}
