'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { History } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import type { PolicyView } from '../../../shared/egress-views';
import { diffPolicies } from '../../../shared/policy-diff';
import { failureOf } from '../../api/failure';
import { LoadError } from '../../api/load-state';
import { useTRPC } from '../../api/trpc';
import { Badge } from '../../ui/banner';
import { Button } from '../../ui/button';
import { Confirm } from '../../ui/confirm';
import { Panel, Skeleton } from '../../ui/panel';
import { moment } from '../../ui/time';
import { Refused } from '../refused';
import type { PolicyPlace } from './rules';

/** Versions shown before the rest is opened. */
const SHOWN = 5;

export function PolicyVersions({ place, current }: { place: PolicyPlace; current: PolicyView }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const list = useQuery(trpc.policies.versions.queryOptions(place));
  const [back, setBack] = useState<number | null>(null);
  const [all, setAll] = useState(false);
  const rollBack = useMutation(
    trpc.policies.rollBack.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => {
        setBack(null);
        toast.success('Rolled back, as a new version.');
      },
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.policies.pathKey() }),
    }),
  );
  const failure = rollBack.error ? failureOf(rollBack.error) : null;
  const target = list.data?.find((it) => it.version === back);
  const diff = target ? diffPolicies(current.policy, target.policy) : null;
  return (
    <Panel id="versions" title="History">
      {list.isPending ? (
        <Skeleton className="h-16" />
      ) : !list.data ? (
        <LoadError error={list.error} retry={() => void list.refetch()} />
      ) : list.data.length === 0 ? (
        <p className="text-ink-soft text-sm">Each change becomes a version that you can go back to.</p>
      ) : (
        <ol className="grid gap-3">
          {list.data.slice(0, all ? undefined : SHOWN).map((it) => (
            <li key={it.version} className="flex items-start justify-between gap-3 text-sm">
              <div className="min-w-0">
                <p className="font-medium">
                  Version {it.version} {it.version === current.version && <Badge tone="good">Present</Badge>}
                </p>
                <p className="break-words text-ink-faint text-xs">
                  {moment(it.at)} by {it.by}
                  {it.note && `: ${it.note}`}
                </p>
              </div>
              {it.version !== current.version && (
                <Button
                  size="sm"
                  onClick={() => setBack(it.version)}
                  aria-label={`Go back to version ${it.version}`}
                >
                  <History /> Go back
                </Button>
              )}
            </li>
          ))}
          {list.data.length > SHOWN && !all && (
            <li>
              <Button look="link" size="sm" onClick={() => setAll(true)}>
                Show all {list.data.length}
              </Button>
            </li>
          )}
        </ol>
      )}
      <Confirm
        open={back !== null}
        onOpenChange={() => {
          rollBack.reset();
          setBack(null);
        }}
        title={`Go back to version ${back ?? ''}?`}
        description={
          <span className="grid gap-2">
            {diff && (
              <span className="grid gap-0.5">
                {diff.added.map((it) => (
                  <span key={it} className="text-good">
                    + {it}
                  </span>
                ))}
                {diff.removed.map((it) => (
                  <span key={it} className="text-bad">
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
        busy={rollBack.isPending}
        onConfirm={() => back !== null && rollBack.mutate({ ...place, version: back })}
      />
    </Panel>
  );
}
