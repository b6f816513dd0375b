/** What was spent, summed by day, model or who it was for. */
import type { UsageQuery, UsageRequest, UsageSum } from '../../../shared/usage';
import { requestStateSchema } from '../../../shared/usage';
import type { Db } from '../../contracts';
import { figuresOf, type UsageScope } from './figures';

/** Rows of an answer; a year by day, or more names than anybody reads. */
const SUMS_MAX = 1_000;
const columns = {
  day: 'day',
  model: 'model',
  user: 'userId',
  workspace: 'workspaceId',
  sandbox: 'sandboxId',
} as const;

/** Of whole days, for good. */
export async function usageSums(
  db: Db,
  query: Pick<UsageQuery, 'from' | 'to'> & { by: keyof typeof columns },
  scope: UsageScope,
): Promise<UsageSum[]> {
  const column = columns[query.by];
  const rows = await db.usageDay.groupBy({
    by: [column],
    where: { ...scope, day: { gte: query.from, lte: query.to } },
    _sum: {
      ...{ requests: true, costUsd: true, estimated: true, inputTokens: true, outputTokens: true },
      ...{ cacheReadTokens: true, cacheWriteTokens: true, cacheWriteHourTokens: true },
    },
    orderBy: query.by === 'day' ? { day: 'asc' } : { _sum: { costUsd: 'desc' } },
    take: SUMS_MAX,
  });
  const keys = rows.map((it) => it[column] ?? '');
  const names = await namesOf(db, query.by, keys);
  return rows.map(({ _sum: sum }, at) => {
    const key = keys[at] ?? '';
    return {
      key,
      name: names.get(key) ?? (query.by === 'model' ? key || 'not answered' : key),
      ...figuresOf(sum),
    };
  });
}

/** Of those that are still there. */
export async function namesOf(db: Db, of: keyof typeof columns, ids: string[]): Promise<Map<string, string>> {
  const where = { id: { in: ids } };
  if (of === 'user') {
    const rows = await db.user.findMany({ where, select: { id: true, username: true } });
    return new Map(rows.map((it) => [it.id, it.username]));
  }
  const select = { id: true, name: true } as const;
  const rows =
    of === 'workspace'
      ? await db.workspace.findMany({ where, select })
      : of === 'sandbox'
        ? await db.sandbox.findMany({ where, select })
        : [];
  return new Map(rows.map((it) => [it.id, it.name]));
}

/** Newest first. */
export async function usageRequests(
  db: Db,
  scope: UsageScope & { sessionId?: string },
  page: { before?: Date | undefined; limit: number },
): Promise<UsageRequest[]> {
  const rows = await db.apiRequest.findMany({
    where: { ...scope, ...(page.before ? { at: { lt: page.before } } : {}) },
    orderBy: { at: 'desc' },
    take: page.limit,
  });
  return rows.map((it) => ({
    id: it.id,
    at: it.at.toISOString(),
    sandboxId: it.sandboxId,
    sessionId: it.sessionId,
    userId: it.userId,
    provider: it.provider,
    model: it.model,
    state: requestStateSchema.parse(it.state),
    status: it.status,
    input: it.inputTokens,
    output: it.outputTokens,
    cacheRead: it.cacheReadTokens,
    cacheWrite: it.cacheWriteTokens,
    cacheWriteHour: it.cacheWriteHourTokens,
    costUsd: it.costUsd,
    estimated: it.estimated,
    ttftMs: it.ttftMs,
    durationMs: it.durationMs,
    upstreamId: it.upstreamId,
  }));
}
