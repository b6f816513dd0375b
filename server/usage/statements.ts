/** Many rows in one statement each: JSON goes in, SQLite takes it apart. Prisma would make one of each row. */
import type { RequestState } from '../../shared/usage';
import type { Db } from '../contracts';

type Tx = Pick<Db, '$executeRaw'>;

export interface RequestRow {
  id: string;
  at: Date;
  sandboxId: string;
  sessionId: string | null;
  userId: string;
  workspaceId: string;
  provider: string;
  model: string;
  state: RequestState;
  status: number | null;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  cacheWriteHourTokens: number;
  costUsd: number;
  estimated: boolean;
  ttftMs: number | null;
  durationMs: number | null;
  upstreamId: string | null;
}

/** Booleans are 0 and 1, and times the text that Prisma writes for SQLite. */
const stored = (row: RequestRow) => ({
  ...row,
  at: row.at.toISOString().replace('Z', '+00:00'),
  estimated: row.estimated ? 1 : 0,
});

/** A row that is there already takes the new figures. */
export async function writeRequests(tx: Tx, rows: readonly RequestRow[]): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO ApiRequest (id, at, sandboxId, sessionId, userId, workspaceId, provider, model, state, status,
      inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, cacheWriteHourTokens, costUsd, estimated, ttftMs,
      durationMs, upstreamId)
    SELECT it ->> 'id', it ->> 'at', it ->> 'sandboxId', it ->> 'sessionId', it ->> 'userId', it ->> 'workspaceId',
      it ->> 'provider', it ->> 'model', it ->> 'state', it ->> 'status', it ->> 'inputTokens', it ->> 'outputTokens',
      it ->> 'cacheReadTokens', it ->> 'cacheWriteTokens', it ->> 'cacheWriteHourTokens', it ->> 'costUsd',
      it ->> 'estimated', it ->> 'ttftMs', it ->> 'durationMs', it ->> 'upstreamId'
    FROM (SELECT value AS it FROM json_each(${JSON.stringify(rows.map(stored))})) WHERE true
    ON CONFLICT (id) DO UPDATE SET model = excluded.model, state = excluded.state, status = excluded.status,
      inputTokens = excluded.inputTokens, outputTokens = excluded.outputTokens,
      cacheReadTokens = excluded.cacheReadTokens, cacheWriteTokens = excluded.cacheWriteTokens,
      cacheWriteHourTokens = excluded.cacheWriteHourTokens, costUsd = excluded.costUsd,
      estimated = excluded.estimated, ttftMs = excluded.ttftMs, durationMs = excluded.durationMs,
      upstreamId = excluded.upstreamId`;
}

/** Adds each of them to the sum of its day. */
export async function writeDays(tx: Tx, ended: readonly RequestRow[]): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO UsageDay (day, sandboxId, userId, workspaceId, provider, model, requests, inputTokens, outputTokens,
      cacheReadTokens, cacheWriteTokens, cacheWriteHourTokens, costUsd, estimated)
    SELECT substr(it ->> 'at', 1, 10), it ->> 'sandboxId', it ->> 'userId', it ->> 'workspaceId', it ->> 'provider',
      it ->> 'model', count(*), sum(it ->> 'inputTokens'), sum(it ->> 'outputTokens'), sum(it ->> 'cacheReadTokens'),
      sum(it ->> 'cacheWriteTokens'), sum(it ->> 'cacheWriteHourTokens'), sum(it ->> 'costUsd'), sum(it ->> 'estimated')
    FROM (SELECT value AS it FROM json_each(${JSON.stringify(ended.map(stored))})) WHERE true
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (day, sandboxId, userId, workspaceId, provider, model) DO UPDATE SET
      requests = requests + excluded.requests, inputTokens = inputTokens + excluded.inputTokens,
      outputTokens = outputTokens + excluded.outputTokens,
      cacheReadTokens = cacheReadTokens + excluded.cacheReadTokens,
      cacheWriteTokens = cacheWriteTokens + excluded.cacheWriteTokens,
      cacheWriteHourTokens = cacheWriteHourTokens + excluded.cacheWriteHourTokens,
      costUsd = costUsd + excluded.costUsd, estimated = estimated + excluded.estimated`;
}
