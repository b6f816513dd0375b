import { CircleAlert, CircleCheck, CircleDashed, CircleHelp } from 'lucide-react';
import { Badge } from '../ui/banner';
import { flagOf, type Verdict, verdictWords } from './words';

const icons = { green: CircleCheck, red: CircleAlert, incomplete: CircleHelp };

/** Colour, sign and word: none of them alone. */
export function VerdictBadge({ verdict }: { verdict: Verdict | null }) {
  if (verdict === null)
    return (
      <Badge>
        <CircleDashed className="size-3" aria-hidden /> Not tested
      </Badge>
    );
  const { word, tone } = verdictWords[verdict];
  const Icon = icons[verdict];
  return (
    <Badge tone={tone}>
      <Icon className="size-3" aria-hidden /> {word}
    </Badge>
  );
}

export function ExitAddress({ address, country }: { address: string | null; country: string | null }) {
  if (address === null) return <span className="text-ink-faint">unknown</span>;
  return (
    <span className="tabular whitespace-nowrap">
      {country && (
        <span className="mr-1.5" title={country}>
          <span aria-hidden>{flagOf(country)}</span> <span className="text-ink-faint text-xs">{country}</span>
        </span>
      )}
      <span>{address}</span>
    </span>
  );
}
