import { setTimeout as wait } from 'node:timers/promises';
import type { AgentClient } from './contracts';

const SAMPLE_MS = 2_000;
/** Of one core. A shell and a Claude at their prompts take under 1 %, a Claude at work redraws and takes several. */
const BUSY_SHARE = 0.03;

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
