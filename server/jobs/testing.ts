/** The bench of ways out with the jobs that keep them: proofs fetched, fail-over, health. */
import { savePoolSchema } from '../../shared/egress-views';
import type { Proof } from '../../shared/proof';
import type { Identity } from '../contracts';
import { openEgressTest } from '../services/egress/testing';
import { until } from '../tasks/testing/bench';
import { createFailoverJob, createOtherWay } from './failover';
import { createProofsJob } from './proofs';

/** Only what wakes a job starts it: a test does not wait for a timer. */
const NEVER_MS = 3_600_000;

export async function openRuntimeTest() {
  const t = await openEgressTest();
  const { db, live, audit, agent, engine, log, proofs } = t;
  const pulled = createProofsJob({ db, agent, proofs, log, intervalMs: NEVER_MS });
  /** What the fail-over takes for now. */
  const clock = { ahead: 0 };
  const failover = createFailoverJob({
    ...{ db, live, audit, agent, engine, log },
    intervalMs: NEVER_MS,
    now: () => Date.now() + clock.ahead,
  });
  t.hooks.notice = (it) => pulled.notice(it);
  t.hooks.otherWay = createOtherWay({
    ...{ db, live },
    proven: (id) => pulled.pull(id),
    noteFailure: (id, reason) => proofs.noteFailure(id, reason),
  });
  t.reconciler.start();
  await until('the gateway watches', () => t.peer.watched() > 0);
  const red = (reason: string): Partial<Proof> => ({ verdict: 'red', reason, exitAddress: null });

  return {
    ...t,
    pulled,
    failover,
    clock,
    red,
    pool: (egressIds: string[], over: object = {}) =>
      t.egress.savePool(
        t.root,
        savePoolSchema.parse({ label: 'Exits', strategy: 'order', failover: true, egressIds, ...over }),
      ),
    /** Resolves when no task works on it. */
    idle: (id: string) =>
      until('no task works', async () => {
        const where = { sandboxId: id, state: { in: ['queued', 'running'] } };
        return (await db.task.count({ where })) === 0;
      }),
    card: async (who: Identity, id: string) => (await t.sandboxes.get(who, id)).egress,
    audits: (type: string) => db.auditEvent.findMany({ where: { type }, orderBy: { at: 'asc' } }),
    async close() {
      await failover.close();
      await pulled.close();
      await t.close();
    },
  };
}
export type RuntimeTest = Awaited<ReturnType<typeof openRuntimeTest>>;
