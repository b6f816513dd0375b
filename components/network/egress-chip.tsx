'use client';

import { CircleAlert, CircleCheck, CircleDashed, CircleHelp } from 'lucide-react';
import type { SandboxView } from '../../shared/views';
import { flagOf, milliseconds, verdictWords } from '../egress/words';
import { toneClass } from '../ui/banner';
import { cx } from '../ui/cx';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';

const icons = { green: CircleCheck, red: CircleAlert, incomplete: CircleHelp };
const untested = { word: 'Not proven yet', tone: 'calm', means: 'No proof has been taken.' } as const;

/** By which way a sandbox goes out, what the Internet sees of it, and whether that is proven. */
export function EgressChip({ egress, fenced = false }: { egress: SandboxView['egress']; fenced?: boolean }) {
  const now = useNow(10_000);
  const { verdict, label, exitAddress, country, latencyMs, provenAt } = egress;
  const { word, tone, means } = fenced
    ? { word: 'Fenced', tone: 'bad' as const, means: 'Nothing leaves it.' }
    : verdict === null
      ? untested
      : verdictWords[verdict];
  const Icon = fenced ? CircleAlert : verdict === null ? CircleDashed : icons[verdict];
  const when = provenAt ? `Proven ${moment(provenAt)}.` : '';
  return (
    <p
      data-testid="egress-chip"
      data-verdict={fenced ? 'fenced' : (verdict ?? 'none')}
      title={`${label}: ${means} ${when}`}
      className={cx(
        'flex min-w-0 flex-wrap items-center gap-x-2 gap-y-0.5 justify-self-start rounded-md px-2 py-1 text-xs',
        toneClass[tone],
      )}
    >
      <span className="flex min-w-0 items-center gap-1.5 font-medium">
        <Icon className="size-3.5 shrink-0" aria-hidden />
        <span className="sr-only">Way out: </span>
        <span className="truncate">{label}</span>
      </span>
      {exitAddress && (
        <span className="tabular">
          {country && (
            <>
              <span aria-hidden>{flagOf(country)}</span> {country}{' '}
            </>
          )}
          {exitAddress}
        </span>
      )}
      <span>{word}</span>
      {latencyMs !== null && !fenced && <span className="tabular">{milliseconds(latencyMs)}</span>}
      {provenAt && now !== null && <span className="tabular">{relative(provenAt, now)}</span>}
    </p>
  );
}
