/** The product's processes, found from outside, so that a test can kill them like a crash would. */
import { readdirSync, readFileSync } from 'node:fs';
import { containerName } from '../shared/names';
import type { ProductFacts } from './product';
import { commandLine, tunnelOf } from './traces';
import { until } from './until';

/** A crashed program is started again after half a second at first, then slower. */
const BACK_MS = 60_000;

/** As a bundle, or as source with --dev. */
const parts = { gateway: /dist\/server\.mjs|server\/main\.ts/, agent: /dist\/agent\.mjs|agent\/main\.ts/ };
export type Part = keyof typeof parts;

function childrenOf(pid: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number),
    );
  } catch {
    return [];
  }
}

/** Pid of the gateway or the agent, or null while it is not there. */
function pidOf(product: ProductFacts, part: Part): number | null {
  const waiting = childrenOf(product.launcherPid);
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (parts[part].test(commandLine(pid))) return pid;
    waiting.push(...childrenOf(pid));
  }
  return null;
}

/** SIGKILL, then waits until the launcher has another one running. */
export async function crash(product: ProductFacts, part: Part): Promise<void> {
  const pid = pidOf(product, part);
  if (pid === null) throw new Error(`no ${part} to kill`);
  process.kill(pid, 'SIGKILL');
  await until(`another ${part} runs`, BACK_MS, () => {
    const next = pidOf(product, part);
    return next !== null && next !== pid;
  });
}

/** sing-box of one sandbox. */
export function tunnelPid(product: ProductFacts, sandboxId: string): Promise<number | null> {
  return tunnelOf(containerName(product.instance, sandboxId));
}
