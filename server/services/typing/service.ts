/** Keystrokes and sizes for sessions without a terminal that is open: for programs. */
import { AppError } from '../../../shared/errors';
import { requireSessionScope } from '../../auth/scopes';
import type { Db, Identity, SandboxAccess } from '../../contracts';
import type { GatewayConnections } from '../../gateway/connections';
import { clampSize } from '../../gateway/terminal-query';

export interface Typing {
  /** Types these bytes as they stand. Throws `gone` when the session has ended, `wrong_state` when it does not run. */
  input(identity: Identity, given: { id: string; kind: 'claude' | 'shell'; data: Buffer }): Promise<void>;
  /** Until somebody who looks on has another size. */
  resize(identity: Identity, given: { id: string; cols: number; rows: number }): Promise<void>;
}

export function createTyping(options: {
  db: Db;
  access: SandboxAccess;
  connections: Pick<GatewayConnections, 'get' | 'commands'>;
  onActivity(sandboxId: string, sessionId: string): void;
}): Typing {
  const { db, access, connections, onActivity } = options;

  async function run(
    identity: Identity,
    given: { id: string; kind: string; command: string[]; input?: Buffer },
  ) {
    const row = await db.session.findUnique({ where: { id: given.id } });
    if (!row || row.kind !== given.kind) throw new AppError('not_found');
    await access(identity, row.sandboxId, 'use');
    requireSessionScope(identity, row.kind, 'input');
    if (row.state === 'ended') throw new AppError('gone', row.endReason ?? undefined);
    const connection = await connections.get(row.sandboxId);
    const { code } = await connection.exec(given.command, given.input ? { input: given.input } : {});
    if (code !== 0) throw new AppError('wrong_state', 'The session does not run right now.');
    onActivity(row.sandboxId, row.id);
  }

  return {
    input: (identity, { id, kind, data }) =>
      run(identity, { id, kind, command: connections.commands.input(id), input: data }),
    resize: (identity, { id, cols, rows }) => {
      const size = clampSize(cols, rows);
      return run(identity, {
        id,
        kind: 'shell',
        command: connections.commands.resize(id, size.cols, size.rows),
      });
    },
  };
}
