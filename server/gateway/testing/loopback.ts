/** A real sandboxd on this machine in the place of a sandbox: nothing but its socket is there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '../../../shared/errors';
import { projectRoot } from '../../db/project-root';
import type { PooledConnection } from '../connection';
import type { GatewayConnections } from '../connections';
import { SessionCommands } from '../sandbox-command';

export interface Loopback {
  sessionId: string;
  connections: GatewayConnections;
  /** Writes frames; gives the newest seq. */
  emit(count: number): Promise<number>;
  /** Ends the session. */
  exit(): Promise<number>;
  close(): Promise<void>;
}

export async function startLoopback(): Promise<Loopback> {
  const folder = await mkdtemp(join(tmpdir(), 'cc-loopback-'));
  const socket = join(folder, 'sandboxd.sock');
  const sessionId = randomUUID();
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', 'image/testing/loopback.ts', socket, folder, sessionId],
    { cwd: projectRoot(), stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('no pipes');
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '{}') as { lastSeq?: number };
  await next();
  const tell = async (line: string) => {
    stdin.write(`${line}\n`);
    return (await next()).lastSeq ?? 0;
  };
  const opened = {
    async unix() {
      const made = connect(socket);
      await once(made, 'connect');
      return made;
    },
    exec: () => Promise.reject(new AppError('unavailable', 'Nothing runs here.')),
    async tcp(port: number) {
      const made = connect(port, '127.0.0.1');
      await once(made, 'connect');
      return made;
    },
    // Only these are asked for here; a whole connection is SSH.
  } as unknown as PooledConnection;
  return {
    sessionId,
    connections: {
      get: async () => opened,
      begun: async () => opened,
      peek: () => null,
      drop: () => undefined,
      viewers: () => 0,
      expect: () => undefined,
      released: () => undefined,
      commands: new SessionCommands(),
      addViewer: () => () => undefined,
      start: () => undefined,
      close: async () => undefined,
    },
    emit: (count) => tell(String(count)),
    exit: () => tell('exit'),
    async close() {
      stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
