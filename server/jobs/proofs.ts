/** Fetches from the host agent the proofs that it took by itself: when it tells of one, at start, and on a timer. */
import type { Logger } from 'pino';
import type { AgentNotice } from '../../shared/agent-api';
import { toAppError } from '../../shared/errors';
import type { AgentClient, Db } from '../contracts';
import type { ProofStore } from '../egress/proof-store';
import { createJob, type Job } from './timer';

/** The agent tells of each; the timer is for what it told while nobody listened. */
export const PROOFS_PULL_MS = 60_000;
/**
 * Looked at again with each fetch: one that was asked for is stored at once, and may have overtaken one that ended
 * just before it.
 */
const OVERLAP_MS = 120_000;
/** States of a sandbox that the agent may have taken proofs of. */
const proven = ['running', 'unavailable', 'starting', 'resuming', 'creating', 'error', 'paused'];

export interface ProofsJob extends Job {
  /** For the reconciler, which is who listens to the agent; null: all may have changed. */
  notice(notice: AgentNotice | null): void;
  /** Those of one sandbox, now. Throws when the agent cannot be asked. */
  pull(sandboxId: string): Promise<void>;
}

export function createProofsJob(options: {
  db: Db;
  agent: AgentClient;
  proofs: ProofStore;
  log: Logger;
  intervalMs?: number;
}): ProofsJob {
  const { db, agent, proofs, log } = options;
  const closing = new AbortController();
  const wanted = new Set<string>();
  /** With a signature that does not fit: each is told of once. */
  const refused = new Set<string>();
  let pulling: Promise<void> | undefined;

  async function pull(sandboxId: string): Promise<void> {
    const last = await db.proof.findFirst({
      where: { sandboxId },
      orderBy: { at: 'desc' },
      select: { at: true },
    });
    const after = last === null ? null : new Date(last.at.getTime() - OVERLAP_MS).toISOString();
    const found = await agent.call('sandbox.proofs', { id: sandboxId, after }, { signal: closing.signal });
    const known = await db.proof.findMany({
      where: { id: { in: found.map((it) => it.id) } },
      select: { id: true },
    });
    const have = new Set(known.map((it) => it.id));
    for (const proof of found) {
      // The agent keeps them by sandbox: one of another is not taken under this one's name.
      if (have.has(proof.id) || refused.has(proof.id) || proof.sandboxId !== sandboxId) continue;
      try {
        await proofs.store(proof);
      } catch (thrown) {
        if (toAppError(thrown).code !== 'agent_failed') throw thrown;
        refused.add(proof.id);
      }
    }
  }

  async function pullWanted(): Promise<void> {
    for (const id of wanted) {
      if (closing.signal.aborted) return;
      wanted.delete(id);
      await pull(id).catch((thrown: unknown) => {
        const { code } = toAppError(thrown);
        // The timer comes again.
        if (!closing.signal.aborted) log.debug({ sandbox: id, code }, 'could not fetch proofs');
      });
    }
  }

  function pullSoon(): Promise<void> {
    pulling ??= pullWanted().finally(() => {
      pulling = undefined;
      if (wanted.size > 0 && !closing.signal.aborted) void pullSoon();
    });
    return pulling;
  }

  const job = createJob({
    name: 'proofs',
    intervalMs: options.intervalMs ?? PROOFS_PULL_MS,
    log,
    async work() {
      const rows = await db.sandbox.findMany({ where: { state: { in: proven } }, select: { id: true } });
      for (const { id } of rows) wanted.add(id);
      await pullSoon();
    },
  });

  return {
    ...job,
    pull,
    notice(notice) {
      if (closing.signal.aborted) return;
      if (notice === null)
        return void job.run().catch((err: unknown) => log.warn({ err }, 'could not look for proofs'));
      if (!notice.what.startsWith('proof.')) return;
      wanted.add(notice.sandbox);
      void pullSoon();
    },
    async close() {
      closing.abort();
      await job.close();
      await pulling;
    },
  };
}
