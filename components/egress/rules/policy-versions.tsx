'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { toast } from 'sonner';
import type { PolicyView } from '../../../shared/egress-views';
import { diffPolicies } from '../../../shared/policy-diff';
import { failureOf } from '../../api/failure';
import { LoadError } from '../../api/load-state';
import { useTRPC } from '../../api/trpc';
import { Panel, Skeleton } from '../../ui/panel';
import { History } from './history';
import type { PolicyPlace } from './rules';

export function PolicyVersions({ place, current }: { place: PolicyPlace; current: PolicyView }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const list = useQuery(trpc.policies.versions.queryOptions(place));
  const rollBack = useMutation(
    trpc.policies.rollBack.mutationOptions({
      meta: { quiet: true },
      onSuccess: () => toast.success('Rolled back, as a new version.'),
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.policies.pathKey() }),
    }),
  );
  return (
    <Panel id="versions" title="History">
      {list.isPending ? (
        <Skeleton className="h-16" />
      ) : !list.data ? (
        <LoadError error={list.error} retry={() => void list.refetch()} />
      ) : (
        <History
          versions={list.data}
          current={current.version}
          difference={(to) => diffPolicies(current.policy, to.policy)}
          busy={rollBack.isPending}
          failure={rollBack.error ? failureOf(rollBack.error) : null}
          goBack={(version, done) => rollBack.mutate({ ...place, version }, { onSuccess: done })}
          leave={rollBack.reset}
        />
      )}
    </Panel>
  );
}
