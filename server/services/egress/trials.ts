/** Tries a way out, saved or not yet, by the same path that a sandbox takes. */
import type { z } from 'zod';
import type { AgentInput } from '../../../shared/agent-api';
import type { createEgressSchema, egressHistorySchema, ProofEvent } from '../../../shared/egress-views';
import { toAppError } from '../../../shared/errors';
import { type Proof, proofSchema } from '../../../shared/proof';
import { actorOf, type Identity } from '../../contracts';
import { dnsOf } from '../../egress/dns-of';
import { refuseMask } from '../../egress/secrets';
import { readEgress } from './crud';
import { type EgressParts, requireAdmin } from './parts';
import { proofEvents } from './stream';

type Tried = { id: string } | z.output<typeof createEgressSchema>;
const HISTORY_MS = 24 * 60 * 60 * 1000;

/** Throws at once for who may not. */
export function testEgress(
  parts: EgressParts,
  identity: Identity,
  asked: { input: Tried; signal: AbortSignal },
): AsyncIterable<ProofEvent> {
  requireAdmin(identity);
  if (!('id' in asked.input)) refuseMask(asked.input.config);
  return tried(parts, { identity, ...asked });
}

async function* tried(
  parts: EgressParts,
  { identity, input, signal }: { identity: Identity; input: Tried; signal: AbortSignal },
): AsyncGenerator<ProofEvent> {
  const { spec, name } = await specOf(parts, input);
  await parts.audit.record(parts.db, {
    type: 'egress.tested',
    actor: actorOf(identity),
    target: { type: 'egress', id: spec.egressId ?? '', name },
    message: `Tests the way out ${name}`,
  });
  yield* proofEvents((options) => testWay(parts, spec, options), signal);
}

/** Tests one and keeps what came of it. Throws what the agent throws. */
async function testWay(
  parts: Pick<EgressParts, 'agent' | 'proofs'>,
  spec: AgentInput<'egress.test'>,
  options: Parameters<EgressParts['agent']['call']>[2],
): Promise<Proof> {
  try {
    const proof = await parts.agent.call('egress.test', spec, options);
    await parts.proofs.store(proof);
    return proof;
  } catch (thrown) {
    const { code, message } = toAppError(thrown);
    // It did not come to a proof: no name, no answer, no log-in.
    if (spec.egressId !== null && code === 'egress_failed')
      await parts.proofs.noteFailure(spec.egressId, message);
    throw thrown;
  }
}

/** Tests a saved one without anybody having asked. */
export async function testSaved(parts: EgressParts, id: string, signal: AbortSignal): Promise<Proof> {
  const { spec } = await specOf(parts, { id });
  return testWay(parts, spec, { signal });
}

async function specOf(
  parts: EgressParts,
  input: Tried,
): Promise<{ spec: AgentInput<'egress.test'>; name: string }> {
  const { probes } = parts;
  if (!('id' in input)) {
    const { config: egress, expectedAddress } = input;
    const dns = input.dns ?? dnsOf({ kind: egress.kind, dns: null }, parts.defaultDns);
    return { spec: { egressId: null, egress, dns, expectedAddress, probes }, name: input.label };
  }
  const row = await readEgress(parts.db, input.id);
  const dns = dnsOf(row, parts.defaultDns);
  const { expectedAddress, label: name } = row;
  const egress = parts.secrets.open(row.config);
  return { spec: { egressId: row.id, egress, dns, expectedAddress, probes }, name };
}

export async function egressHistory(
  parts: EgressParts,
  identity: Identity,
  id: string,
): Promise<z.output<typeof egressHistorySchema>> {
  requireAdmin(identity);
  await readEgress(parts.db, id);
  const rows = await parts.db.egressSample.findMany({
    where: { egressId: id, at: { gte: new Date(Date.now() - HISTORY_MS) } },
    orderBy: { at: 'asc' },
  });
  const fine = rows.filter((it) => it.ok).length;
  return {
    samples: rows.map(({ at, ok, latencyMs }) => ({ at: at.toISOString(), ok, latencyMs })),
    uptime: rows.length === 0 ? null : fine / rows.length,
  };
}

export async function egressProofs(
  parts: EgressParts,
  identity: Identity,
  { id, limit }: { id: string; limit: number },
): Promise<Proof[]> {
  requireAdmin(identity);
  await readEgress(parts.db, id);
  const rows = await parts.db.proof.findMany({
    where: { egressId: id },
    orderBy: { at: 'desc' },
    take: limit,
  });
  return rows.map((it) => proofSchema.parse(JSON.parse(it.body)));
}
