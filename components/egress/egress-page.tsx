'use client';

import { useQuery } from '@tanstack/react-query';
import { ArrowLeft, CircleAlert, FlaskConical, Route, TriangleAlert } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import type { EgressView } from '../../shared/egress-views';
import { failureOf } from '../api/failure';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Badge, Note } from '../ui/banner';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { EmptyState, Panel, Skeleton } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { EgressMenu } from './egress-menu';
import { EgressSettings } from './egress-settings';
import { HealthCharts } from './health-charts';
import { Conclusion, ProofChecks, ProofRunView } from './proof-run';
import { useProofRun } from './use-proof-run';
import { ExitAddress, VerdictBadge } from './verdict';
import { causeWords, kindNames, milliseconds, verdictWords } from './words';

export function EgressPage({ id }: { id: string }) {
  const trpc = useTRPC();
  const egress = useQuery(trpc.egress.get.queryOptions({ id }));
  if (egress.isPending)
    return (
      <div role="status" aria-label="Loading the way out" className="grid gap-4">
        <Skeleton className="h-10 w-64" />
        <Skeleton className="h-72" />
      </div>
    );
  if (egress.isError && failureOf(egress.error).code === 'not_found')
    return (
      <EmptyState
        icon={Route}
        title="This way out is not there any more"
        action={
          <Button asChild>
            <Link href="/admin/egress">
              <ArrowLeft aria-hidden /> Ways out
            </Link>
          </Button>
        }
      >
        Somebody removed it, or the address is wrong.
      </EmptyState>
    );
  if (!egress.data)
    return <LoadError error={egress.error} retry={() => void egress.refetch()} busy={egress.isFetching} />;
  return <Loaded egress={egress.data} />;
}

function Loaded({ egress }: { egress: EgressView }) {
  const router = useRouter();
  const now = useNow(10_000);
  const { health } = egress;
  return (
    <div className="grid min-w-0 gap-5">
      <header className="flex items-start justify-between gap-3">
        <div className="grid min-w-0 gap-1">
          <div className="flex flex-wrap items-center gap-2">
            <h2 className="min-w-0 break-words font-semibold text-lg">{egress.label}</h2>
            <VerdictBadge verdict={health.verdict} />
            {!egress.enabled && <Badge>Switched off</Badge>}
          </div>
          <p className="break-all text-ink-soft text-sm">
            {kindNames[egress.kind]}
            {egress.endpoint && ` · ${egress.endpoint}`}
            {health.at && now !== null && (
              <span title={moment(health.at)}> · last tested {relative(health.at, now)}</span>
            )}
          </p>
        </div>
        <EgressMenu egress={egress} onRemoved={() => router.push('/admin/egress')} />
      </header>
      {egress.warnings.map((it) => (
        <Note key={it} tone="warn" icon={TriangleAlert}>
          {it}
        </Note>
      ))}
      <div className="grid min-w-0 items-start gap-5 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="grid min-w-0 gap-5">
          <LastProof egress={egress} />
          <HealthCharts id={egress.id} />
          <EgressSettings key={egress.updatedAt} egress={egress} />
        </div>
        <div className="grid min-w-0 gap-5">
          <Panel id="seen" title="What the Internet sees">
            <dl className="grid gap-2 text-sm [&>div]:flex [&>div]:justify-between [&>div]:gap-4 [&_dt]:text-ink-faint">
              <div>
                <dt>Exit address</dt>
                <dd>
                  <ExitAddress address={health.exitAddress} country={health.country} />
                </dd>
              </div>
              <div>
                <dt>Must be</dt>
                <dd className="tabular">{egress.expectedAddress ?? 'any'}</dd>
              </div>
              <div>
                <dt>Latency</dt>
                <dd className="tabular">
                  {health.latencyMs === null ? '–' : milliseconds(health.latencyMs)}
                </dd>
              </div>
            </dl>
          </Panel>
          {egress.publicKey && (
            <Panel
              id="key"
              title="Our public key"
              description="For the peer. The private key stays on this host."
            >
              <code className="mb-3 block select-all break-all rounded-md bg-sunken px-3 py-2 text-xs">
                {egress.publicKey}
              </code>
              <CopyButton text={egress.publicKey} label="Copy the public key" />
            </Panel>
          )}
          <UsedBy egress={egress} />
        </div>
      </div>
    </div>
  );
}

function LastProof({ egress }: { egress: EgressView }) {
  const trpc = useTRPC();
  const { run, start, cancel } = useProofRun();
  const { health } = egress;
  const proofs = useQuery(trpc.egress.proofs.queryOptions({ id: egress.id, limit: 1 }));
  const proof = proofs.data?.[0];
  // A test that did not come as far as a proof is newer than the last one.
  const newest = proof && health.at !== null && Date.parse(health.at) <= Date.parse(proof.finishedAt);
  const running = run.state === 'running';
  return (
    <Panel
      id="proof"
      title={run.state === 'idle' ? 'Last proof' : 'Test'}
      description={health.at ? `Taken ${moment(health.at)}` : 'Not taken yet'}
      actions={
        <Button
          busy={running}
          look={health.verdict === null ? 'primary' : 'secondary'}
          onClick={() => void start(`/api/egresses/${egress.id}/test`)}
        >
          <FlaskConical /> Test now
        </Button>
      }
    >
      {run.state !== 'idle' ? (
        <div className="grid gap-4">
          <ProofRunView run={run} kind="test" cancel={cancel} />
          {run.proof && (
            <details>
              <summary className="text-ink-soft text-sm hover:text-ink">
                All {run.proof.checks.length} checks
              </summary>
              <ProofChecks checks={run.proof.checks} />
            </details>
          )}
        </div>
      ) : health.verdict === null ? (
        <p className="text-ink-soft text-sm">A test shows each stage as it happens and takes some seconds.</p>
      ) : (
        <div className="grid gap-3">
          {!newest && health.reason && (
            <Note tone={verdictWords[health.verdict].tone} icon={CircleAlert}>
              <strong>{verdictWords[health.verdict].word}.</strong> {health.reason}
            </Note>
          )}
          {proofs.isPending ? (
            <Skeleton className="h-16" />
          ) : proof ? (
            <>
              {!newest && (
                <p className="text-ink-soft text-sm">The last whole proof, {moment(proof.finishedAt)}:</p>
              )}
              <Conclusion proof={proof} />
              <details open={newest && proof.verdict !== 'green'}>
                <summary className="text-ink-soft text-sm hover:text-ink">
                  All {proof.checks.length} checks, {causeWords[proof.cause]}
                </summary>
                <ProofChecks checks={proof.checks} />
              </details>
            </>
          ) : null}
        </div>
      )}
    </Panel>
  );
}

/** Bindings and pools that name it, and how many sandboxes go by it now. */
function UsedBy({ egress }: { egress: EgressView }) {
  const trpc = useTRPC();
  const bindings = useQuery(trpc.egress.bindings.queryOptions());
  const pools = useQuery(trpc.egress.pools.queryOptions());
  const bound = (bindings.data ?? []).filter((it) => it.egressId === egress.id);
  const member = (pools.data ?? []).filter((it) => it.members.some((one) => one.egressId === egress.id));
  const nobody = bound.length === 0 && member.length === 0 && egress.sandboxes === 0;
  return (
    <Panel id="used" title="Who uses it">
      {bindings.isPending || pools.isPending ? (
        <Skeleton className="h-16" />
      ) : bindings.isError || pools.isError ? (
        <LoadError
          error={bindings.error ?? pools.error}
          retry={() => {
            void bindings.refetch();
            void pools.refetch();
          }}
        />
      ) : (
        <div className="grid gap-3 text-sm">
          {nobody && <p className="text-ink-soft">Nobody. It can be removed.</p>}
          {bound.length + member.length > 0 && (
            <ul className="grid gap-1.5">
              {bound.map((it) => (
                <li key={`${it.target} ${it.targetId}`} className="flex gap-2">
                  <span className="w-20 shrink-0 text-ink-faint capitalize">{it.target}</span>
                  {it.target === 'sandbox' ? (
                    <Link className="truncate text-accent hover:underline" href={`/sandboxes/${it.targetId}`}>
                      {it.targetName}
                    </Link>
                  ) : (
                    <span className="truncate">
                      {it.target === 'everyone' ? 'all without a nearer one' : it.targetName}
                    </span>
                  )}
                </li>
              ))}
              {member.map((it) => (
                <li key={it.id} className="flex gap-2">
                  <span className="w-20 shrink-0 text-ink-faint">Pool</span>
                  <Link className="truncate text-accent hover:underline" href="/admin/egress/pools">
                    {it.label}
                  </Link>
                </li>
              ))}
            </ul>
          )}
          {egress.sandboxes > 0 && (
            <p className="text-ink-soft">
              {egress.sandboxes === 1 ? 'One sandbox goes' : `${egress.sandboxes} sandboxes go`} out by it
              now.
            </p>
          )}
          <Button asChild size="sm" className="justify-self-start">
            <Link href={`/admin/egress/bindings?egress=${egress.id}`}>Assign it…</Link>
          </Button>
        </div>
      )}
    </Panel>
  );
}
