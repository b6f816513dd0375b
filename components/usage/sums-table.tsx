import { useQuery } from '@tanstack/react-query';
import { ChevronRight } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { UsageSum } from '../../shared/usage';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { cx } from '../ui/cx';
import { Skeleton } from '../ui/panel';
import { allTokens, count, dollars, read } from './amounts';

interface Range {
  from: string;
  to: string;
}
const COLUMNS = ['Requests', 'Read', 'Written', 'Cost'] as const;
/** What phones have no room for beside the cost: it stands below the name there. */
const WIDE = 'max-sm:hidden';

/** Figures of one row; `name` is its head. */
function Row({ sum, name, part }: { sum: UsageSum; name: ReactNode; part?: boolean }) {
  const cell = cx('px-3 py-2 text-right tabular-nums', part && 'text-ink-soft');
  return (
    <tr title={`${count(allTokens(sum))} tokens`} className={cx(part && 'bg-sunken')}>
      <th scope="row" className="w-full max-w-0 min-w-40 px-5 py-2 text-left font-normal">
        {name}
      </th>
      <td className={cx(cell, WIDE)}>{count(sum.requests)}</td>
      <td className={cx(cell, WIDE)}>{count(read(sum))}</td>
      <td className={cx(cell, WIDE)}>{count(sum.output)}</td>
      <td className={cx(cell, 'pr-5 whitespace-nowrap', !part && 'font-medium')}>
        {sum.estimated > 0 && <span className="text-ink-faint">≈ </span>}
        {dollars(sum.costUsd)}
      </td>
    </tr>
  );
}

function Name({ sum }: { sum: UsageSum }) {
  return (
    <span className="grid min-w-0">
      <span className="truncate" title={sum.name}>
        {sum.name}
      </span>
      {sum.detail && (
        <span className="truncate text-ink-faint text-xs" title={sum.detail}>
          {sum.detail}
        </span>
      )}
      <span className="text-ink-faint text-xs tabular-nums sm:hidden">
        {count(sum.requests)} {sum.requests === 1 ? 'request' : 'requests'}, {count(read(sum))} read,{' '}
        {count(sum.output)} written
      </span>
    </span>
  );
}

/** Rows of a session's turns, below its own. */
function TurnRows({ session, range }: { session: string; range: Range }) {
  const trpc = useTRPC();
  const query = { ...range, all: false, by: 'turn', sessionId: session } as const;
  const turns = useQuery(trpc.usage.sums.queryOptions(query));
  if (turns.data) {
    return turns.data.map((it) => (
      <Row
        key={it.key}
        part
        sum={it}
        name={
          <span className="block pl-6">
            <Name sum={it} />
          </span>
        }
      />
    ));
  }
  return (
    <tr className="bg-sunken">
      <td colSpan={COLUMNS.length + 1} className="px-5 py-2">
        {turns.isError ? (
          <LoadError error={turns.error} retry={() => void turns.refetch()} />
        ) : (
          <Skeleton className="h-8" />
        )}
      </td>
    </tr>
  );
}

/** A session that shows what each of its turns has cost when it is opened. */
function SessionRows({ sum, range }: { sum: UsageSum; range: Range }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Row
        sum={sum}
        name={
          <button
            type="button"
            aria-expanded={open}
            title={open ? 'Hide its turns' : 'Show what each turn has cost'}
            onClick={() => setOpen(!open)}
            className="-ml-1 flex w-full min-w-0 items-center gap-1 rounded text-left hover:text-accent"
          >
            <ChevronRight
              aria-hidden
              className={cx('size-4 shrink-0 text-ink-faint transition-transform', open && 'rotate-90')}
            />
            <Name sum={sum} />
          </button>
        }
      />
      {open && <TurnRows session={sum.key} range={range} />}
    </>
  );
}

/** What was spent, by who or what it was spent for. `turns`: rows are sessions. */
export function SumsTable({
  of,
  rows,
  range,
  turns,
}: {
  of: string;
  rows: readonly UsageSum[];
  range: Range;
  turns: boolean;
}) {
  return (
    // Relative: what is for screen readers only is placed within what scrolls, not beside the window.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrolled by keys too
    <section aria-label="Sums" tabIndex={0} className="relative -mx-5 overflow-x-auto">
      <table className="w-full text-sm">
        <thead className="text-ink-faint text-xs">
          <tr>
            <th scope="col" className="px-5 py-2 text-left font-medium">
              {of}
            </th>
            {COLUMNS.map((it) => (
              <th
                key={it}
                scope="col"
                className={cx('px-3 py-2 text-right font-medium last:pr-5', it !== 'Cost' && WIDE)}
              >
                {it}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y">
          {rows.map((it) =>
            turns && it.key !== '' && it.name !== it.key ? (
              <SessionRows key={it.key} sum={it} range={range} />
            ) : (
              <Row key={it.key} sum={it} name={<Name sum={it} />} />
            ),
          )}
        </tbody>
      </table>
    </section>
  );
}
