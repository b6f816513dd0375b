/**
 * Requests and their sums in the database, written one after the other: a row when a request goes out, so that a crash
 * leaves none uncounted, and its figures with the day's sum when it has ended.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { BudgetTarget, RequestState, TokenCounts } from '../../shared/usage';
import type { Db, DbOrTx } from '../contracts';
import type { Payer, Sums } from './ledger';
import type { Prices } from './prices';

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

export interface UsageStore {
  /** Returns the row's id at once; the row follows. `bytes` of the request. */
  begin(payer: Payer, request: { at: Date; provider: string; bytes: number }): string;
  /** Calls `counted` when it is written, before anything else is. */
  end(
    id: string,
    request: { payer: Payer; at: Date; provider: string; figures: RequestFigures },
    counted: (spent: { tokens: number; usd: number }) => void,
  ): void;
  sums(target: BudgetTarget, targetId: string, start: Date): Promise<Sums>;
  /** All that was begun before this process is counted as cut. Before anything else. */
  recover(): Promise<number>;
  /** The last write failed, and has not succeeded since. */
  readonly failing: boolean;
  /** What waits is written, or tried once more. */
  close(): Promise<void>;
}

export function createUsageStore({ db, log, prices }: { db: Db; log: Logger; prices: Prices }): UsageStore {
  const closing = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  let failing = false;

  function queue<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  /** Until it is written: what was spent is never forgotten while the process lives. */
  async function insist(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await work();
        failing = false;
        return;
      } catch (error) {
        failing = true;
        log.error({ err: error }, 'usage was not written');
        if (closing.signal.aborted) return;
        await delay(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  async function count(tx: DbOrTx, row: Counted): Promise<void> {
    const { payer, figures } = row;
    const key = {
      day: row.day,
      ...{ sandboxId: payer.sandboxId, userId: payer.userId, workspaceId: payer.workspaceId },
      ...{ provider: row.provider, model: figures.model },
    };
    const sums = {
      requests: 1,
      inputTokens: figures.input,
      outputTokens: figures.output,
      cacheReadTokens: figures.cacheRead,
      cacheWriteTokens: figures.cacheWrite,
      cacheWriteHourTokens: figures.cacheWriteHour,
      costUsd: row.usd,
      estimated: row.estimated ? 1 : 0,
    };
    const increment = Object.fromEntries(
      Object.entries(sums).map(([name, value]) => [name, { increment: value }]),
    );
    await tx.usageDay.upsert({
      where: { day_sandboxId_userId_workspaceId_provider_model: key },
      create: { ...key, ...sums },
      update: increment,
    });
  }

  return {
    get failing() {
      return failing;
    },

    begin(payer, { at, provider, bytes }) {
      const id = randomUUID();
      void queue(() =>
        insist(async () => {
          const inputTokens = Math.ceil(bytes / BYTES_PER_TOKEN);
          await db.apiRequest.create({ data: { id, at, provider, ...payer, inputTokens } });
        }),
      );
      return id;
    },

    end(id, { payer, at, provider, figures }, counted) {
      void queue(() =>
        insist(async () => {
          const day = dayOf(at);
          const { usd, known } = prices.cost(figures.model, day, figures);
          const row = { day, payer, provider, figures, usd, estimated: !(known && figures.exact) };
          await db.$transaction(async (tx) => {
            await tx.apiRequest.update({ where: { id }, data: columnsOf(row) });
            await count(tx, row);
          });
          counted({ tokens: tokensOf(figures), usd });
        }),
      );
    },

    sums: (target, targetId, start) =>
      queue(async () => {
        const column = { user: 'userId', workspace: 'workspaceId', sandbox: 'sandboxId' } as const;
        const { _sum: sum } = await db.usageDay.aggregate({
          where: { [column[target]]: targetId, day: { gte: dayOf(start) } },
          _sum: {
            ...{ requests: true, costUsd: true, inputTokens: true, outputTokens: true },
            ...{ cacheReadTokens: true, cacheWriteTokens: true },
          },
        });
        const tokens = [sum.inputTokens, sum.outputTokens, sum.cacheReadTokens, sum.cacheWriteTokens];
        return {
          requests: sum.requests ?? 0,
          usd: sum.costUsd ?? 0,
          tokens: tokens.reduce<number>((all, it) => all + (it ?? 0), 0),
        };
      }),

    recover: () =>
      queue(async () => {
        const rows = await db.apiRequest.findMany({ where: { state: 'running' } });
        for (const it of rows) {
          const figures: RequestFigures = {
            ...{ input: it.inputTokens, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 },
            ...{ model: '', state: 'cut', status: null, exact: false, ttftMs: null, upstreamId: null },
            durationMs: 0,
          };
          const { sandboxId, sessionId, userId, workspaceId, provider } = it;
          const day = dayOf(it.at);
          const { usd } = prices.cost('', day, figures);
          const payer = { sandboxId, sessionId, userId, workspaceId };
          const row = { day, payer, provider, figures, usd, estimated: true };
          await db.$transaction(async (tx) => {
            await tx.apiRequest.update({ where: { id: it.id }, data: columnsOf(row) });
            await count(tx, row);
          });
        }
        return rows.length;
      }),

    async close() {
      closing.abort();
      await last;
    },
  };
}

interface Counted {
  day: string;
  payer: Payer;
  provider: string;
  figures: RequestFigures;
  usd: number;
  estimated: boolean;
}

function columnsOf({ figures, usd, estimated }: Counted) {
  return {
    state: figures.state,
    status: figures.status,
    model: figures.model,
    inputTokens: figures.input,
    outputTokens: figures.output,
    cacheReadTokens: figures.cacheRead,
    cacheWriteTokens: figures.cacheWrite,
    cacheWriteHourTokens: figures.cacheWriteHour,
    costUsd: usd,
    estimated,
    ttftMs: figures.ttftMs,
    durationMs: figures.durationMs,
    upstreamId: figures.upstreamId,
  };
}

const tokensOf = (it: TokenCounts): number => it.input + it.output + it.cacheRead + it.cacheWrite;

/** `2026-11-21`, of UTC. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10);
