import type { UsageSum } from '../../shared/usage';
import { dollars } from './amounts';

const DAY_MS = 86_400_000;

/** Cost of each day as bars; a table for who cannot see them is what stands below. */
export function DayBars({ range, sums }: { range: { from: string; to: string }; sums: readonly UsageSum[] }) {
  const byDay = new Map(sums.map((it) => [it.key, it.costUsd]));
  const days: string[] = [];
  for (let at = Date.parse(range.from); at <= Date.parse(range.to); at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  const most = Math.max(...days.map((it) => byDay.get(it) ?? 0));
  const total = sums.reduce((sum, it) => sum + it.costUsd, 0);
  return (
    <figure className="grid gap-2">
      <figcaption className="flex items-baseline gap-2">
        <span className="font-semibold text-2xl tabular-nums tracking-tight">{dollars(total)}</span>
        <span className="text-ink-faint text-sm">
          {days.length === 1 ? 'today' : `in ${days.length} days, ${dollars(most)} on the dearest one`}
        </span>
      </figcaption>
      {days.length > 1 && (
        <div className="flex h-24 items-end gap-px border-b" aria-hidden>
          {days.map((day) => {
            const cost = byDay.get(day) ?? 0;
            return (
              <div
                key={day}
                title={`${day}: ${dollars(cost)}`}
                className="flex h-full min-w-0 flex-1 items-end hover:bg-sunken"
              >
                <div
                  className="w-full rounded-t-sm bg-accent"
                  // Two pixels for what is not nothing.
                  style={{ height: cost > 0 ? `max(2px, ${(cost / most) * 100}%)` : 0 }}
                />
              </div>
            );
          })}
        </div>
      )}
      {days.length > 1 && (
        <p className="-mt-1 flex justify-between text-ink-faint text-xs tabular-nums" aria-hidden>
          <span>{range.from}</span>
          <span>{range.to}</span>
        </p>
      )}
    </figure>
  );
}
