/** For tests: the summaries and turns of shared/sandboxd-api.ts on a real socket, said as a test wants it. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type SandboxdSession, sandboxdSessionSchema, type TurnSummary } from '../../shared/sandboxd-api';

export interface ScriptedSandboxd {
  /** As the gateway's connection to the sandbox. */
  readonly connection: { unix(path: string): Promise<Duplex> };
  /** Open `watch` streams. */
  watchers(): number;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** Keeps the summary and tells it. */
  tell(summary: SandboxdSession): void;
  tellRaw(line: string): void;
  turns(session: string): TurnSummary[];
  /** Breaks every stream, as a killed sandboxd does. */
  cut(): void;
  close(): Promise<void>;
}

export function summary(id: string, change: Partial<SandboxdSession> = {}): SandboxdSession {
  return sandboxdSessionSchema.parse({
    ...{ id, status: 'idle', claudeSessionId: id, model: 'claude-opus-5-5', effort: null },
    ...{ permissionMode: 'bypassPermissions', title: null, costUsd: null, context: null, waiting: null },
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    ...{ preview: '', turns: 0, turnStartedAt: null, turn: null, firstSeq: 1, lastSeq: 1, queued: 0 },
    ...change,
  });
}

export function turn(number: number, change: Partial<TurnSummary> = {}): TurnSummary {
  const at = new Date().toISOString();
  return {
    ...{ turn: number, startedAt: at, endedAt: at, reason: 'completed', error: null, workMs: 1_000 },
    ...{ model: 'claude-opus-5-5', costUsd: 0.25, prompt: `prompt ${number}`, preview: `answer ${number}` },
    tokens: { input: 10, output: 20, cacheRead: 30, cacheWrite: 40 },
    ...{ firstSeq: number * 10, lastSeq: number * 10 + 9 },
    ...change,
  };
}

export async function startScriptedSandboxd(): Promise<ScriptedSandboxd> {
  const path = join(tmpdir(), `cc-sandboxd-${randomUUID().slice(0, 8)}.sock`);
  const summaries = new Map<string, SandboxdSession>();
  const turns = new Map<string, TurnSummary[]>();
  const watching = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://sandboxd');
    asked.push(`${url.pathname}${url.search}`);
    if (url.pathname === '/sessions/watch') {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write('\n');
      for (const it of summaries.values()) response.write(`${JSON.stringify(it)}\n`);
      watching.add(response);
      response.on('close', () => watching.delete(response));
      return;
    }
    const session = /^\/sessions\/([^/]+)\/turns$/.exec(url.pathname)?.[1] ?? '';
    const after = Number(url.searchParams.get('after') ?? 0);
    const found = (turns.get(session) ?? []).filter((it) => it.turn > after).slice(0, 100);
    response.end(JSON.stringify({ turns: found }));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(path);
  await once(server, 'listening');
  const tellRaw = (line: string) => {
    for (const response of watching) response.write(`${line}\n`);
  };
  return {
    connection: {
      async unix() {
        const socket = connect(path);
        await once(socket, 'connect');
        return socket;
      },
    },
    watchers: () => watching.size,
    asked,
    tell(it) {
      summaries.set(it.id, it);
      tellRaw(JSON.stringify(it));
    },
    tellRaw,
    turns(session) {
      const list = turns.get(session) ?? [];
      turns.set(session, list);
      return list;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(path, { force: true });
    },
  };
}
