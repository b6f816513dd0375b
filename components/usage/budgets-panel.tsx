'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus, Trash2, Wallet } from 'lucide-react';
import { useState } from 'react';
import type { BudgetView, SetBudget } from '../../shared/usage';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { BudgetForm } from './budget-form';
import { BudgetList } from './budget-list';

/** Budgets of everybody, to be set and taken away. */
export function BudgetsPanel() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const list = useQuery(trpc.usage.budgets.queryOptions());
  const set = useMutation(
    trpc.usage.setBudget.mutationOptions({
      meta: { quiet: true },
      onSuccess: (budgets) => {
        queries.setQueryData(trpc.usage.budgets.queryKey(), budgets);
        close();
      },
    }),
  );
  function close() {
    setAdding(false);
    set.reset();
  }
  const remove = ({ target, targetId, window, measure }: BudgetView) =>
    set.mutate({ target, targetId, window, measure, limit: null });
  return (
    <Panel
      id="budgets"
      title="Budgets"
      description="When one is used up, Claude’s requests are refused until it begins anew; what runs is finished."
      actions={
        <Button size="sm" onClick={() => setAdding(true)}>
          <Plus /> Add
        </Button>
      }
      flush
    >
      {list.isError ? (
        <LoadError error={list.error} retry={() => void list.refetch()} />
      ) : !list.data ? (
        <div className="p-5">
          <Skeleton className="h-10" />
        </div>
      ) : list.data.length === 0 ? (
        <EmptyState icon={Wallet} title="No budgets">
          Users, workspaces and sandboxes may spend as they like. Add one to hold them to so much a day or
          month.
        </EmptyState>
      ) : (
        <BudgetList
          budgets={list.data}
          actions={(it) => (
            <Button
              look="ghost"
              size="icon"
              aria-label={`Take away the budget of ${it.measure} a ${it.window} of ${it.name}`}
              onClick={() => remove(it)}
            >
              <Trash2 />
            </Button>
          )}
        />
      )}
      <Dialog
        open={adding}
        onOpenChange={close}
        title="Set a budget"
        description="One that is there already for the same is replaced."
      >
        <BudgetForm
          busy={set.isPending}
          error={set.error}
          onCancel={close}
          onSave={(budget: SetBudget) => set.mutate(budget)}
        />
      </Dialog>
    </Panel>
  );
}
