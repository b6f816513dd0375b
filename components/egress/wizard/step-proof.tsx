'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus, Terminal } from 'lucide-react';
import Link from 'next/link';
import { useEffect } from 'react';
import { LoadError } from '../../api/load-state';
import { useTRPC } from '../../api/trpc';
import { EgressChip } from '../../network/egress-chip';
import { StateBadge } from '../../sandboxes/state';
import { TaskSteps } from '../../sandboxes/task-progress';
import { Note } from '../../ui/banner';
import { Button } from '../../ui/button';
import { DialogActions } from '../../ui/dialog';
import { Skeleton } from '../../ui/panel';
import { Conclusion, ProofRunView } from '../proof-run';
import { useProofRun } from '../use-proof-run';
import { emptyDraft } from './draft';
import type { StepProps } from './wizard';

/** Sandboxes shown one by one before the rest is only counted. */
const SHOWN = 5;

export function StepProof({ draft, change }: StepProps) {
  const { saved, followers } = draft;
  return (
    <div className="grid gap-4">
      {followers.length > 0 ? (
        <>
          {followers.slice(0, SHOWN).map((id) => (
            <Follower key={id} id={id} />
          ))}
          {followers.length > SHOWN && (
            <p className="text-ink-soft text-sm">and {followers.length - SHOWN} more, see Tasks.</p>
          )}
        </>
      ) : (
        saved.map((it) => <Proving key={it.id} id={it.id} label={it.label} alone={saved.length === 1} />)
      )}
      <DialogActions>
        <Button onClick={() => change(emptyDraft)}>
          <Plus /> Add another
        </Button>
        <Button look="primary" asChild>
          <Link href={saved.length === 1 ? `/admin/egress/${saved[0]?.id}` : '/admin/egress'}>Done</Link>
        </Button>
      </DialogActions>
    </div>
  );
}

/** Nothing runs by it yet: its own test is the proof, and gives the list its state. */
function Proving({ id, label, alone }: { id: string; label: string; alone: boolean }) {
  const { run, start, cancel } = useProofRun();
  useEffect(() => {
    void start(`/api/egresses/${id}/test`);
  }, [start, id]);
  return (
    <div className="grid gap-2">
      {!alone && <p className="font-medium text-sm">{label}</p>}
      <ProofRunView run={run} kind="test" cancel={cancel} />
      {alone && run.proof?.verdict === 'green' && (
        <p className="text-ink-soft text-sm">
          No sandbox is running by it yet. The next one that starts goes out by it, and proves it again first.
        </p>
      )}
    </div>
  );
}

function Follower({ id }: { id: string }) {
  const trpc = useTRPC();
  const sandbox = useQuery(trpc.sandboxes.get.queryOptions({ id }));
  const network = useQuery(trpc.network.ofSandbox.queryOptions({ sandboxId: id }));
  const newest = network.data?.proof;
  if (sandbox.isPending) return <Skeleton className="h-20" />;
  if (!sandbox.data) return <LoadError error={sandbox.error} retry={() => void sandbox.refetch()} />;
  const { name, state, reason, egress, task } = sandbox.data;
  // The two answers come apart; a proof that the chip does not know of yet would contradict it.
  const proof = newest && newest.finishedAt === egress.provenAt ? newest : null;
  const working = task && (task.state === 'running' || task.state === 'queued');
  return (
    <article aria-label={name} className="grid gap-3 rounded-lg border p-4" aria-live="polite">
      <div className="flex flex-wrap items-center gap-2">
        <span className="min-w-0 truncate font-medium">{name}</span>
        <StateBadge state={state} />
        <Button look="ghost" size="sm" asChild className="ml-auto">
          <Link href={`/sandboxes/${id}`}>
            <Terminal aria-hidden /> Open
          </Link>
        </Button>
      </div>
      {working ? (
        <TaskSteps task={task} />
      ) : (
        <>
          <EgressChip egress={egress} fenced={state === 'unavailable'} />
          {proof && state !== 'unavailable' && <Conclusion proof={proof} />}
        </>
      )}
      {!working && state === 'unavailable' && (
        <Note tone="bad">
          <strong>Fenced: nothing leaves it.</strong> {reason}
        </Note>
      )}
    </article>
  );
}
