/** Keeps proofs: only those that an agent's key has signed, each once, in the order of their time. */
import type { Logger } from 'pino';
import { AppError } from '../../shared/errors';
import { type Proof, wayOutVerdict } from '../../shared/proof';
import { type AgentClient, type Audit, type Db, type DbOrTx, type Live, systemActor } from '../contracts';
import { isUniqueViolation } from '../tasks/engine';
import { verifyProof } from './verify-proof';

export interface ProofStore {
  /** False when it is there already. Throws `agent_failed` when its signature does not fit a key of the agent. */
  store(proof: Proof): Promise<boolean>;
  /**
   * A way out did not get as far as a proof: it counts as red, now. For one that is gone or switched off nothing is
   * noted.
   */
  noteFailure(egressId: string, reason: string): Promise<void>;
}

export function createProofStore(options: {
  db: Db;
  live: Live;
  audit: Audit;
  agent: AgentClient;
  log: Logger;
  /** Two letters, where a local database knows. */
  countryOf?: (address: string) => string | null;
  /** Called after a proof that was not there was stored. Never throws. */
  onStored?: (proof: Proof) => void;
}): ProofStore {
  const { db, live, audit, agent, log } = options;
  const keys = new Map<string, string>();
  const countryOf = (address: string | null) =>
    address === null ? null : (options.countryOf?.(address) ?? null);

  async function keyOf(keyId: string): Promise<string | undefined> {
    const known = keys.get(keyId);
    if (known !== undefined) return known;
    // An agent may have made a new key since.
    const { proofKeys } = await agent.call('health', {}, {});
    for (const it of proofKeys) keys.set(it.keyId, it.publicKey);
    return keys.get(keyId);
  }

  async function write(tx: DbOrTx, proof: Proof): Promise<boolean> {
    const at = new Date(proof.finishedAt);
    const { id, sandboxId, egressId, verdict, cause, exitAddress, latencyMs } = proof;
    const country = countryOf(exitAddress);
    const row = { id, sandboxId, egressId, at, verdict, cause, exitAddress, country, latencyMs };
    try {
      await tx.proof.create({ data: { ...row, body: JSON.stringify(proof) } });
      return true;
    } catch (thrown) {
      if (isUniqueViolation(thrown)) return false;
      throw thrown;
    }
  }

  /** Answers its verdict before. */
  async function noteEgress(tx: DbOrTx, proof: Proof): Promise<string | null> {
    if (proof.egressId === null) return null;
    const before = await tx.egress.findUnique({ where: { id: proof.egressId } });
    if (!before) return null;
    const at = new Date(proof.finishedAt);
    const { verdict, reason } = wayOutVerdict(proof);
    const { exitAddress, latencyMs } = proof;
    await tx.egress.updateMany({
      where: { id: proof.egressId, OR: [{ provenAt: null }, { provenAt: { lte: at } }] },
      data: {
        ...{ verdict, provenAt: at, verdictReason: reason, exitAddress, latencyMs },
        country: countryOf(exitAddress),
      },
    });
    const ok = verdict !== 'red';
    await tx.egressSample.create({ data: { egressId: proof.egressId, at, ok, latencyMs } });
    await live.record(tx, { topic: 'egress', action: 'updated', subject: proof.egressId });
    return before.verdict;
  }

  /** The sandbox's newest one, and a word in the audit log where it says something new or somebody asked for it. */
  async function noteSandbox(tx: DbOrTx, proof: Proof, before: string | null): Promise<void> {
    const sandbox =
      proof.sandboxId === null ? null : await tx.sandbox.findUnique({ where: { id: proof.sandboxId } });
    const last =
      sandbox?.proofId == null ? null : await tx.proof.findUnique({ where: { id: sandbox.proofId } });
    if (sandbox && (last === null || last.at <= new Date(proof.finishedAt))) {
      await tx.sandbox.update({ where: { id: sandbox.id }, data: { proofId: proof.id } });
      const { id, workspaceId } = sandbox;
      await live.record(tx, { topic: 'sandbox', action: 'updated', subject: id, sandboxId: id, workspaceId });
    }
    const said = proof.sandboxId === null ? before : (last?.verdict ?? null);
    if (proof.cause !== 'asked' && said === proof.verdict) return;
    const name = sandbox?.name ?? (await egressName(tx, proof.egressId));
    const target = sandbox
      ? { type: 'sandbox', id: sandbox.id, name }
      : { type: 'egress', id: proof.egressId ?? '', name };
    await audit.record(tx, {
      type: `proof.${proof.verdict}`,
      actor: systemActor('proofs'),
      target,
      message: `The way out of ${name} is ${proof.verdict}${proof.reason === null ? '' : `: ${proof.reason}`}`,
      after: {
        proof: proof.id,
        cause: proof.cause,
        exitAddress: proof.exitAddress,
        expectedAddress: proof.expectedAddress,
        failed: proof.checks.filter((it) => it.result === 'fail').map((it) => it.name),
      },
    });
  }

  return {
    async store(proof) {
      const key = await keyOf(proof.keyId);
      if (key === undefined || !verifyProof(proof, key)) {
        log.error(
          { proof: proof.id, keyId: proof.keyId },
          'a proof with a signature that does not fit was refused',
        );
        throw new AppError(
          'agent_failed',
          'The signature of this proof does not fit the key of the host agent.',
        );
      }
      const stored = await db.$transaction(async (tx) => {
        if (!(await write(tx, proof))) return false;
        await noteSandbox(tx, proof, await noteEgress(tx, proof));
        return true;
      });
      live.flush();
      if (stored) options.onStored?.(proof);
      return stored;
    },
    async noteFailure(egressId, reason) {
      const at = new Date();
      await db.$transaction(async (tx) => {
        const { count } = await tx.egress.updateMany({
          where: { id: egressId, enabled: true },
          data: {
            verdict: 'red',
            verdictReason: reason,
            provenAt: at,
            exitAddress: null,
            latencyMs: null,
            country: null,
          },
        });
        if (count === 0) return;
        await tx.egressSample.create({ data: { egressId, at, ok: false, latencyMs: null } });
        await live.record(tx, { topic: 'egress', action: 'updated', subject: egressId });
      });
      live.flush();
    },
  };
}

async function egressName(tx: DbOrTx, id: string | null): Promise<string> {
  const row = id === null ? null : await tx.egress.findUnique({ where: { id }, select: { label: true } });
  return row?.label ?? 'an unsaved one';
}
