'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Proof } from '../../shared/proof';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { ProofChecks } from '../egress/proof-run';
import { VerdictBadge } from '../egress/verdict';
import { causeWords } from '../egress/words';
import { Button } from '../ui/button';
import { Skeleton } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { Section } from './section';

const SHOWN = 5;
const FETCHED = 50;

/** Dated proofs, newest first, each with its checks and its signature. */
export function ProofHistory({ sandboxId }: { sandboxId: string }) {
  const trpc = useTRPC();
  const list = useQuery(trpc.network.proofs.queryOptions({ sandboxId, limit: FETCHED }));
  const [all, setAll] = useState(false);
  const now = useNow(10_000);
  return (
    <Section title="History of proofs">
      {list.isPending ? (
        <Skeleton className="h-16" />
      ) : !list.data ? (
        <LoadError error={list.error} retry={() => void list.refetch()} />
      ) : list.data.length === 0 ? (
        <p className="text-ink-soft text-sm">None yet. One is taken at each start, switch and on a timer.</p>
      ) : (
        <ul className="grid gap-1">
          {list.data.slice(0, all ? undefined : SHOWN).map((it) => (
            <li key={it.id}>
              <Entry proof={it} now={now} />
            </li>
          ))}
          {!all && list.data.length > SHOWN && (
            <li>
              <Button look="link" size="sm" onClick={() => setAll(true)}>
                Show {list.data.length - SHOWN} older ones
              </Button>
            </li>
          )}
        </ul>
      )}
    </Section>
  );
}

function Entry({ proof, now }: { proof: Proof; now: number | null }) {
  return (
    <details className="group rounded-md border px-2.5 py-1.5">
      <summary className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs">
        <VerdictBadge verdict={proof.verdict} />
        <span className="tabular text-ink-soft" title={moment(proof.finishedAt)}>
          {now === null ? '' : relative(proof.finishedAt, now)}
        </span>
        <span className="text-ink-faint">{causeWords[proof.cause]}</span>
        {proof.exitAddress && <span className="tabular ml-auto">{proof.exitAddress}</span>}
      </summary>
      {proof.reason && <p className="mt-2 break-words text-ink-soft text-xs">{proof.reason}</p>}
      <ProofChecks checks={proof.checks} />
      <p className="mt-1 break-all text-2xs text-ink-faint">
        Taken {moment(proof.finishedAt)}, signed by the host's key {proof.keyId}, proof {proof.id}
      </p>
    </details>
  );
}
