'use client';

import { useQuery } from '@tanstack/react-query';
import { useTRPC } from '../api/trpc';
import { Panel } from '../ui/panel';
import { BudgetList } from './budget-list';
import { UsageSums } from './usage-sums';

/** A person's own usage, and the budgets over it. */
export function OwnUsage() {
  const trpc = useTRPC();
  const budgets = useQuery(trpc.usage.budgets.queryOptions());
  const me = useQuery(trpc.account.me.queryOptions());
  // Administrators are given everybody's.
  const own = (budgets.data ?? []).filter((it) => me.data?.role !== 'admin' || it.targetId === me.data.id);
  return (
    <div className="mx-auto grid w-full max-w-4xl grid-cols-[minmax(0,1fr)] gap-6 px-4 py-6 sm:px-6 sm:py-8">
      <h1 className="font-semibold text-xl tracking-tight">Usage</h1>
      {own.length > 0 && (
        <Panel id="budgets" title="Budgets" description="Set by administrators." flush>
          <BudgetList budgets={own} />
        </Panel>
      )}
      <UsageSums all={false} groups={['model', 'session', 'sandbox', 'day']} />
    </div>
  );
}
