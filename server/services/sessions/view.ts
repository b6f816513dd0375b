import type { Session } from '../../../prisma/generated/client';
import { permissionModeSchema, type SessionView, sessionKindSchema } from '../../../shared/views';

/** States of a sandbox in which its sessions are alive, or will be in a moment. */
const ALIVE = new Set(['running', 'unavailable']);

/** A row as readers see it. `suspended` is derived: its sandbox does not run, and opening it later brings it back. */
export function sessionView(row: Session, sandboxState: string, viewers: number): SessionView {
  return {
    id: row.id,
    sandboxId: row.sandboxId,
    kind: sessionKindSchema.parse(row.kind),
    name: row.name,
    workdir: row.workdir,
    permissionMode: permissionModeSchema.parse(row.permissionMode),
    state: stateOf(row.state, sandboxState),
    exitCode: row.exitCode,
    endReason: row.endReason,
    viewers,
    createdAt: row.createdAt.toISOString(),
    lastActivityAt: row.lastActivityAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

function stateOf(state: string, sandboxState: string): SessionView['state'] {
  if (state === 'ended') return 'ended';
  if (!ALIVE.has(sandboxState)) return 'suspended';
  return state === 'running' ? 'running' : 'starting';
}
