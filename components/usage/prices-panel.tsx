'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Pencil, Plus, Tag, Undo2 } from 'lucide-react';
import { useState } from 'react';
import { PRICES_DATE, PRICES_SOURCE } from '../../shared/models';
import type { ModelPrice, PriceView } from '../../shared/usage';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Badge } from '../ui/banner';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { PriceForm } from './price-form';

const columns = ['input', 'output', 'cacheRead', 'cacheWrite', 'cacheWriteHour'] as const;
const heads = ['Input', 'Output', 'Cache read', 'Cached 5 min', 'Cached 1 h'] as const;

function Row({
  price,
  onEdit,
  onRemove,
}: {
  price: PriceView;
  onEdit(): void;
  onRemove: (() => void) | null;
}) {
  return (
    <tr>
      <th scope="row" className="px-5 py-2 text-left font-normal">
        <span className="flex flex-wrap items-center gap-2">
          <span className="break-all font-mono text-xs">{price.model}</span>
          {price.source === 'set' && <Badge tone="accent">from {price.since}</Badge>}
          {price.source === 'none' && <Badge tone="warn">No price known</Badge>}
        </span>
      </th>
      {columns.map((it) => (
        <td key={it} className="px-3 py-2 text-right tabular-nums">
          {price.source === 'none' && <span className="text-ink-faint">≈ </span>}
          {price[it].toLocaleString('en', { maximumFractionDigits: 3 })}
        </td>
      ))}
      <td className="py-1 pr-4 pl-2 text-right whitespace-nowrap">
        <Button look="ghost" size="icon" aria-label={`Set the price of ${price.model}`} onClick={onEdit}>
          <Pencil />
        </Button>
        {onRemove && (
          <Button
            look="ghost"
            size="icon"
            aria-label={`Take away the price of ${price.model} from ${price.since}`}
            onClick={onRemove}
          >
            <Undo2 />
          </Button>
        )}
      </td>
    </tr>
  );
}

/** What tokens cost: models used lately, and what administrators have set. */
export function PricesPanel() {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<PriceView | 'new' | null>(null);
  const list = useQuery(trpc.usage.prices.queryOptions());
  const taken = (prices: PriceView[]) => {
    queries.setQueryData(trpc.usage.prices.queryKey(), prices);
    close();
  };
  const set = useMutation(trpc.usage.setPrice.mutationOptions({ meta: { quiet: true }, onSuccess: taken }));
  const remove = useMutation(trpc.usage.removePrice.mutationOptions({ onSuccess: taken }));
  function close() {
    setEditing(null);
    set.reset();
  }
  return (
    <Panel
      id="prices"
      title="Prices"
      description={
        <>
          US dollars per million tokens. What is not set here is{' '}
          <a href={PRICES_SOURCE} target="_blank" rel="noreferrer" className="text-accent underline">
            Anthropic’s list
          </a>{' '}
          of {PRICES_DATE}; a model that is on neither counts as the dearest.
        </>
      }
      actions={
        <Button size="sm" onClick={() => setEditing('new')}>
          <Plus /> Set
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
        <EmptyState icon={Tag} title="No model was used yet">
          Prices of models show up here when they are used. You can set one ahead.
        </EmptyState>
      ) : (
        // Relative: what is for screen readers only is placed within what scrolls, not beside the window.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrolled by keys too
        <section aria-label="Table of prices" tabIndex={0} className="relative overflow-x-auto">
          <table className="w-full text-sm">
            <thead className="text-ink-faint text-xs">
              <tr>
                <th scope="col" className="px-5 py-2 text-left font-medium">
                  Model
                </th>
                {heads.map((it) => (
                  <th key={it} scope="col" className="whitespace-nowrap px-3 py-2 text-right font-medium">
                    {it}
                  </th>
                ))}
                <th scope="col">
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody className="divide-y">
              {list.data.map((it) => (
                <Row
                  key={`${it.model} ${it.since}`}
                  price={it}
                  onEdit={() => setEditing(it)}
                  onRemove={
                    it.source === 'set' && it.since !== null
                      ? () => remove.mutate({ model: it.model, since: it.since ?? '' })
                      : null
                  }
                />
              ))}
            </tbody>
          </table>
        </section>
      )}
      <Dialog open={editing !== null} onOpenChange={close} title="Set a price">
        <PriceForm
          price={editing === 'new' ? null : editing}
          busy={set.isPending}
          error={set.error}
          onCancel={close}
          onSave={(price: ModelPrice) => set.mutate(price)}
        />
      </Dialog>
    </Panel>
  );
}
