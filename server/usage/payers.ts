/** Whose sandbox and session a request comes from: asked with every request, hence kept for a moment. */
import type { Db } from '../contracts';
import type { Payer } from './ledger';

/** A sandbox that changes hands is counted for the new ones from then on. None does so today. */
const KEPT_MS = 10 * 60_000;
const KEPT_MAX = 10_000;

export function createPayers(db: Db, now: () => number = Date.now) {
  const kept = new Map<string, { payer: Payer; until: number }>();

  return async ({
    sandboxId,
    sessionId,
  }: {
    sandboxId: string;
    sessionId: string | null;
  }): Promise<Payer | null> => {
    const key = sessionId ?? sandboxId;
    const there = kept.get(key);
    if (there && there.until > now()) return there.payer;
    const [sandbox, session] = await Promise.all([
      db.sandbox.findUnique({ where: { id: sandboxId }, select: { ownerId: true, workspaceId: true } }),
      sessionId === null
        ? null
        : db.session.findUnique({ where: { id: sessionId }, select: { createdById: true, sandboxId: true } }),
    ]);
    const own = session === null || session.sandboxId === sandboxId;
    // Not kept: its row may be on its way.
    if (!sandbox || !own) return null;
    const payer = {
      ...{ sandboxId, sessionId, workspaceId: sandbox.workspaceId },
      userId: session?.createdById ?? sandbox.ownerId,
    };
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(key, { payer, until: now() + KEPT_MS });
    return payer;
  };
}
