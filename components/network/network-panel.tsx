'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { RotateCw, Route, ShieldAlert } from 'lucide-react';
import { useState } from 'react';
import type { SandboxNetworkView } from '../../shared/egress-views';
import type { SandboxView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useMe } from '../api/me';
import { useTRPC } from '../api/trpc';
import { BindDialog } from '../egress/bind-dialog';
import { Conclusion, ProofChecks, ProofRunView } from '../egress/proof-run';
import { useProofRun } from '../egress/use-proof-run';
import { ExitAddress, VerdictBadge } from '../egress/verdict';
import { causeWords, kindNames, milliseconds } from '../egress/words';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { Skeleton } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { EffectivePolicy } from './effective-policy';
import { ProofHistory } from './proof-history';
import { Fact, Section } from './section';
import { TrafficSection } from './traffic-section';

const boundWords: Record<SandboxNetworkView['boundBy'], string> = {
  sandbox: 'assigned to this sandbox',
  user: 'assigned to its owner',
  workspace: 'assigned to its workspace',
  everyone: 'assigned to everyone',
  nobody: 'nothing assigned: this host',
};

/** How one sandbox goes out, whether that is proven, what passed, and what it may reach. */
export function NetworkPanel({ sandbox }: { sandbox: SandboxView }) {
  const trpc = useTRPC();
  const network = useQuery(trpc.network.ofSandbox.queryOptions({ sandboxId: sandbox.id }));
  if (network.isPending)
    return (
      <div role="status" aria-label="Loading the network" className="grid gap-4 p-4">
        <Skeleton className="h-24" />
        <Skeleton className="h-64" />
      </div>
    );
  if (!network.data)
    return <LoadError error={network.error} retry={() => void network.refetch()} busy={network.isFetching} />;
  return <Loaded sandbox={sandbox} network={network.data} />;
}

function Loaded({ sandbox, network }: { sandbox: SandboxView; network: SandboxNetworkView }) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const me = useMe();
  const now = useNow(10_000);
  const [choosing, setChoosing] = useState(false);
  const { run, start, cancel, reset } = useProofRun();
  const { proof } = network;
  const admin = me.data?.role === 'admin';
  const insider = sandbox.can.use || sandbox.can.manage;
  const live = sandbox.state === 'running' || sandbox.state === 'unavailable';
  const fenced = network.fenced || sandbox.state === 'unavailable';
  const running = run.state === 'running';

  async function prove() {
    await start(`/api/sandboxes/${sandbox.id}/prove`);
    void queries.invalidateQueries({ queryKey: trpc.network.pathKey() });
    void queries.invalidateQueries({ queryKey: trpc.sandboxes.pathKey() });
  }
  const proveButton = live && insider && (
    <Button size="sm" look={fenced ? 'primary' : 'secondary'} busy={running} onClick={() => void prove()}>
      <RotateCw /> Prove {proof ? 'again' : 'now'}
    </Button>
  );
  const chooseButton = admin && (
    <Button size="sm" onClick={() => setChoosing(true)}>
      <Route /> {fenced ? 'Choose another way out' : 'Change'}
    </Button>
  );
  return (
    <div>
      {fenced && (
        <div className="p-4 pb-0">
          <Note tone="bad" icon={ShieldAlert}>
            <p>
              <strong>Fenced: nothing leaves this sandbox.</strong> {network.reason ?? sandbox.reason}
            </p>
            <p className="mt-1">
              Programs and terminals go on.{' '}
              {admin
                ? 'Mend the way out and prove it again, or choose another one.'
                : 'Prove it again in a moment; if it stays, an administrator can mend the way out or choose another one.'}
            </p>
            <div className="mt-2.5 flex flex-wrap gap-2">
              {proveButton}
              {chooseButton}
            </div>
          </Note>
        </div>
      )}
      <Section title="Way out">
        <dl className="grid gap-1.5">
          <Fact name="Goes out by">
            {network.label}
            {network.kind !== 'direct' && (
              <span className="text-ink-faint"> ({kindNames[network.kind]})</span>
            )}
          </Fact>
          <Fact name="Because">
            {network.poolId ? `of a pool, ${boundWords[network.boundBy]}` : boundWords[network.boundBy]}
          </Fact>
          <Fact name="Exit address">
            <ExitAddress address={proof?.exitAddress ?? null} country={network.country} />
          </Fact>
          {proof?.expectedAddress && <Fact name="Must be">{proof.expectedAddress}</Fact>}
          {proof && proof.latencyMs !== null && <Fact name="Latency">{milliseconds(proof.latencyMs)}</Fact>}
        </dl>
        {!fenced && (proveButton || chooseButton) && (
          <div className="flex flex-wrap gap-2">
            {proveButton}
            {chooseButton}
          </div>
        )}
      </Section>
      <Section
        title={run.state === 'idle' ? 'Last proof' : 'Proof'}
        aside={run.state === 'idle' && <VerdictBadge verdict={proof?.verdict ?? null} />}
      >
        {run.state !== 'idle' ? (
          <>
            <ProofRunView run={run} kind="proof" cancel={cancel} />
            {!running && (
              <Button look="link" size="sm" className="justify-self-start" onClick={reset}>
                Show the last one
              </Button>
            )}
          </>
        ) : proof ? (
          <>
            <p className="text-ink-faint text-xs">
              <span title={moment(proof.finishedAt)}>
                {now === null ? '' : relative(proof.finishedAt, now)}, {causeWords[proof.cause]}
              </span>
            </p>
            <Conclusion proof={proof} />
            <details open={proof.verdict !== 'green'}>
              <summary className="text-ink-soft text-sm hover:text-ink">
                All {proof.checks.length} checks
              </summary>
              <ProofChecks checks={proof.checks} />
            </details>
          </>
        ) : (
          <p className="text-ink-soft text-sm">
            {live ? 'None by this way out yet.' : 'It is taken when the sandbox starts.'}
          </p>
        )}
      </Section>
      <ProofHistory sandboxId={sandbox.id} />
      {insider && <TrafficSection sandbox={sandbox} />}
      <EffectivePolicy sandbox={sandbox} network={network} admin={admin} />
      {choosing && (
        <BindDialog
          fixed={{ target: 'sandbox', targetId: sandbox.id }}
          name={sandbox.name}
          first={
            network.boundBy === 'sandbox'
              ? { egressId: network.poolId ? null : network.egressId, poolId: network.poolId }
              : { egressId: null, poolId: null }
          }
          close={() => setChoosing(false)}
        />
      )}
    </div>
  );
}
