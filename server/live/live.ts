/** The ordered log of changes behind `/api/events`: rows written with the change, readers woken after the commit. */
import type { Logger } from 'pino';
import type { LiveEvent as LiveRow } from '../../prisma/generated/client';
import { type LiveEvent, liveEventSchema } from '../../shared/views';
import type { Db, Identity, Live } from '../contracts';
import type { Visible } from './visible';

/** Rows a subscriber holds at once: it pulls, so this is all the memory a slow one takes (~200 B a row). */
const LIVE_BATCH = 200;
/** A reader looks by itself this often, for a flush that never came (the writer was another process). */
const LIVE_POLL_MS = 5_000;

/**
 * Tells a client that events between its `Last-Event-ID` and now are lost (trimmed, or another database): refetch
 * everything. Subject `*`, topic `me`; its id is where the stream goes on from.
 */
function refetchAll(id: number, at: Date): LiveEvent {
  return { id, at: at.toISOString(), topic: 'me', action: 'updated', subject: '*', sandboxId: null };
}

export interface LiveOptions {
  db: Db;
  log: Logger;
  visible: Visible;
  pollMs?: number;
}

export function createLive({
  db,
  log,
  visible,
  pollMs = LIVE_POLL_MS,
}: LiveOptions): Live & { close(): void } {
  const closing = new AbortController();
  const readers = new Set<() => void>();
  let flushes = 0;
  let tail: { after: number; flush: number; rows: Promise<LiveRow[]> } | undefined;

  /** Readers that are woken by one flush and stand at the same id share one query. */
  function rowsAfter(after: number): Promise<LiveRow[]> {
    if (tail && tail.after === after && tail.flush === flushes) return tail.rows;
    const rows = db.liveEvent.findMany({
      where: { id: { gt: after } },
      orderBy: { id: 'asc' },
      take: LIVE_BATCH,
    });
    const mine = { after, flush: flushes, rows };
    tail = mine;
    const forget = () => {
      if (tail === mine) tail = undefined;
    };
    rows.then(forget, forget);
    return rows;
  }

  /** Where a reader starts, and whether what it asked for is still there. */
  async function position(from: number | null): Promise<{ at: number; gap: boolean }> {
    const newest = await db.liveEvent.findFirst({ orderBy: { id: 'desc' }, select: { id: true } });
    const last = newest?.id ?? 0;
    if (from === null) return { at: last, gap: false };
    // Trimming keeps the newest row, so an id above it was never given by this database.
    if (from > last) return { at: last, gap: true };
    const next = await db.liveEvent.findFirst({
      where: { id: { gt: from } },
      orderBy: { id: 'asc' },
      select: { id: true },
    });
    // SQLite has one writer and gives ids inside its lock: a missing id was trimmed, never "still to come".
    return next && next.id !== from + 1 ? { at: last, gap: true } : { at: from, gap: false };
  }

  async function* read(
    identity: Identity,
    from: number | null,
    signal: AbortSignal,
  ): AsyncGenerator<LiveEvent> {
    const ended = AbortSignal.any([signal, closing.signal]);
    const bell = createBell();
    readers.add(bell.ring);
    ended.addEventListener('abort', bell.ring, { once: true });
    try {
      const start = await position(from);
      let cursor = start.at;
      if (start.gap) yield refetchAll(cursor, new Date());
      while (!ended.aborted) {
        // Cleared before the query: a change that commits during it rings again and is not lost.
        bell.clear();
        const rows = await rowsAfter(cursor);
        const seen = rows.length > 0 ? await visible(identity, rows) : [];
        for (const row of rows) {
          cursor = row.id;
          if (!seen.includes(row)) continue;
          yield toEvent(row);
          if (ended.aborted) return;
        }
        if (rows.length < LIVE_BATCH) await bell.heard(pollMs);
      }
    } finally {
      readers.delete(bell.ring);
      ended.removeEventListener('abort', bell.ring);
    }
  }

  return {
    async record(tx, change) {
      await tx.liveEvent.create({
        data: {
          topic: change.topic,
          action: change.action,
          subject: change.subject,
          sandboxId: change.sandboxId ?? null,
          workspaceId: change.workspaceId ?? null,
          userId: change.userId ?? null,
        },
      });
    },
    flush() {
      flushes += 1;
      for (const ring of readers) ring();
    },
    subscribe: read,
    close() {
      closing.abort();
      log.debug({ readers: readers.size }, 'live closed');
    },
  };
}

function toEvent(row: LiveRow): LiveEvent {
  return liveEventSchema.parse({
    id: row.id,
    at: row.at.toISOString(),
    topic: row.topic,
    action: row.action,
    subject: row.subject,
    sandboxId: row.sandboxId,
  });
}

/** One sleeper that remembers a ring that came while it was awake. */
function createBell() {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    clear: () => {
      rung = false;
    },
    heard: (limitMs: number) =>
      new Promise<void>((resolve) => {
        if (rung) return resolve();
        const timer = setTimeout(() => wake?.(), limitMs);
        wake = () => {
          clearTimeout(timer);
          wake = undefined;
          resolve();
        };
      }),
  };
}
