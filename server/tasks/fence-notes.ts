/** What the agent tells of fences and rules by itself, written down at once, beside any task. */
import type { Logger } from 'pino';
import type { AgentNotice } from '../../shared/agent-api';
import { type Audit, type Db, type Live, systemActor } from '../contracts';
import { lockSandbox } from './transition';
import { noteFence } from './way';

export interface FenceNotes {
  take(notice: AgentNotice): void;
  /** Resolves when all that was taken is written. */
  settled(): Promise<void>;
}

export function createFenceNotes({
  db,
  live,
  audit,
  log,
}: {
  db: Db;
  live: Live;
  audit: Audit;
  log: Logger;
}): FenceNotes {
  /** In the order in which they were told. */
  let chain: Promise<void> = Promise.resolve();

  /** A task that takes it to another way out must not hide that it was cut off. */
  async function fence({ sandbox, what, detail }: AgentNotice): Promise<void> {
    await db.$transaction(async (tx) => {
      const row = await lockSandbox(tx, sandbox);
      if (row)
        await noteFence({ live, audit }, tx, { row, reason: what === 'network.fenced' ? detail : null });
    });
    live.flush();
  }

  /** Somebody else on the host changed a sandbox's rules: an administrator has to be able to find that. */
  async function healed({ sandbox, detail }: AgentNotice): Promise<void> {
    const row = await db.sandbox.findUnique({ where: { id: sandbox }, select: { name: true } });
    if (!row) return;
    const target = { type: 'sandbox', id: sandbox, name: row.name };
    await audit.record(db, {
      type: 'network.healed',
      actor: systemActor('network'),
      target,
      message: detail,
    });
  }

  return {
    take(notice) {
      const { what } = notice;
      if (what !== 'network.fenced' && what !== 'network.unfenced' && what !== 'rules.healed') return;
      chain = chain
        .then(() => (what === 'rules.healed' ? healed(notice) : fence(notice)))
        .catch((err: unknown) => log.error({ sandbox: notice.sandbox, err }, 'could not note a fence'));
    },
    settled: () => chain,
  };
}
