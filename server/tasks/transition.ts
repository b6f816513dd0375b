/** The only place that writes Sandbox.state: checks the move, compares and sets the revision, tells the readers. */
import type { Sandbox } from '../../prisma/generated/client';
import { AppError } from '../../shared/errors';
import { mayFollow, type SandboxState, sandboxStateSchema } from '../../shared/sandbox-state';
import type { DbOrTx, Live } from '../contracts';
import type { Power } from './plan';

export type SandboxRow = Sandbox;

export interface Move {
  state: SandboxState;
  reason: string | null;
  desiredPower?: Power;
  generation?: number;
  image?: string;
  hostKey?: string;
  startedAt?: Date | null;
  lastActivityAt?: Date;
}

export function stateOf(row: { state: string }): SandboxState {
  return sandboxStateSchema.parse(row.state);
}

/** Throws `conflict` when the row is not as it was read, and `wrong_state` for a move that the table forbids. */
export async function moveSandbox(
  tx: DbOrTx,
  live: Live,
  change: { row: SandboxRow; move: Move },
): Promise<SandboxRow> {
  const { row, move } = change;
  if (!mayFollow(stateOf(row), move.state))
    throw new AppError('wrong_state', `A sandbox that is ${row.state} cannot become ${move.state}.`);
  const { reason, ...columns } = move;
  const data = { ...columns, stateReason: reason, revision: row.revision + 1 };
  const changed = await tx.sandbox.updateMany({ where: { id: row.id, revision: row.revision }, data });
  if (changed.count === 0) throw new AppError('conflict');
  await live.record(tx, {
    topic: 'sandbox',
    action: 'updated',
    subject: row.id,
    sandboxId: row.id,
    workspaceId: row.workspaceId,
  });
  return { ...row, ...data };
}

/**
 * Reads a row for change. Its first statement is a write: SQLite then holds the write lock from the start of the
 * transaction, so what is read cannot be overtaken (a deferred transaction that reads first and then writes fails
 * with SQLITE_BUSY_SNAPSHOT when another process wrote in between).
 */
export async function lockSandbox(tx: DbOrTx, id: string): Promise<SandboxRow | null> {
  const touched = await tx.sandbox.updateMany({ where: { id }, data: { revision: { increment: 1 } } });
  return touched.count === 0 ? null : tx.sandbox.findUnique({ where: { id } });
}
