/** Writes what sandboxes tell of their sessions: gathered, and at most twice a second in one transaction. */
import type { Logger } from 'pino';
import type { SandboxdSession, TurnSummary } from '../../shared/sandboxd-api';
import type { SessionLive } from '../../shared/views';
import type { Db, DbOrTx, Live } from '../contracts';
import { storedLive } from '../services/sessions/view';
import { clippedTurn, difference, liveOf, switchedModel, turnRow } from './watch-rows';

/** Two writes a second are more than eyes follow and less than a disk minds. */
const FLUSH_MS = 500;
/** A change of mere figures (tokens, cost, the growing text) is told to browsers this often at most. */
const FIGURES_MS = 2_000;
/** When turns could not be fetched, or nothing could be written. */
const AGAIN_MS = 2_000;
/** Rows of one transaction, which must not hold up the others. */
const TURNS_AT_ONCE = 100;
/** Then what cannot be written is let go: it must not hold up the rest for ever. */
const FAILURES_MAX = 5;
/** Sessions of one sandbox that are followed, ended ones too: more is a sandbox that makes them up. */
const SESSIONS_MAX = 2_000;

export type TurnsOf = (session: string, after: number) => Promise<TurnSummary[]>;

export interface WatchedSession {
  id: string;
  name: string;
  sandboxId: string;
  createdById: string;
}
/** Told in the transaction that writes it: what it makes of it is there exactly when the row is. */
export interface WatchListener {
  /** Each finished turn once, over restarts of everything. */
  turn(tx: DbOrTx, session: WatchedSession, turn: TurnSummary): Promise<void>;
  /** After a change of more than figures. */
  changed(
    tx: DbOrTx,
    session: WatchedSession,
    change: { before: SessionLive | null; now: SessionLive },
  ): Promise<void>;
  committed(): void;
}

export interface WatchFigures {
  turns: number;
  writes: number;
  tokens: TurnSummary['tokens'];
  costUsd: number;
}

export interface WatchStore {
  offer(input: { sandboxId: string; summary: SandboxdSession; turnsOf: TurnsOf }): void;
  /** The stream of this sandbox ended: what waits is still written. */
  forget(sandboxId: string): void;
  /** Since the start, for /metrics. */
  readonly figures: WatchFigures;
  close(): Promise<void>;
}

interface Known extends WatchedSession {
  live: SessionLive | null;
  model: string | null;
  /** Of the stored turns. */
  lastTurn: number;
  turns: number;
  workMs: number;
}
interface Entry {
  readonly sandboxId: string;
  readonly session: string;
  /** Null until it was looked up; false when it is none of this sandbox's Claude sessions. */
  known: Known | null | false;
  summary: SandboxdSession | null;
  /** The one before, when it is written. */
  last: SandboxdSession | null;
  /** Fetched, not written yet. */
  turns: TurnSummary[];
  /** The number of finished turns that was last asked for; null: not yet. */
  asked: number | null;
  turnsOf: TurnsOf;
  toldAt: number;
  /** Writes that failed, one after the other. */
  failures: number;
  /** Its stream ended: there is nobody to ask. */
  gone: boolean;
}
interface Taken {
  entry: Entry;
  known: Known;
  summary: SandboxdSession | null;
  turns: TurnSummary[];
}
/** What one entry's write came to; `apply` is for after the commit. */
type Written = { wrote: boolean; apply?: () => void };

export function createWatchStore(options: {
  db: Db;
  live: Live;
  log: Logger;
  listener: WatchListener;
  /** Claude is at work: the sandbox is in use. */
  onActivity?: (sandboxId: string) => void;
  /** Somebody switched the model in the terminal, and it is kept. */
  onModel?: (sessionId: string) => void;
}): WatchStore {
  const { db, live, log, listener } = options;
  const sandboxes = new Map<string, Map<string, Entry>>();
  /** One question for turns at a time to each sandbox. */
  const fetches = new Map<string, Promise<void>>();
  const figures: WatchFigures = {
    turns: 0,
    writes: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    costUsd: 0,
  };
  let timer: { at: number; handle: NodeJS.Timeout } | null = null;
  let flushing: Promise<void> = Promise.resolve();
  let closing = false;

  function flushIn(ms: number): void {
    const at = Date.now() + ms;
    if (closing || (timer && timer.at <= at)) return;
    if (timer) clearTimeout(timer.handle);
    timer = {
      at,
      handle: setTimeout(() => {
        timer = null;
        void flush();
      }, ms),
    };
  }

  /** One after the other: the second one takes what came meanwhile. */
  function flush(): Promise<void> {
    flushing = flushing.then(work).catch((error: unknown) => {
      log.warn({ err: error }, 'what sandboxes told of sessions was not written; tried again');
      flushIn(AGAIN_MS);
    });
    return flushing;
  }

  async function work(): Promise<void> {
    const dirty = [...sandboxes.values()]
      .flatMap((it) => [...it.values()])
      .filter((it) => it.known !== false && (it.summary !== null || it.turns.length > 0));
    await lookUp(dirty.filter((it) => it.known === null));
    const taken = dirty.flatMap((entry): Taken[] => {
      const { known, summary } = entry;
      if (!known) return [];
      entry.summary = null;
      entry.last = summary ?? entry.last;
      askForTurns(entry, known, summary);
      return [{ entry, known, summary, turns: entry.turns.splice(0, TURNS_AT_ONCE) }];
    });
    if (taken.length === 0) return;
    let written: Written[];
    try {
      written = await together(taken);
    } catch (error) {
      log.warn({ err: error }, 'what sandboxes told of sessions was not written together; one by one');
      written = (await Promise.all(taken.map(alone))).flat();
    }
    for (const { apply } of written) apply?.();
    if (taken.some(({ entry }) => entry.turns.length > 0)) flushIn(0);
    if (!written.some((it) => it.wrote)) return;
    figures.writes += 1;
    live.flush();
    listener.committed();
  }

  function together(taken: Taken[]): Promise<Written[]> {
    return db.$transaction(async (tx) => {
      const results: Written[] = [];
      for (const it of taken) results.push(await write(tx, it));
      return results;
    });
  }

  /** One session whose row does not take what its sandbox tells must not hold up the others. */
  async function alone(it: Taken): Promise<Written[]> {
    const { entry, summary, turns } = it;
    try {
      const written = await together([it]);
      entry.failures = 0;
      return written;
    } catch (error) {
      entry.known = null;
      entry.failures += 1;
      if (entry.failures < FAILURES_MAX) {
        entry.summary ??= summary;
        entry.turns.unshift(...turns);
        flushIn(AGAIN_MS);
      } else {
        log.error({ session: entry.session, err: error }, 'what a sandbox told of a session was let go');
        entry.failures = 0;
      }
      return [];
    }
  }

  async function lookUp(unknown: Entry[]): Promise<void> {
    if (unknown.length === 0) return;
    const ids = unknown.map((it) => it.session);
    const rows = await db.session.findMany({ where: { id: { in: ids }, kind: 'claude' } });
    const sums = await db.turn.groupBy({
      by: ['sessionId'],
      where: { sessionId: { in: rows.map((it) => it.id) } },
      _max: { turn: true },
      _count: true,
      _sum: { workMs: true },
    });
    for (const entry of unknown) {
      // A sandbox speaks of its own sessions only.
      const row = rows.find((it) => it.id === entry.session && it.sandboxId === entry.sandboxId);
      const sum = sums.find((it) => it.sessionId === entry.session);
      entry.known = row
        ? {
            id: row.id,
            name: row.name,
            sandboxId: row.sandboxId,
            createdById: row.createdById,
            live: storedLive(row.live),
            model: row.model,
            lastTurn: sum?._max.turn ?? 0,
            turns: sum?._count ?? 0,
            workMs: sum?._sum.workMs ?? 0,
          }
        : false;
      if (entry.known === false) entry.summary = null;
    }
  }

  /** When there are other ones than at the last time: turns that the database does not have, on their own way. */
  function askForTurns(entry: Entry, known: Known, summary: SandboxdSession | null): void {
    if (summary === null || summary.turns === 0 || summary.turns === entry.asked || closing) return;
    // All of them are there: as after a restart with nothing missed.
    const complete = entry.asked === null && known.turns === summary.turns;
    entry.asked = summary.turns;
    if (complete) return;
    const before = fetches.get(entry.sandboxId) ?? Promise.resolve();
    const mine = before.then(() => fetchTurns(entry));
    fetches.set(entry.sandboxId, mine);
    void mine.then(() => {
      if (fetches.get(entry.sandboxId) === mine) fetches.delete(entry.sandboxId);
    });
  }

  async function fetchTurns(entry: Entry): Promise<void> {
    if (!entry.known || closing) return;
    try {
      const after = Math.max(entry.known.lastTurn, ...entry.turns.map((it) => it.turn));
      const found = await entry.turnsOf(entry.session, after);
      entry.turns.push(...found);
      if (found.length > 0) flushIn(0);
    } catch (error) {
      log.debug({ session: entry.session, err: error }, 'turns could not be fetched; tried again');
      const again = setTimeout(() => {
        entry.asked = null;
        if (entry.gone) return;
        entry.summary ??= entry.last;
        flushIn(0);
      }, AGAIN_MS);
      again.unref();
    }
  }

  async function write(tx: DbOrTx, { entry, known, summary, turns }: Taken): Promise<Written> {
    const gone = { wrote: false, apply: () => sandboxes.get(entry.sandboxId)?.delete(entry.session) };
    const next = { ...known };
    const fresh = newTurns(turns, known.lastTurn).map(clippedTurn);
    if (fresh.length > 0 && (await tx.session.count({ where: { id: known.id } })) === 0) return gone;
    for (const turn of fresh) {
      await tx.turn.create({ data: turnRow(known.id, turn) });
      await listener.turn(tx, known, turn);
      next.lastTurn = turn.turn;
      next.turns += 1;
      next.workMs += turn.workMs;
    }
    const told = summary === null ? known.live : liveOf(summary);
    if (told === null) return { wrote: fresh.length > 0, apply: () => keep(entry, next, fresh) };
    const now: SessionLive = { ...told, workMs: next.workMs, updatedAt: new Date().toISOString() };
    const change = difference(known.live, now);
    if (change === 'none' && fresh.length === 0) return { wrote: false };
    const wait = entry.toldAt + FIGURES_MS - Date.now();
    if (change !== 'state' && fresh.length === 0 && wait > 0 && !closing)
      return { wrote: false, apply: () => postpone(entry, summary, wait) };
    const model = switchedModel(known, now);
    const { count } = await tx.session.updateMany({
      where: { id: known.id },
      data: { live: JSON.stringify(now), liveStatus: now.status, ...(model === null ? {} : { model }) },
    });
    if (count === 0) return gone;
    if (change === 'state') await listener.changed(tx, known, { before: known.live, now });
    const { id: subject, sandboxId } = known;
    await live.record(tx, { topic: 'session', action: 'updated', subject, sandboxId });
    return {
      wrote: true,
      apply: () => {
        keep(entry, { ...next, live: now, model: model ?? known.model }, fresh);
        if (model !== null) options.onModel?.(known.id);
      },
    };
  }

  function keep(entry: Entry, known: Known, fresh: TurnSummary[]): void {
    entry.known = known;
    entry.toldAt = Date.now();
    figures.turns += fresh.length;
    for (const { tokens, costUsd } of fresh) {
      figures.tokens.input += tokens.input;
      figures.tokens.output += tokens.output;
      figures.tokens.cacheRead += tokens.cacheRead;
      figures.tokens.cacheWrite += tokens.cacheWrite;
      figures.costUsd += costUsd ?? 0;
    }
  }

  /** Unless something newer comes, it is written when its time has come. */
  function postpone(entry: Entry, summary: SandboxdSession | null, ms: number): void {
    entry.summary ??= summary;
    flushIn(ms);
  }

  return {
    figures,
    offer({ sandboxId, summary, turnsOf }) {
      if (closing) return;
      const sessions = sandboxes.get(sandboxId) ?? new Map<string, Entry>();
      sandboxes.set(sandboxId, sessions);
      let entry = sessions.get(summary.id);
      if (!entry) {
        if (sessions.size >= SESSIONS_MAX) return;
        entry = {
          ...{ sandboxId, session: summary.id, known: null, summary: null, last: null },
          ...{ turns: [], asked: null, turnsOf, toldAt: 0, failures: 0, gone: false },
        };
        sessions.set(summary.id, entry);
      }
      if (entry.known === false) return;
      entry.summary = summary;
      entry.turnsOf = turnsOf;
      entry.gone = false;
      if (summary.status === 'working') options.onActivity?.(sandboxId);
      flushIn(FLUSH_MS);
    },
    forget(sandboxId) {
      const sessions = sandboxes.get(sandboxId);
      if (!sessions) return;
      for (const [id, entry] of sessions) {
        entry.gone = true;
        if (entry.known === false || (entry.summary === null && entry.turns.length === 0))
          sessions.delete(id);
      }
      if (sessions.size === 0) sandboxes.delete(sandboxId);
    },
    async close() {
      closing = true;
      if (timer) clearTimeout(timer.handle);
      await flush();
    },
  };
}

/** Those after `last`, each once: what was fetched twice is written once. */
function newTurns(turns: readonly TurnSummary[], last: number): TurnSummary[] {
  let at = last;
  return turns.filter((it) => {
    if (it.turn <= at) return false;
    at = it.turn;
    return true;
  });
}
