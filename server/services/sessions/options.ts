/**
 * How a Claude session runs: model, effort, permission mode, provider; changed in place, by `--resume`, or with the next
 * start of a sandbox that is stopped.
 */
import { AppError } from '../../../shared/errors';
import type { SessionView } from '../../../shared/views';
import {
  type Audit,
  actorOf,
  type Db,
  type Identity,
  type Live,
  type SandboxAccess,
  type Services,
} from '../../contracts';

export interface SessionOptionsParts {
  db: Db;
  live: Live;
  audit: Audit;
  access: SandboxAccess;
  requireProvider(identity: Identity, id: string): Promise<void>;
  /** Switches the model of a running, idle Claude; it resolves when Claude Code has confirmed it. */
  switchModel(identity: Identity, input: { id: string; model: string }): Promise<unknown>;
  /** Ends Claude and starts it again with `--resume` and what the row says now; nothing when it does not run. */
  restart(sessionId: string): Promise<void>;
  /** They are in the row, for the next start. */
  stored(): void;
  view(sessionId: string): Promise<SessionView>;
}

const ALIVE = new Set(['running', 'unavailable']);
/** Claude is at work or a person is asked: a restart would cut it off. */
const BUSY = new Set(['working', 'waiting_for_input']);

export function createSessionOptions(parts: SessionOptionsParts): Services['sessionOptions'] {
  const { db, live, audit } = parts;
  return {
    async set(identity, { id, ...change }) {
      const row = await db.session.findUnique({ where: { id }, include: { sandbox: true } });
      if (!row) throw new AppError('not_found');
      await parts.access(identity, row.sandboxId, 'use');
      if (row.kind !== 'claude') throw new AppError('wrong_state', 'A shell has no such options.');
      if (row.state === 'ended') throw new AppError('gone');
      if (change.providerId !== undefined) await parts.requireProvider(identity, change.providerId);
      const { model, ...others } = changed(row, change);
      // Its choices are files in the sandbox, which a start reads: they are brought there before anything starts.
      const stopped = row.sandbox.state === 'stopped';
      if (!stopped && (!ALIVE.has(row.sandbox.state) || row.state !== 'running'))
        throw new AppError('sandbox_not_running');
      const again = !stopped && Object.keys(others).length > 0;
      if (again && BUSY.has(row.liveStatus ?? ''))
        throw new AppError('conflict', 'Claude is at work. Wait for the end of the turn, or interrupt it.');
      const data = { ...others, ...(model === undefined ? {} : { model }) };
      if (Object.keys(data).length === 0) return parts.view(id);
      if (model !== undefined && !again && !stopped) await parts.switchModel(identity, { id, model });
      await db.$transaction(async (tx) => {
        const { count } = await tx.session.updateMany({
          where: { id, ...(stopped ? { state: { not: 'ended' }, sandbox: { state: 'stopped' } } : {}) },
          data: { ...data, ...(stopped ? { optionsPending: true } : {}) },
        });
        if (count === 0)
          throw new AppError('conflict', 'The sandbox starts just now. Try again when it runs.');
        await audit.record(tx, {
          type: 'session.options',
          actor: actorOf(identity),
          target: { type: 'session', id, name: row.name },
          message: `changed ${Object.keys(data).join(', ')} of ${row.name}`,
          before: Object.fromEntries(Object.entries(row).filter(([name]) => name in data)),
          after: data,
        });
        await live.record(tx, {
          topic: 'session',
          action: 'updated',
          subject: id,
          sandboxId: row.sandboxId,
        });
      });
      live.flush();
      if (stopped) parts.stored();
      if (again) await parts.restart(id);
      return parts.view(id);
    },
  };
}

type Change = { [K in 'model' | 'effort' | 'permissionMode' | 'providerId']?: string | undefined };

/** Only what differs from the row. */
function changed(row: Record<string, unknown>, change: Change): Record<string, string> {
  const differing = Object.entries(change).filter(
    ([name, value]) => value !== undefined && row[name] !== value,
  );
  return Object.fromEntries(differing.map(([name, value]) => [name, String(value)]));
}
