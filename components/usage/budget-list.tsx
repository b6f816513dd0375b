import type { ReactNode } from 'react';
import { BUDGET_WARN_PERCENTS, type BudgetView } from '../../shared/usage';
import { cx } from '../ui/cx';
import { moment } from '../ui/time';
import { amount } from './amounts';

const whose = { user: 'User', workspace: 'Workspace', sandbox: 'Sandbox' } as const;

/** How much of each budget is used, as a bar and in words. */
export function BudgetList({
  budgets,
  actions,
}: {
  budgets: readonly BudgetView[];
  actions?: (budget: BudgetView) => ReactNode;
}) {
  return (
    <ul className="divide-y">
      {budgets.map((it) => {
        const percent = it.limit === 0 ? 100 : Math.min(100, (it.used / it.limit) * 100);
        const tone = percent >= 100 ? 'bg-bad' : percent >= BUDGET_WARN_PERCENTS[0] ? 'bg-warn' : 'bg-accent';
        return (
          <li
            key={`${it.target} ${it.targetId} ${it.window} ${it.measure}`}
            className="flex items-center gap-3 px-5 py-3"
          >
            <div className="grid min-w-0 flex-1 grid-cols-[minmax(0,1fr)] gap-1.5">
              <p className="flex flex-wrap items-baseline justify-between gap-x-3 text-sm">
                <span className="min-w-0 max-w-full truncate" title={it.name}>
                  <span className="font-medium">{it.name}</span>{' '}
                  <span className="text-ink-faint text-xs">{whose[it.target]}</span>
                </span>
                <span className="tabular-nums">
                  {amount(it.measure, it.used)}{' '}
                  <span className="text-ink-faint">
                    of {amount(it.measure, it.limit)} a {it.window}
                  </span>
                </span>
              </p>
              <div
                role="progressbar"
                aria-label={`Used of the ${it.measure} a ${it.window} of ${it.name}`}
                aria-valuenow={Math.round(percent)}
                aria-valuemin={0}
                aria-valuemax={100}
                className="h-1.5 overflow-hidden rounded-full bg-sunken"
              >
                <div className={cx('h-full rounded-full', tone)} style={{ width: `${percent}%` }} />
              </div>
              {percent >= 100 && (
                <p className="text-bad text-xs">
                  Used up: Claude’s requests are refused until {moment(it.resetsAt)}.
                </p>
              )}
            </div>
            {actions?.(it)}
          </li>
        );
      })}
    </ul>
  );
}
