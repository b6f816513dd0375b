/** Finished turns of a session, from the database: there also while its sandbox is stopped. */
import type { Turn } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import type { TurnSummary } from '../../../shared/sandboxd-api';
import type { Db, Identity, SandboxAccess } from '../../contracts';

/** As sandboxd gives them. */
const TURNS_PAGE = 100;

export interface History {
  /** Oldest first, at most 100. */
  turns(identity: Identity, input: { id: string; after: number }): Promise<TurnSummary[]>;
}

export function createHistory({ db, access }: { db: Db; access: SandboxAccess }): History {
  return {
    async turns(identity, { id, after }) {
      const session = await db.session.findUnique({ where: { id }, select: { sandboxId: true } });
      if (!session) throw new AppError('not_found');
      await access(identity, session.sandboxId, 'use');
      const rows = await db.turn.findMany({
        where: { sessionId: id, turn: { gt: after } },
        orderBy: { turn: 'asc' },
        take: TURNS_PAGE,
      });
      return rows.map(summaryOf);
    },
  };
}

function summaryOf(row: Turn): TurnSummary {
  return {
    turn: row.turn,
    startedAt: row.startedAt.toISOString(),
    endedAt: row.endedAt.toISOString(),
    reason: row.reason,
    error: row.error,
    workMs: row.workMs,
    model: row.model,
    tokens: {
      input: row.inputTokens,
      output: row.outputTokens,
      cacheRead: row.cacheReadTokens,
      cacheWrite: row.cacheWriteTokens,
    },
    costUsd: row.costUsd,
    prompt: row.prompt,
    preview: row.preview,
    firstSeq: row.firstSeq,
    lastSeq: row.lastSeq,
  };
}
