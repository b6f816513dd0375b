/** Containers of our instance without a row: removed after a grace period, never with their home. */
import type { Logger } from 'pino';
import type { ObservedSandbox } from '../../shared/agent-api';
import type { HealthView } from '../../shared/views';
import { type AgentClient, type Audit, type Db, systemActor } from '../contracts';

/** Time for a person who has just restored a database to notice that it was the wrong one. */
export const ORPHAN_GRACE_MS = 10 * 60_000;

export function createOrphanSweep(deps: {
  db: Db;
  agent: AgentClient;
  audit: Audit;
  log: Logger;
  graceMs: number;
}) {
  const firstSeen = new Map<string, number>();
  let homes: string[] = [];

  /** `known`: ids of all rows, read before the observation. */
  async function look(observed: ObservedSandbox[], known: Set<string>): Promise<void> {
    const strangers = observed.filter((it) => !known.has(it.id));
    const ids = new Set(strangers.map((it) => it.id));
    for (const id of firstSeen.keys()) if (!ids.has(id)) firstSeen.delete(id);
    homes = strangers.filter((it) => it.power === 'absent' && it.homeExists).map((it) => it.id);
    for (const { id, power } of strangers) {
      if (power === 'absent') continue;
      const since = firstSeen.get(id);
      if (since === undefined) {
        firstSeen.set(id, Date.now());
        deps.log.warn({ sandbox: id, power }, 'a container without a row was found');
      }
      if (Date.now() - (since ?? Date.now()) < deps.graceMs) continue;
      await remove(id, power);
    }
  }

  async function remove(id: string, power: string): Promise<void> {
    // A row made since the list was read, or a delete that is at work on it.
    const [row, task] = await Promise.all([
      deps.db.sandbox.findUnique({ where: { id }, select: { id: true } }),
      deps.db.task.findFirst({ where: { sandboxId: id, state: { in: ['queued', 'running'] } } }),
    ]);
    if (row || task) return;
    try {
      await deps.agent.call('sandbox.remove', { id, home: false }, {});
    } catch (err) {
      deps.log.error({ sandbox: id, err }, 'a container without a row could not be removed');
      return;
    }
    firstSeen.delete(id);
    await deps.audit.record(deps.db, {
      type: 'reconcile.orphan.removed',
      actor: systemActor('reconciler'),
      target: { type: 'sandbox', id, name: id },
      message: `Removed a container that belongs to no sandbox (${id}); its home is kept`,
      before: { power },
    });
  }

  function check(): HealthView['checks'][number] {
    const containers = [...firstSeen.keys()];
    const ok = containers.length === 0 && homes.length === 0;
    const detail = ok
      ? 'Nothing is left over.'
      : `Without a sandbox: containers ${list(containers)}; homes ${list(homes)}.`;
    return {
      name: 'leftovers',
      ok,
      detail,
      mend: ok
        ? null
        : 'Containers go by themselves. Homes are kept until an administrator removes the volume.',
    };
  }

  return { look, check };
}

function list(ids: string[]): string {
  return ids.length === 0 ? 'none' : ids.join(', ');
}
