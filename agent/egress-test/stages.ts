import type { AgentCheck } from '../../shared/agent-api';
import type { egressTestStages, ProofCheck, ProofCheckName } from '../../shared/proof';
import { proofChecks } from '../../shared/proof';

export type Stage = (typeof egressTestStages)[number];

/** To which stage of a test a check of its proof belongs: the first connection through it is the handshake. */
export function stageOf(check: ProofCheckName): Stage {
  if (check === 'connect') return 'handshake';
  if (check === 'exit-address' || check === 'dns') return check;
  return 'refused';
}
const REFUSALS = proofChecks.filter((it) => stageOf(it) === 'refused').length;

/** Tells the stages of one test as they happen. Stages that other checks share end when all of these are known. */
export function createStages(emit: (check: AgentCheck) => void) {
  const refusals: ProofCheck[] = [];
  function tell(stage: Stage, state: AgentCheck['state'], message: string, check: ProofCheck | null = null) {
    emit({ type: 'check', stage, state, check, message, at: new Date().toISOString() });
  }

  return {
    /** Runs one stage of its own; `work` gives the sentence for its end. */
    async run(stage: Stage, message: string, work: () => Promise<string>): Promise<void> {
      tell(stage, 'started', message);
      try {
        tell(stage, 'done', await work());
      } catch (error) {
        tell(stage, 'failed', error instanceof Error ? error.message : String(error));
        throw error;
      }
    },
    begin: (stage: Stage, message: string) => tell(stage, 'started', message),
    fail: (stage: Stage, message: string) => tell(stage, 'failed', message),
    /** A check of the proof; its stage ends with it, or for refusals with the last one. */
    checked(check: ProofCheck): void {
      const stage = stageOf(check.name);
      const state = check.result === 'fail' ? 'failed' : 'done';
      if (stage !== 'refused') {
        tell(stage, state, check.detail, check);
        return;
      }
      refusals.push(check);
      if (refusals.length < REFUSALS) {
        tell(stage, 'started', check.detail, check);
        return;
      }
      const failed = refusals.filter((it) => it.result === 'fail');
      const detail = failed[0]?.detail ?? `${refusals.length} kinds of traffic were refused as they must be.`;
      tell(stage, failed.length > 0 ? 'failed' : 'done', detail, check);
    },
  };
}
