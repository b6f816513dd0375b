/** Brings the gateway's levels into sandboxes: when one connects, and when a list was changed. */
import type { Logger } from 'pino';
import type { SecretHook } from '../../../shared/hook-file';
import type { Db, SandboxConnection } from '../../contracts';
import { giveHooks } from './sandboxd';
import type { HookRows } from './stored';

/** A sandbox that has just been released takes logins before its sandboxd listens. */
const TRIES = 20;
const TRY_AGAIN_MS = 250;

export interface HookPush {
  /** Resolves when the sandbox has what the database holds now, or it was given up; never rejects. */
  push(sandboxId: string, way?: Pick<SandboxConnection, 'unix'>): Promise<void>;
}

export function createHookPush(options: {
  db: Db;
  log: Logger;
  rows: HookRows;
  /** The open connection, if there is one: who connects later gets all of it then. */
  peek(sandboxId: string): Pick<SandboxConnection, 'unix'> | null;
}): HookPush {
  const { db, log, rows } = options;
  // One after the other in each sandbox, and read in its turn: an older list never comes last.
  const last = new Map<string, Promise<void>>();

  async function content(sandboxId: string) {
    const row = await db.sandbox.findUnique({
      where: { id: sandboxId },
      select: {
        workspace: { select: { hooks: true } },
        sessions: { where: { state: { not: 'ended' }, hooks: { isNot: null } }, select: { hooks: true } },
      },
    });
    if (!row) return null;
    const workspace: SecretHook[] = row.workspace.hooks ? rows.open(row.workspace.hooks) : [];
    const sessions = new Map(
      row.sessions.flatMap(({ hooks }) => (hooks ? [[hooks.sessionId, rows.open(hooks)] as const] : [])),
    );
    return { workspace, sessions };
  }

  async function give(sandboxId: string, given: Pick<SandboxConnection, 'unix'> | undefined): Promise<void> {
    for (let tries = 1; ; tries++) {
      const way = given ?? options.peek(sandboxId);
      if (!way) return;
      try {
        const found = await content(sandboxId);
        if (found) await giveHooks(way, found);
        return;
      } catch (error) {
        if (tries >= TRIES)
          return log.warn({ sandbox: sandboxId, err: error }, 'hooks did not reach a sandbox');
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      }
    }
  }

  return {
    push(sandboxId, way) {
      const next = (last.get(sandboxId) ?? Promise.resolve()).then(() => give(sandboxId, way));
      last.set(sandboxId, next);
      void next.finally(() => {
        if (last.get(sandboxId) === next) last.delete(sandboxId);
      });
      return next;
    },
  };
}
