/** Keeps session rows true where nobody watches: asks each connected sandbox every few seconds which are alive. */
import type { Logger } from 'pino';
import { tmuxName } from '../../../shared/names';
import type { Audit, Db, Live } from '../../contracts';
import type { PooledConnection } from '../../gateway/connection';
import type { GatewayConnections } from '../../gateway/connections';
import { createSessionStates, endSentence } from './states';

/** One `session list` (some 10 ms of the sandbox's CPU) per running sandbox. */
const POLL_MS = 4_000;
const POLL_TIMEOUT_MS = 10_000;

export interface SessionMonitor {
  start(): void;
  /** One round, now. */
  round(): Promise<void>;
  close(): Promise<void>;
}

export function createSessionMonitor(options: {
  db: Db;
  live: Live;
  audit: Audit;
  log: Logger;
  connections: GatewayConnections;
}): SessionMonitor {
  const { db, log, connections } = options;
  const states = createSessionStates(options);
  const stop = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let current: Promise<void> = Promise.resolve();

  async function round(): Promise<void> {
    const rows = await db.session.findMany({
      where: {
        state: { in: ['starting', 'running'] },
        sandbox: { state: { in: ['running', 'unavailable'] } },
      },
      select: { id: true, sandboxId: true, kind: true, state: true },
    });
    const bySandbox = new Map<string, typeof rows>();
    for (const row of rows) bySandbox.set(row.sandboxId, [...(bySandbox.get(row.sandboxId) ?? []), row]);
    await Promise.all(
      [...bySandbox].map(async ([sandboxId, sessions]) => {
        // Only while connected: a poll is no reason to open a connection.
        const connection = connections.peek(sandboxId);
        if (connection) await check(connection, sessions);
      }),
    );
  }

  async function check(
    connection: PooledConnection,
    sessions: { id: string; kind: string; state: string }[],
  ): Promise<void> {
    // A plain timer: Node 20 lets go of an AbortSignal.timeout that only AbortSignal.any knows, and it never fires.
    const limit = new AbortController();
    const late = setTimeout(() => limit.abort(), POLL_TIMEOUT_MS);
    const signal = AbortSignal.any([stop.signal, limit.signal]);
    try {
      const { code, stdout } = await connection.exec(connections.commands.list(), { signal });
      if (code !== 0) return;
      const alive = new Set(
        stdout
          .toString('utf8')
          .split('\n')
          .map((line) => line.split(' ')[0]),
      );
      for (const session of sessions) {
        if (alive.has(tmuxName(session.id).slice('cc-'.length))) {
          if (session.state === 'starting') await states.running(session.id);
          continue;
        }
        // Absent without a record is no end: the sandbox was started again, and an attach brings it back.
        const status = await connection.exec(connections.commands.status(session.id), { signal });
        const ended = /^ended(?: (-?\d+))?/.exec(status.stdout.toString('utf8'));
        if (!ended) continue;
        const exitCode = ended[1] === undefined ? null : Number(ended[1]);
        await states.ended(session.id, { exitCode, reason: endSentence(session.kind, exitCode) });
      }
    } catch (error) {
      if (!stop.signal.aborted) log.debug({ err: error }, 'sessions could not be listed');
    } finally {
      clearTimeout(late);
    }
  }

  return {
    round,
    start() {
      const tick = () => {
        current = round().catch((error: unknown) => log.warn({ err: error }, 'session monitor'));
        void current.then(() => {
          if (!stop.signal.aborted) timer = setTimeout(tick, POLL_MS);
        });
      };
      timer = setTimeout(tick, POLL_MS);
    },
    async close() {
      stop.abort();
      if (timer) clearTimeout(timer);
      await current;
    },
  };
}
