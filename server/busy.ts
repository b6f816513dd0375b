import { setTimeout as wait } from 'node:timers/promises';
import type { AgentClient } from './contracts';

const SAMPLE_MS = 2_000;
/**
 * Of one core. Measured over 2 s with Claude Code 2.1 and nobody looking on, several windows each: sandboxd alone 0.0 %,
 * Claude at its prompt 0.4-0.8 % (a shell beside it adds nothing), Claude that waits for a silent API 2.6-7.3 %,
 * Claude that gets 7 pieces of text a second 2.8-11.9 %. Half of the least work: several Claudes at their prompts may
 * count as busy, a working one never as idle.
 */
const BUSY_SHARE = 0.013;

/** Does anything in the sandbox compute? By its CPU time over two seconds; null when that cannot be read. */
export function createBusy({
  agent,
}: {
  agent: AgentClient;
}): (sandboxId: string) => Promise<boolean | null> {
  return async (id) => {
    try {
      const before = await agent.call('sandbox.usage', { id }, {});
      await wait(SAMPLE_MS, undefined, { ref: false });
      const after = await agent.call('sandbox.usage', { id }, {});
      return (after.cpuMs - before.cpuMs) / SAMPLE_MS > BUSY_SHARE;
    } catch {
      return null;
    }
  };
}
