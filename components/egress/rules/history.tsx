'use client';

import { History as HistoryIcon } from 'lucide-react';
import { useState } from 'react';
import type { Failure } from '../../api/failure';
import { Badge } from '../../ui/banner';
import { Button } from '../../ui/button';
import { Confirm } from '../../ui/confirm';
import { moment } from '../../ui/time';
import { Refused } from '../refused';

/** Versions shown before the rest is opened. */
const SHOWN = 5;

interface Version {
  version: number;
  at: string;
  by: string;
  note: string;
}

/** Versions, newest first, with the way back to each. */
export function History<T extends Version>({
  versions,
  current,
  difference,
  busy,
  failure,
  goBack,
  leave,
}: {
  versions: readonly T[];
  current: number;
  /** What going back to it would change. */
  difference(to: T): { added: string[]; removed: string[] };
  busy: boolean;
  failure: Failure | null;
  goBack(version: number, done: () => void): void;
  /** The question was left: its failure is of no interest any more. */
  leave(): void;
}) {
  const [back, setBack] = useState<T | null>(null);
  const [all, setAll] = useState(false);
  if (versions.length === 0)
    return <p className="text-ink-soft text-sm">Each change becomes a version that you can go back to.</p>;
  const diff = back === null ? null : difference(back);
  return (
    <>
      <ol className="grid gap-3">
        {versions.slice(0, all ? undefined : SHOWN).map((it) => (
          <li key={it.version} className="flex items-start justify-between gap-3 text-sm">
            <div className="min-w-0">
              <p className="font-medium">
                Version {it.version} {it.version === current && <Badge tone="good">Present</Badge>}
              </p>
              <p className="break-words text-ink-faint text-xs">
                {moment(it.at)} by {it.by}
                {it.note && `: ${it.note}`}
              </p>
            </div>
            {it.version !== current && (
              <Button
                size="sm"
                className="shrink-0"
                onClick={() => setBack(it)}
                aria-label={`Go back to version ${it.version}`}
              >
                <HistoryIcon /> Go back
              </Button>
            )}
          </li>
        ))}
        {versions.length > SHOWN && !all && (
          <li>
            <Button look="link" size="sm" onClick={() => setAll(true)}>
              Show all {versions.length}
            </Button>
          </li>
        )}
      </ol>
      <Confirm
        open={back !== null}
        onOpenChange={() => {
          leave();
          setBack(null);
        }}
        title={`Go back to version ${back?.version ?? ''}?`}
        description={
          <span className="grid gap-2">
            {diff && (
              <span className="grid max-h-64 gap-0.5 overflow-y-auto">
                {diff.added.map((it) => (
                  <span key={it} className="break-words text-good">
                    + {it}
                  </span>
                ))}
                {diff.removed.map((it) => (
                  <span key={it} className="break-words text-bad">
                    − {it}
                  </span>
                ))}
                {diff.added.length + diff.removed.length === 0 && 'It says the same as now.'}
              </span>
            )}
            <span>Running sandboxes follow at once.</span>
            {failure && <Refused failure={failure} />}
          </span>
        }
        action="Go back"
        busy={busy}
        onConfirm={() => back !== null && goBack(back.version, () => setBack(null))}
      />
    </>
  );
}
