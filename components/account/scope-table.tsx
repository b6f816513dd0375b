'use client';

import { Fragment } from 'react';
import type { Scope } from '../../shared/scopes';

const needs = ['read', 'write', 'input'] as const;

/** A line for each thing, a box for each of its scopes; the form reads them by the name `scope`. */
export function ScopeTable({ offered, changed }: { offered: readonly Scope[]; changed(): void }) {
  const things = [...new Set(offered.map((it) => it.split(':')[0] ?? it))];
  const box = (scope: Scope, text: string) => (
    <label className="flex min-h-7 items-center gap-1.5 whitespace-nowrap text-sm max-sm:min-h-9">
      <input type="checkbox" name="scope" value={scope} aria-label={scope} onChange={changed} />
      {text}
    </label>
  );
  return (
    <fieldset className="grid grid-cols-[1fr_auto_auto_auto] items-center gap-x-4 rounded border p-3">
      <legend className="px-1 text-ink-faint text-xs">Scopes</legend>
      {things.map((thing) => {
        const alone = offered.find((it) => it === thing);
        return (
          <Fragment key={thing}>
            <span className="truncate font-medium text-sm">{thing}</span>
            {alone !== undefined && (
              <span className="col-span-3">{box(alone, 'what only administrators may')}</span>
            )}
            {alone === undefined &&
              needs.map((need) => {
                const scope = offered.find((it) => it === `${thing}:${need}`);
                return <span key={need}>{scope === undefined ? null : box(scope, need)}</span>;
              })}
          </Fragment>
        );
      })}
    </fieldset>
  );
}
