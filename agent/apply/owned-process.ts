import { setTimeout as delay } from 'node:timers/promises';
import { processFacts } from './proc';

/** They end in some 20 ms; after this they are killed. */
const TERM_GRACE_MS = 1_500;
const POLL_MS = 20;
/** How often a process that is not our child (adopted after a restart) is looked at. */
const ADOPTED_POLL_MS = 250;

/** A process that outlives the agent: pids alone are used again. */
export interface ProcessId {
  pid: number;
  startTime: string;
}

/** It still is the process that was recorded, and was started for this owner (OWNER_VARIABLE). */
export async function runsFor(owner: string, { pid, startTime }: ProcessId): Promise<boolean> {
  const facts = await processFacts(pid);
  return facts !== null && facts.startTime === startTime && facts.owner === owner;
}

/** Resolves when it has ended, also for one that is not our child. */
export async function endOf(owner: string, process_: ProcessId): Promise<void> {
  while (await runsFor(owner, process_)) await delay(ADOPTED_POLL_MS, undefined, { ref: false });
}

/** Ends it, checking each time that the pid still means our process. One that hangs is not asked first. */
export async function stopProcess(
  owner: string,
  process_: ProcessId,
  first: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  const deadline = Date.now() + TERM_GRACE_MS;
  let signal: NodeJS.Signals = first;
  let sent: NodeJS.Signals | null = null;
  while (await runsFor(owner, process_)) {
    if (sent !== signal) send(process_.pid, signal);
    sent = signal;
    if (Date.now() > deadline) signal = 'SIGKILL';
    await delay(POLL_MS);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended between the check and the signal: that is what was wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
