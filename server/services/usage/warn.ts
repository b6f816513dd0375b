/** Tells people of a budget that is nearly used up, or is: once for each mark and window, also over restarts. */
import type { Logger } from 'pino';
import { type Audit, type Db, type Live, systemActor } from '../../contracts';
import type { Spent } from '../../usage/ledger';
import { dayOf } from '../../usage/store';
import { targetName } from '../egress/use';
import { makeNotification } from '../notifications/make';
import { signedIn, storedPreferences } from '../notifications/service';

const units = { tokens: 'tokens', usd: 'US dollars', requests: 'requests' } as const;

export function createBudgetWarnings(options: {
  db: Db;
  live: Live;
  audit: Audit;
  log: Logger;
  /** After the commit of new notifications: pushes are due. */
  wake(): void;
}): (spent: Spent) => void {
  const { db, live, audit, log } = options;

  /** Those who spend it, or answer for it. */
  async function concerned({ budget }: Spent): Promise<string[]> {
    const { target, targetId } = budget;
    if (target === 'user') return [targetId];
    if (target === 'sandbox') {
      const sandbox = await db.sandbox.findUnique({ where: { id: targetId }, select: { ownerId: true } });
      return sandbox ? [sandbox.ownerId] : [];
    }
    const owners = await db.member.findMany({ where: { workspaceId: targetId, role: 'owner' } });
    return owners.map((it) => it.userId);
  }

  async function tell(spent: Spent): Promise<void> {
    const { budget, percent } = spent;
    const name = await targetName(db, budget);
    if (name === null) return;
    const full = percent >= 100;
    const limit = `${budget.limit.toLocaleString('en')} ${units[budget.measure]} a ${budget.window}`;
    const title = full ? `Budget used up · ${name}` : `${percent} % of a budget is used · ${name}`;
    const body = full
      ? `${limit}: Claude's requests are refused until it begins anew.`
      : `${limit}: what is left may not last.`;
    const event = `budget:${budget.target}:${budget.targetId}:${budget.measure}:${budget.window}:${dayOf(spent.start)}:${percent}`;
    const users = await db.user.findMany({
      where: { id: { in: await concerned(spent) }, status: 'active' },
      include: { pushDevices: { where: signedIn() } },
    });
    await db.$transaction(async (tx) => {
      for (const user of users)
        if (storedPreferences(user.notifications).budget)
          await makeNotification(tx, live, {
            ...{ user, event, kind: 'budget', title, body },
            ...(budget.target === 'sandbox' ? { sandboxId: budget.targetId } : {}),
          });
      await audit.record(tx, {
        type: full ? 'budget.exhausted' : 'budget.warned',
        actor: systemActor('budgets'),
        target: { type: budget.target, id: budget.targetId, name },
        message: `${title}: ${body}`,
        after: { used: spent.used, limit: budget.limit },
      });
      await live.record(tx, { topic: 'usage', action: 'updated', subject: budget.targetId });
    });
    live.flush();
    options.wake();
  }

  return (spent) => {
    tell(spent).catch((error: unknown) => log.error({ err: error }, 'nobody was told of a budget'));
  };
}
