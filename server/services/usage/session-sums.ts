/**
 * What sessions and their turns have cost, out of the requests that the gateway has counted. A request is of the turn
 * that began last before it: also what a turn left running behind it is its own, and none is counted twice.
 */
import type { UsageSum } from '../../../shared/usage';
import type { Db } from '../../contracts';
import { type Figures, figuresOf, type UsageScope } from './figures';

/** Rows of an answer; those that have cost most, or the newest turns. */
const SUMS_MAX = 1_000;
/** Of a prompt. */
const DETAIL_MAX_CHARS = 200;
const DAY_MS = 86_400_000;

interface Range {
  /** Days of UTC, both included. */
  from: string;
  to: string;
}
const momentsOf = ({ from, to }: Range) => ({
  start: new Date(from),
  end: new Date(Date.parse(to) + DAY_MS),
});

/** `userId`: who asks, and is told the names of sessions in workspaces of their own. */
export async function sessionSums(
  db: Db,
  range: Range,
  { scope, userId }: { scope: UsageScope; userId: string },
): Promise<UsageSum[]> {
  const { start, end } = momentsOf(range);
  const where = { ...scope, at: { gte: start, lt: end }, state: { not: 'running' } };
  const rows = await db.apiRequest.groupBy({
    by: ['sessionId'],
    where,
    _count: true,
    _sum: {
      ...{ costUsd: true, inputTokens: true, outputTokens: true },
      ...{ cacheReadTokens: true, cacheWriteTokens: true, cacheWriteHourTokens: true },
    },
    orderBy: { _sum: { costUsd: 'desc' } },
    take: SUMS_MAX,
  });
  const estimated = await db.apiRequest.groupBy({
    by: ['sessionId'],
    where: { ...where, estimated: true },
    _count: true,
  });
  const ids = rows.flatMap((it) => it.sessionId ?? []);
  const sessions = await db.session.findMany({
    where: { id: { in: ids }, sandbox: { workspace: { members: { some: { userId } } } } },
    select: { id: true, name: true, sandbox: { select: { name: true } } },
  });
  const named = new Map(sessions.map((it) => [it.id, it]));
  return rows.map(({ sessionId, _count: requests, _sum: sum }) => {
    const session = sessionId === null ? undefined : named.get(sessionId);
    const guessed = estimated.find((it) => it.sessionId === sessionId)?._count ?? 0;
    return {
      key: sessionId ?? '',
      name: session?.name ?? sessionId ?? 'Outside of sessions',
      ...(session ? { detail: session.sandbox.name } : {}),
      ...figuresOf({ ...sum, requests, estimated: guessed }),
    };
  });
}

/** Newest first. `running`: when the turn began that has not ended yet. */
export async function turnSums(
  db: Db,
  range: Range,
  { sessionId, running }: { sessionId: string; running: Date | null },
): Promise<UsageSum[]> {
  const { start, end } = momentsOf(range);
  const last = await db.turn.findFirst({ where: { sessionId }, orderBy: { turn: 'desc' } });
  const open = running !== null && (last === null || running > last.endedAt) ? (last?.turn ?? 0) + 1 : null;
  const rows = await db.$queryRaw<(Figures & { turn: number | bigint | null })[]>`
    WITH line AS (
      SELECT startedAt AS at, turn, NULL AS id FROM Turn WHERE sessionId = ${sessionId}
      UNION ALL SELECT ${running ?? start}, ${open}, NULL WHERE ${open} IS NOT NULL
      UNION ALL SELECT at, NULL, id FROM ApiRequest WHERE sessionId = ${sessionId} AND state <> 'running'
    ), placed AS (
      SELECT id, max(turn) OVER (ORDER BY at, id ROWS UNBOUNDED PRECEDING) AS turn FROM line
    )
    SELECT placed.turn, count(*) AS requests, sum(inputTokens) AS inputTokens, sum(outputTokens) AS outputTokens,
      sum(cacheReadTokens) AS cacheReadTokens, sum(cacheWriteTokens) AS cacheWriteTokens,
      sum(cacheWriteHourTokens) AS cacheWriteHourTokens, sum(costUsd) AS costUsd, sum(estimated) AS estimated
    FROM placed JOIN ApiRequest USING (id)
    WHERE at >= ${start} AND at < ${end}
    GROUP BY placed.turn ORDER BY placed.turn DESC LIMIT ${SUMS_MAX}`;
  const turns = rows.map((it) => (it.turn === null ? null : Number(it.turn)));
  const prompts = await db.turn.findMany({
    where: { sessionId, turn: { in: turns.filter((it) => it !== null) } },
    select: { turn: true, prompt: true },
  });
  const said = new Map(prompts.map((it) => [it.turn, it.prompt.slice(0, DETAIL_MAX_CHARS)]));
  return rows.map((row, at) => {
    const turn = turns[at] ?? null;
    const detail = turn === null ? undefined : said.get(turn);
    return {
      key: turn === null ? '' : String(turn),
      name:
        turn === null ? 'Before the first turn' : turn === open ? `Turn ${turn}, running` : `Turn ${turn}`,
      ...(detail ? { detail } : {}),
      ...figuresOf(row),
    };
  });
}
