/** A sandbox's network as its people see it: the way out, its proofs, what passed. */
import { egressKinds } from '../../../shared/egress';
import { bindingTargets, type TrafficView } from '../../../shared/egress-views';
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

export interface NetworkParts {
  db: Db;
  audit: Audit;
  agent: AgentClient;
  proofs: ProofStore;
  /** Throws `not_found` for who may not even see it. */
  rights: (identity: Identity, sandboxId: string) => Promise<Rights>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Names and denials of a day that one page shows. */
const NAMES_SHOWN = 200;
/** States in which the agent has something live to tell. */
const liveSandbox = (state: string) => state === 'running' || state === 'unavailable' || state === 'paused';

export function createNetwork(parts: NetworkParts): EgressServices['network'] {
  const { db, audit, agent, proofs, rights } = parts;

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

    async traffic(identity, sandboxId): Promise<TrafficView> {
      const row = await insider(identity, sandboxId);
      const now = liveSandbox(row.state)
        ? await agent.call('sandbox.traffic', { id: sandboxId, cursor: 0 }, {})
        : null;
      const since = new Date(Date.now() - DAY_MS);
      const minutes = await db.trafficMinute.findMany({
        where: { sandboxId, minute: { gte: since } },
        orderBy: { minute: 'asc' },
      });
      const hours = await db.trafficHost.findMany({ where: { sandboxId, hour: { gte: since } } });
      return {
        rxBytes: now?.rxBytes ?? 0,
        txBytes: now?.txBytes ?? 0,
        series: minutes.map((it) => ({
          at: it.minute.toISOString(),
          rxBytes: Number(it.rx),
          txBytes: Number(it.tx),
        })),
        open: now?.open ?? [],
        recent: (now?.ended ?? []).toReversed(),
        questions: (now?.questions ?? []).toReversed(),
        ...summed(hours),
      };
    },
  };
}

const bodyOf = (row: { body: string }): Proof => proofSchema.parse(JSON.parse(row.body));

type HostHour = Awaited<ReturnType<Db['trafficHost']['findMany']>>[number];

/** Hours as one day. */
function summed(hours: readonly HostHour[]): Pick<TrafficView, 'denied' | 'hosts'> {
  const denied = new Map<string, TrafficView['denied'][number]>();
  const hosts = new Map<string, TrafficView['hosts'][number]>();
  for (const it of hours) {
    const key = `${it.verdict} ${it.rule} ${it.host}`;
    if (it.verdict === 'denied' || it.verdict === 'would-deny') {
      const known = denied.get(key);
      const lastAt = [known?.lastAt ?? '', it.lastAt.toISOString()].sort().at(-1) ?? '';
      denied.set(key, { host: it.host, verdict: it.verdict, count: (known?.count ?? 0) + it.count, lastAt });
      continue;
    }
    const known = hosts.get(key) ?? { host: it.host, rule: it.rule, count: 0, rxBytes: 0, txBytes: 0 };
    known.count += it.count;
    known.rxBytes += Number(it.rx);
    known.txBytes += Number(it.tx);
    hosts.set(key, known);
  }
  const often = (a: { count: number }, b: { count: number }) => b.count - a.count;
  return {
    denied: [...denied.values()].sort(often).slice(0, NAMES_SHOWN),
    hosts: [...hosts.values()].sort(often).slice(0, NAMES_SHOWN),
  };
}
