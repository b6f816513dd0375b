/** The two changes of a session's state that its sandbox tells us of; each is written once, with its live event. */
import { type Actor, type Audit, type Db, type Live, systemActor } from '../../contracts';

export interface SessionStates {
  /** It was seen alive. */
  running(sessionId: string): Promise<void>;
  /** It ended; a second call changes nothing. */
  ended(sessionId: string, end: { exitCode: number | null; reason: string; actor?: Actor }): Promise<void>;
  /** The number of viewers changed: nothing is stored, readers are told. */
  viewed(sessionId: string): Promise<void>;
}

export function createSessionStates(options: { db: Db; live: Live; audit: Audit }): SessionStates {
  const { db, live, audit } = options;
  return {
    async running(sessionId) {
      const changed = await db.$transaction(async (tx) => {
        const { count } = await tx.session.updateMany({
          where: { id: sessionId, state: 'starting' },
          data: { state: 'running' },
        });
        if (count === 0) return false;
        const row = await tx.session.findUniqueOrThrow({ where: { id: sessionId } });
        await live.record(tx, {
          topic: 'session',
          action: 'updated',
          subject: sessionId,
          sandboxId: row.sandboxId,
        });
        return true;
      });
      if (changed) live.flush();
    },

    async ended(sessionId, end) {
      const changed = await db.$transaction(async (tx) => {
        const { count } = await tx.session.updateMany({
          where: { id: sessionId, state: { not: 'ended' } },
          data: { state: 'ended', exitCode: end.exitCode, endReason: end.reason, endedAt: new Date() },
        });
        if (count === 0) return false;
        const row = await tx.session.findUniqueOrThrow({ where: { id: sessionId } });
        await audit.record(tx, {
          type: 'session.end',
          actor: end.actor ?? systemActor('sessions'),
          target: { type: 'session', id: sessionId, name: row.name },
          message: end.reason,
          after: { exitCode: end.exitCode },
        });
        await live.record(tx, {
          topic: 'session',
          action: 'updated',
          subject: sessionId,
          sandboxId: row.sandboxId,
        });
        return true;
      });
      if (changed) live.flush();
    },

    async viewed(sessionId) {
      const row = await db.session.findUnique({ where: { id: sessionId }, select: { sandboxId: true } });
      if (!row) return;
      await live.record(db, {
        topic: 'session',
        action: 'updated',
        subject: sessionId,
        sandboxId: row.sandboxId,
      });
      live.flush();
    },
  };
}

/** A sentence for people. */
export function endSentence(kind: string, exitCode: number | null): string {
  const what = kind === 'claude' ? 'Claude' : 'The shell';
  if (exitCode === null) return `${what} has ended.`;
  return exitCode === 0 ? `${what} was closed.` : `${what} ended with exit code ${exitCode}.`;
}
