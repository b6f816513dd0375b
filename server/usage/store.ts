/**
 * Requests and their sums in the database. What happens is kept in mind and written some times a second, many rows in
 * one statement a table: a write for each request would cost the next one its first milliseconds.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay, setImmediate as othersTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { BudgetTarget, RequestState, TokenCounts } from '../../shared/usage';
import type { Db } from '../contracts';
import type { Payer, Sums } from './ledger';
import type { Prices } from './prices';
import { type RequestRow, writeDays, writeRequests } from './statements';

/** What a process that is killed may leave uncounted. */
const WRITE_EVERY_MS = 200;
/** Rows of one transaction. Each of its steps stands in the way of every stream, for 1-2 ms. */
const WRITE_ROWS_MAX = 32;
/** After a write that failed: until one succeeds, nobody with a budget is let through. */
const RETRY_MS = 1_000;
/** Of a request, JSON mostly; only for those that were cut off before the API counted them. */
export const BYTES_PER_TOKEN = 4;

export interface RequestFigures extends TokenCounts {
  model: string;
  state: Exclude<RequestState, 'running'>;
  status: number | null;
  /** The API itself has counted the tokens. */
  exact: boolean;
  ttftMs: number | null;
  durationMs: number;
  upstreamId: string | null;
}

export interface OpenRequest {
  payer: Payer;
  at: Date;
  provider: string;
}

export interface UsageStore {
  /** Returns its id; its row follows, so that a crash leaves it to be counted. `bytes` of the request. */
  begin(request: OpenRequest & { bytes: number }): string;
  /** Returns what it is counted as. */
  end(id: string, request: OpenRequest & { figures: RequestFigures }): { tokens: number; usd: number };
  /** All that has ended since `start`, also what is not written yet; `take` has it before anything else ends. */
  sums(target: BudgetTarget, targetId: string, start: Date, take: (sums: Sums) => void): Promise<void>;
  /** All that was begun before this process is counted as cut. Before anything else. */
  recover(): Promise<number>;
  /** The last write failed, and none has succeeded since. */
  readonly failing: boolean;
  /** What waits is written, or tried once more. */
  close(): Promise<void>;
}

export function createUsageStore({ db, log, prices }: { db: Db; log: Logger; prices: Prices }): UsageStore {
  const closing = new AbortController();
  /** Not written yet, by id: as begun, or as ended. */
  const waiting = new Map<string, RequestRow>();
  let writing: Promise<void> | null = null;
  let failing = false;
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: what is read beside a write would be counted twice or not at all. */
  function queue<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  const writeSome = () =>
    queue(async () => {
      const rows: RequestRow[] = [];
      for (const row of waiting.values()) if (rows.push(row) === WRITE_ROWS_MAX) break;
      if (rows.length === 0) return;
      // The database does its work in our own thread: streams have their turn between its steps.
      await db.$transaction(async (tx) => {
        await othersTurn();
        await writeRequests(tx, rows);
        await othersTurn();
        const ended = rows.filter((it) => it.state !== 'running');
        if (ended.length > 0) await writeDays(tx, ended);
        await othersTurn();
      });
      // One that has ended meanwhile is another row.
      for (const row of rows) if (waiting.get(row.id) === row) waiting.delete(row.id);
    });

  /** All that waits now, and not what comes meanwhile. */
  async function write(): Promise<void> {
    for (let left = waiting.size; left > 0; left -= WRITE_ROWS_MAX) {
      await writeSome();
      await othersTurn();
    }
  }

  async function writeAll(): Promise<void> {
    while (waiting.size > 0) {
      try {
        await delay(failing ? RETRY_MS : WRITE_EVERY_MS, undefined, { signal: closing.signal }).catch(
          () => undefined,
        );
        await write();
        failing = false;
      } catch (error) {
        failing = true;
        log.error({ err: error }, 'usage was not written');
        if (closing.signal.aborted) return;
      }
    }
  }

  function wake(): void {
    writing ??= writeAll().finally(() => {
      writing = null;
    });
  }

  function put(row: RequestRow): void {
    waiting.set(row.id, row);
    wake();
  }

  function ended(id: string, { payer, at, provider, figures }: OpenRequest & { figures: RequestFigures }) {
    const { usd, known } = prices.cost(figures.model, dayOf(at), figures);
    // Field by field: copies of copies cost more than all of the metering else.
    const row: RequestRow = {
      id,
      at,
      sandboxId: payer.sandboxId,
      sessionId: payer.sessionId,
      userId: payer.userId,
      workspaceId: payer.workspaceId,
      provider,
      model: figures.model,
      state: figures.state,
      status: figures.status,
      inputTokens: figures.input,
      outputTokens: figures.output,
      cacheReadTokens: figures.cacheRead,
      cacheWriteTokens: figures.cacheWrite,
      cacheWriteHourTokens: figures.cacheWriteHour,
      costUsd: usd,
      // Of what has cost nothing the price does not matter.
      estimated: !(figures.exact && (known || usd === 0)),
      ttftMs: figures.ttftMs,
      durationMs: figures.durationMs,
      upstreamId: figures.upstreamId,
    };
    put(row);
    return { tokens: tokensOf(row), usd };
  }

  return {
    get failing() {
      return failing;
    },

    begin({ payer, at, provider, bytes }) {
      const id = randomUUID();
      put(running(id, { payer, at, provider, bytes }));
      return id;
    },

    end: ended,

    sums: (target, targetId, start, take) =>
      queue(async () => {
        const column = ({ user: 'userId', workspace: 'workspaceId', sandbox: 'sandboxId' } as const)[target];
        const { _sum: sum } = await db.usageDay.aggregate({
          where: { [column]: targetId, day: { gte: dayOf(start) } },
          _sum: {
            ...{ requests: true, costUsd: true, inputTokens: true, outputTokens: true },
            ...{ cacheReadTokens: true, cacheWriteTokens: true },
          },
        });
        const tokens = [sum.inputTokens, sum.outputTokens, sum.cacheReadTokens, sum.cacheWriteTokens];
        const sums: Sums = {
          requests: sum.requests ?? 0,
          usd: sum.costUsd ?? 0,
          tokens: tokens.reduce<number>((all, it) => all + (it ?? 0), 0),
        };
        for (const row of waiting.values())
          if (row.state !== 'running' && row[column] === targetId && row.at >= start) {
            sums.requests += 1;
            sums.usd += row.costUsd;
            sums.tokens += tokensOf(row);
          }
        take(sums);
      }),

    async recover() {
      const rows = await db.apiRequest.findMany({ where: { state: 'running' } });
      for (const { id, at, provider, sandboxId, sessionId, userId, workspaceId, inputTokens } of rows)
        ended(id, {
          ...{ at, provider, payer: { sandboxId, sessionId, userId, workspaceId } },
          figures: {
            ...{ input: inputTokens, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 },
            ...{ model: '', state: 'cut', status: null, exact: false, ttftMs: null, upstreamId: null },
            durationMs: 0,
          },
        });
      await write();
      return rows.length;
    },

    async close() {
      closing.abort();
      await writing;
    },
  };
}

const running = (
  id: string,
  { payer, at, provider, bytes }: OpenRequest & { bytes: number },
): RequestRow => ({
  id,
  at,
  sandboxId: payer.sandboxId,
  sessionId: payer.sessionId,
  userId: payer.userId,
  workspaceId: payer.workspaceId,
  provider,
  model: '',
  state: 'running',
  status: null,
  inputTokens: Math.ceil(bytes / BYTES_PER_TOKEN),
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  cacheWriteHourTokens: 0,
  costUsd: 0,
  estimated: true,
  ttftMs: null,
  durationMs: null,
  upstreamId: null,
});

const tokensOf = (it: RequestRow): number =>
  it.inputTokens + it.outputTokens + it.cacheReadTokens + it.cacheWriteTokens;

/** `2026-11-21`, of UTC. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10);
