import type { Session } from '../../../prisma/generated/client';
import type { ProviderRef } from '../../../shared/providers';
import {
  permissionModeSchema,
  type SessionLive,
  type SessionView,
  sessionKindSchema,
  sessionLiveSchema,
} from '../../../shared/views';

/** States of a sandbox in which its sessions are alive, or will be in a moment. */
const ALIVE = new Set(['running', 'unavailable']);

export interface SessionContext {
  sandboxState: string;
  viewers: number;
  provider: ProviderRef | null;
  /** What is said in it is for those who may use its sandbox. */
  mayRead: boolean;
  /** How many of the gateway's hooks are on for it. */
  hooks?: number;
}

/** A row as readers see it. `suspended` is derived: its sandbox does not run, and opening it later brings it back. */
export function sessionView(row: Session, context: SessionContext): SessionView {
  return {
    id: row.id,
    sandboxId: row.sandboxId,
    kind: sessionKindSchema.parse(row.kind),
    name: row.name,
    workdir: row.workdir,
    permissionMode: permissionModeSchema.parse(row.permissionMode),
    state: stateOf(row.state, context.sandboxState),
    exitCode: row.exitCode,
    endReason: row.endReason,
    viewers: context.viewers,
    createdAt: row.createdAt.toISOString(),
    lastActivityAt: row.lastActivityAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    model: row.model,
    effort: row.effort,
    provider: context.provider,
    live: context.mayRead ? storedLive(row.live) : null,
    ...(context.hooks === undefined ? {} : { hooks: context.hooks }),
  };
}

export function storedLive(json: string | null): SessionLive | null {
  if (json === null) return null;
  const parsed = sessionLiveSchema.safeParse(JSON.parse(json));
  // Written by another version: the sandbox tells it anew.
  return parsed.success ? parsed.data : null;
}

function stateOf(state: string, sandboxState: string): SessionView['state'] {
  if (state === 'ended') return 'ended';
  if (!ALIVE.has(sandboxState)) return 'suspended';
  return state === 'running' ? 'running' : 'starting';
}
