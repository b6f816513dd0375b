'use client';

import { useState } from 'react';
import {
  type BudgetMeasure,
  type BudgetTarget,
  type BudgetWindow,
  budgetMeasures,
  budgetTargets,
  budgetWindows,
  type SetBudget,
  setBudgetSchema,
} from '../../shared/usage';
import { failureOf } from '../api/failure';
import { TargetSelect, useTargets } from '../egress/targets';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Field, Input, Select } from '../ui/field';

const measures: Record<BudgetMeasure, string> = {
  tokens: 'Tokens, of every kind',
  usd: 'US dollars',
  requests: 'Requests',
};
const windows: Record<BudgetWindow, string> = { day: 'A day', month: 'A month' };
const targets: Record<BudgetTarget, string> = {
  user: 'One user',
  workspace: 'One workspace',
  sandbox: 'One sandbox',
};

/** Who, how much, of what, in which time. */
export function BudgetForm({
  busy,
  error,
  onSave,
  onCancel,
}: {
  busy: boolean;
  error: unknown;
  onSave(budget: SetBudget): void;
  onCancel(): void;
}) {
  const choices = useTargets();
  const [target, setTarget] = useState<BudgetTarget>('user');
  const [targetId, setTargetId] = useState('');
  const [measure, setMeasure] = useState<BudgetMeasure>('usd');
  const [window, setWindow] = useState<BudgetWindow>('month');
  const [limit, setLimit] = useState('');
  const [tried, setTried] = useState(false);
  const budget = setBudgetSchema.safeParse({
    ...{ target, targetId, measure, window },
    limit: limit.trim() === '' ? undefined : Number(limit),
  });
  const wrong = (field: string) =>
    tried && !budget.success && budget.error.issues.some((it) => it.path[0] === field);
  const failure = error ? failureOf(error) : null;
  return (
    <form
      noValidate
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (budget.success) onSave(budget.data);
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="For">
          {(control) => (
            <Select
              {...control}
              value={target}
              onChange={(event) => {
                setTarget(budgetTargets.find((it) => it === event.target.value) ?? target);
                setTargetId('');
              }}
            >
              {budgetTargets.map((it) => (
                <option key={it} value={it}>
                  {targets[it]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <div className="grid content-start gap-1.5">
          <TargetSelect place={{ target, targetId }} choices={choices} onChange={setTargetId} />
          {wrong('targetId') && <p className="text-bad text-xs">Choose which one.</p>}
        </div>
        <Field
          label="At most"
          error={wrong('limit') ? 'Give a number; 0 lets nothing through.' : undefined}
          hint={measure === 'usd' ? 'By the prices below.' : undefined}
        >
          {(control) => (
            <Input
              {...control}
              inputMode="decimal"
              value={limit}
              placeholder={measure === 'usd' ? '50' : '1000000'}
              onChange={(event) => setLimit(event.target.value)}
            />
          )}
        </Field>
        <div className="grid grid-cols-2 gap-4">
          <Field label="Of">
            {(control) => (
              <Select
                {...control}
                value={measure}
                onChange={(event) =>
                  setMeasure(budgetMeasures.find((it) => it === event.target.value) ?? measure)
                }
              >
                {budgetMeasures.map((it) => (
                  <option key={it} value={it}>
                    {measures[it]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="In">
            {(control) => (
              <Select
                {...control}
                value={window}
                onChange={(event) =>
                  setWindow(budgetWindows.find((it) => it === event.target.value) ?? window)
                }
              >
                {budgetWindows.map((it) => (
                  <option key={it} value={it}>
                    {windows[it]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </div>
      </div>
      {failure && (
        <Note tone="bad">
          <strong>{failure.title}</strong> {failure.next}
        </Note>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          Set
        </Button>
      </div>
    </form>
  );
}
