/**
 * Follows the sandboxd of every connected sandbox: one stream of session summaries each, written to the sessions'
 * rows, and the finished turns that the database does not have yet. What a restart of the gateway missed is in the
 * first summaries of the next stream and in `turns`.
 */
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { SANDBOXD_SOCKET, sandboxdSessionSchema, type TurnSummary } from '../../shared/sandboxd-api';
import type { Db } from '../contracts';
import { callSandboxd, readWatch } from '../services/frames/client';
import type { WatchStore } from './watch-store';

/** How often running sandboxes are compared with open streams. */
const LOOK_MS = 1_000;
const BACKOFF_FIRST_MS = 250;
/** A sandbox whose image knows no `watch` is asked this seldom. */
const BACKOFF_MAX_MS = 30_000;
/** As sandboxd gives them. */
const TURNS_PAGE = 100;
/** A journal of more turns than this is not read in one go: the rest comes with the next summary. */
const TURN_PAGES_MAX = 50;

/** What the watcher needs of a warm connection. */
export interface WatchedConnection {
  unix(path: string): Promise<Duplex>;
}

export interface WatchOptions {
  db: Db;
  log: Logger;
  store: WatchStore;
  /** The open connection, if there is one now: a watch is no reason to open one. */
  peek(sandboxId: string): WatchedConnection | null;
  lookMs?: number;
}

export interface Watch {
  start(): void;
  /** Streams that are open now. */
  streams(): number;
  close(): Promise<void>;
}

interface Stream {
  end: AbortController;
  done: Promise<void>;
  /** The sandbox has answered on it. */
  heard: boolean;
}

export function createWatch(options: WatchOptions): Watch {
  const { db, log, store } = options;
  const streams = new Map<string, Stream>();
  const failures = new Map<string, { count: number; retryAt: number }>();
  const closing = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let looking: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const rows = await db.sandbox.findMany({
      where: { state: { in: ['running', 'unavailable'] } },
      select: { id: true },
    });
    const running = new Set(rows.map((it) => it.id));
    for (const [id, stream] of streams) if (!running.has(id)) stream.end.abort();
    for (const id of failures.keys()) if (!running.has(id)) failures.delete(id);
    for (const id of running) {
      if (closing.signal.aborted || streams.has(id) || Date.now() < (failures.get(id)?.retryAt ?? 0))
        continue;
      const connection = options.peek(id);
      if (connection) open(id, connection);
    }
  }

  function open(id: string, connection: WatchedConnection): void {
    const stream: Stream = { end: new AbortController(), done: Promise.resolve(), heard: false };
    const signal = AbortSignal.any([stream.end.signal, closing.signal]);
    streams.set(id, stream);
    stream.done = follow(id, connection, { stream, signal })
      .catch((error: unknown) => {
        if (!signal.aborted) log.debug({ sandbox: id, err: error }, 'the watch of a sandbox broke');
      })
      .finally(() => {
        streams.delete(id);
        store.forget(id);
        const count = stream.heard ? 0 : (failures.get(id)?.count ?? 0) + 1;
        const wait = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** count);
        failures.set(id, { count, retryAt: Date.now() + wait });
      });
  }

  async function follow(
    id: string,
    connection: WatchedConnection,
    { stream, signal }: { stream: Stream; signal: AbortSignal },
  ): Promise<void> {
    const channel = await connection.unix(SANDBOXD_SOCKET);
    const turnsOf = (session: string, after: number) => fetchTurns(connection, session, after);
    let refused = false;
    for await (const line of readWatch(channel, { signal })) {
      stream.heard = true;
      if (line === '') continue;
      const parsed = sandboxdSessionSchema.safeParse(json(line));
      if (parsed.success) store.offer({ sandboxId: id, summary: parsed.data, turnsOf });
      else if (!refused) {
        // Once per stream: another version's sandboxd would fill the log.
        refused = true;
        log.warn({ sandbox: id, issue: parsed.error.issues[0]?.path }, 'a summary was not understood');
      }
    }
  }

  return {
    start() {
      const tick = () => {
        looking = look().catch((error: unknown) => log.warn({ err: error }, 'watch'));
        void looking.then(() => {
          if (!closing.signal.aborted) timer = setTimeout(tick, options.lookMs ?? LOOK_MS);
        });
      };
      tick();
    },
    streams: () => [...streams.values()].filter((it) => it.heard).length,
    async close() {
      closing.abort();
      if (timer) clearTimeout(timer);
      await looking;
      await Promise.all([...streams.values()].map((it) => it.done));
    },
  };
}

async function fetchTurns(
  connection: WatchedConnection,
  session: string,
  after: number,
): Promise<TurnSummary[]> {
  const found: TurnSummary[] = [];
  let from = after;
  for (let page = 0; page < TURN_PAGES_MAX; page += 1) {
    const channel = await connection.unix(SANDBOXD_SOCKET);
    const { turns } = await callSandboxd(channel, 'turns', { id: session, input: { after: from } });
    // A page that does not lead on would be asked for ever.
    const later = turns.filter((it) => it.turn > from);
    found.push(...later);
    from = Math.max(from, ...later.map((it) => it.turn));
    if (later.length < TURNS_PAGE) break;
  }
  return found;
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
