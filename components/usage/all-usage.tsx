'use client';

import { BudgetsPanel } from './budgets-panel';
import { PricesPanel } from './prices-panel';
import { UsageSums } from './usage-sums';

/** Everybody's usage, for administrators: sums, budgets and prices. */
export function AllUsage() {
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-6">
      <UsageSums all groups={['user', 'workspace', 'sandbox', 'model', 'day']} />
      <BudgetsPanel />
      <PricesPanel />
    </div>
  );
}
