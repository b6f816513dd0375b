import type { AgentCheck, NetworkSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { containerName } from '../../shared/names';
import type { Proof } from '../../shared/proof';
import type { Prover } from '../proof/contract';
import type { Notices } from './notices';
import type { Proofs } from './proofs';
import type { SurroundingsNow } from './surroundings';

export interface ProofParts {
  instance: string;
  resolvers: readonly string[];
  around: SurroundingsNow;
  notices: Notices;
  proofs: Proofs;
  /** Null: none can be taken; then only the modes `watch` (without effect) and `off` work. */
  prover: Prover | null;
}
export interface Admission {
  cause: Proof['cause'];
  signal: AbortSignal;
  onCheck?: (check: AgentCheck) => void;
}

/** One proof of a sandbox's way out, kept and told. Throws when it could not be taken. */
export async function takeProof(
  parts: ProofParts,
  target: { id: string; image: string; network: NetworkSpec },
  { cause, signal, onCheck }: Admission,
): Promise<Proof> {
  const { prover, proofs, notices, instance, resolvers } = parts;
  const { id, image, network } = target;
  if (prover === null) throw new AppError('unavailable', 'This agent cannot take proofs.');
  const { own, routers } = await parts.around.now();
  const proof = await prover.prove(
    {
      sandboxId: id,
      containerName: containerName(instance, id),
      image,
      network,
      cause,
      host: own,
      neighbours: routers,
      hostResolvers: [...resolvers, ...own],
    },
    { signal, onCheck },
  );
  await proofs.add(id, proof);
  notices.emit(id, `proof.${proof.verdict}`, proof.reason ?? 'Every check of the way out passed.');
  return proof;
}
