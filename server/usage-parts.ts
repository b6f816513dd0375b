/** The part of the composition that counts what the Claude API costs. */
import type { Logger } from 'pino';
import type { Scope } from '../shared/lifecycle';
import type { Audit, Db, Live, SandboxAccess } from './contracts';
import { createUsage } from './services/usage/service';
import { createBudgetWarnings } from './services/usage/warn';
import type { UsageServices } from './usage/contract';
import { createLedger } from './usage/ledger';
import { createMetering, type Metering } from './usage/metering';
import { createPayers } from './usage/payers';
import { createPrices } from './usage/prices';
import { createUsageStore } from './usage/store';

/** Resolves when what earlier processes have left is counted, and budgets and prices are read. */
export async function buildUsage(
  scope: Scope,
  options: {
    db: Db;
    live: Live;
    audit: Audit;
    log: Logger;
    access: SandboxAccess;
    /** New notifications are there to be pushed. */
    wake(): void;
  },
): Promise<{ metering: Metering; services: UsageServices }> {
  const { db, live, audit, log, access } = options;
  const prices = createPrices();
  const store = scope.own('usage', createUsageStore({ db, log, prices }));
  const ledger = createLedger({ load: store.sums });
  const usage = createUsage({ db, live, audit, access, ledger, prices });
  await usage.load();
  const cut = await store.recover();
  if (cut > 0) log.warn({ requests: cut }, 'requests were cut off with the process before');
  const metering = createMetering({
    ...{ ledger, store, log },
    payerOf: createPayers(db),
    onReached: createBudgetWarnings({ db, live, audit, log, wake: options.wake }),
  });
  return { metering, services: { usage } };
}
