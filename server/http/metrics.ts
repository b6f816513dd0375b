import { createHash, timingSafeEqual } from 'node:crypto';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { AppError } from '../../shared/errors';
import type { Db } from '../contracts';

export interface Metrics {
  observe(sample: { method: string; area: string; status: number; seconds: number }): void;
  /** The text for Prometheus. Throws `not_found` without a configured token, `unauthenticated` for a wrong one. */
  render(authorization: string | undefined): Promise<{ type: string; text: string }>;
}

export interface MetricsOptions {
  token: string | null;
  db: Db;
  openSockets: () => number;
  terminals: () => number;
  claude: ClaudeFigures;
}

/** Counted since the start of this process. */
export interface ClaudeFigures {
  /** Open streams of session summaries. */
  streams(): number;
  watched: {
    turns: number;
    writes: number;
    tokens: { input: number; output: number; cacheRead: number; cacheWrite: number };
    costUsd: number;
  };
  pushes: { sent: number; failed: number; gone: number; held: number };
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** A registry of its own: the default one is shared by everything in the process, tests too. */
export function createMetrics({ token, db, openSockets, terminals, claude }: MetricsOptions): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const requests = new Histogram({
    name: 'cloud_claude_http_request_seconds',
    help: 'Time to answer, by area of the server.',
    labelNames: ['method', 'area', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [register],
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [register],
      collect() {
        this.set(read());
      },
    });
  gauge('cloud_claude_open_sockets', 'Open WebSockets and event streams.', openSockets);
  gauge('cloud_claude_terminals', 'Open terminals.', terminals);
  gauge('cloud_claude_session_watches', 'Sandboxes whose sessions are followed.', () => claude.streams());
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers: [register],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const { watched } = claude;
  counter('cloud_claude_turns_total', 'Finished turns of Claude that were stored.', () => watched.turns);
  counter('cloud_claude_session_writes_total', 'Writes of session summaries.', () => watched.writes);
  counter(
    'cloud_claude_cost_usd_total',
    'Cost of stored turns, as Claude Code tells it.',
    () => watched.costUsd,
  );
  new Counter({
    name: 'cloud_claude_tokens_total',
    help: 'Tokens of stored turns.',
    labelNames: ['kind'],
    registers: [register],
    collect() {
      this.reset();
      for (const [kind, count] of Object.entries(watched.tokens)) this.inc({ kind }, count);
    },
  });
  new Counter({
    name: 'cloud_claude_pushes_total',
    help: 'Pushes by what became of them.',
    labelNames: ['state'],
    registers: [register],
    collect() {
      this.reset();
      for (const [state, count] of Object.entries(claude.pushes)) this.inc({ state }, count);
    },
  });
  const byState = (name: string, help: string, read: () => Promise<{ state: string; count: number }[]>) =>
    new Gauge({
      name,
      help,
      labelNames: ['state'],
      registers: [register],
      async collect() {
        this.reset();
        for (const { state, count } of await read()) this.set({ state }, count);
      },
    });
  byState('cloud_claude_sandboxes', 'Sandboxes by state.', async () =>
    (await db.sandbox.groupBy({ by: ['state'], _count: true })).map((it) => ({
      state: it.state,
      count: it._count,
    })),
  );
  byState('cloud_claude_sessions', 'Open Claude sessions by what they do.', async () =>
    (
      await db.session.groupBy({
        by: ['liveStatus'],
        where: { kind: 'claude', state: { not: 'ended' } },
        _count: true,
      })
    ).map((it) => ({ state: it.liveStatus ?? 'unknown', count: it._count })),
  );
  byState('cloud_claude_tasks', 'Tasks by state.', async () =>
    (await db.task.groupBy({ by: ['state'], _count: true })).map((it) => ({
      state: it.state,
      count: it._count,
    })),
  );

  return {
    observe({ method, area, status, seconds }) {
      requests.observe({ method, area, status }, seconds);
    },
    async render(authorization) {
      if (token === null) throw new AppError('not_found');
      const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
      if (!timingSafeEqual(digest(given), digest(token))) throw new AppError('unauthenticated');
      return { type: register.contentType, text: await register.metrics() };
    },
  };
}
