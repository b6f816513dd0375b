/** A sandbox's network as its people see it: the way out, its proofs, what passed. */
import { egressKinds } from '../../../shared/egress';
import { bindingTargets } from '../../../shared/egress-views';
import { AppError } from '../../../shared/errors';
import { type Proof, proofSchema } from '../../../shared/proof';
import {
  type AgentClient,
  type Audit,
  actorOf,
  type Db,
  type EgressServices,
  type Identity,
} from '../../contracts';
import type { ProofStore } from '../../egress/proof-store';
import { proofEvents } from '../egress/stream';
import { readEffective } from '../policies/effective-rows';
import type { Rights } from '../sandboxes/access';
import type { TrafficStore } from './traffic';

export interface NetworkParts {
  db: Db;
  audit: Audit;
  agent: AgentClient;
  proofs: ProofStore;
  traffic: Pick<TrafficStore, 'view'>;
  /** Throws `not_found` for who may not even see it. */
  rights: (identity: Identity, sandboxId: string) => Promise<Rights>;
}

/** States in which the agent has something live to tell. */
const liveSandbox = (state: string) => state === 'running' || state === 'unavailable' || state === 'paused';

export function createNetwork(parts: NetworkParts): EgressServices['network'] {
  const { db, audit, agent, proofs, traffic, rights } = parts;

  /** What passes a sandbox is its people's and its administrators' business, not a guest's. */
  async function insider(identity: Identity, id: string) {
    const can = await rights(identity, id);
    if (!can.use && !can.manage) throw new AppError('forbidden');
    return db.sandbox.findUniqueOrThrow({ where: { id } });
  }

  async function newest(row: { proofId: string | null; egressId: string | null }) {
    const found = row.proofId === null ? null : await db.proof.findUnique({ where: { id: row.proofId } });
    // One of the way out it had before says nothing about this one.
    return found && found.egressId === row.egressId ? found : null;
  }

  async function* prove(identity: Identity, id: string, signal: AbortSignal) {
    const row = await insider(identity, id);
    if (!liveSandbox(row.state) || row.state === 'paused') throw new AppError('sandbox_not_running');
    await audit.record(db, {
      type: 'proof.asked',
      actor: actorOf(identity),
      target: { type: 'sandbox', id, name: row.name },
      message: `Asked for a proof of ${row.name}`,
    });
    yield* proofEvents(async (options) => {
      const proof = await agent.call('sandbox.prove', { id }, options);
      await proofs.store(proof);
      return proof;
    }, signal);
  }

  return {
    async ofSandbox(identity, id) {
      await rights(identity, id);
      const row = await db.sandbox.findUniqueOrThrow({ where: { id }, include: { egress: true } });
      const proof = await newest(row);
      const { policy, version } = await readEffective(db, row);
      return {
        egressId: row.egressId,
        label: row.egress?.label ?? 'Direct',
        kind: egressKinds.find((it) => it === row.egress?.kind) ?? 'direct',
        boundBy: bindingTargets.find((it) => it === row.boundBy) ?? 'nobody',
        poolId: row.poolId,
        fenced: row.fenced,
        reason: row.networkReason,
        proof: proof && bodyOf(proof),
        country: proof?.country ?? null,
        policy,
        policyVersion: version,
      };
    },

    async proofs(identity, { sandboxId, limit }) {
      await rights(identity, sandboxId);
      const rows = await db.proof.findMany({ where: { sandboxId }, orderBy: { at: 'desc' }, take: limit });
      return rows.map(bodyOf);
    },

    prove,

    async traffic(identity, sandboxId) {
      const row = await insider(identity, sandboxId);
      return traffic.view(sandboxId, liveSandbox(row.state));
    },
  };
}

const bodyOf = (row: { body: string }): Proof => proofSchema.parse(JSON.parse(row.body));
