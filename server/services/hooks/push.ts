/** Brings the gateway's levels into sandboxes: when one is made or connects, and when a list was changed. */
import type { Logger } from 'pino';
import { type SecretHook, writeHookFile } from '../../../shared/hook-file';
import type { Db, SandboxConnection } from '../../contracts';
import type { HookRows } from './stored';

type Way = Pick<SandboxConnection, 'exec'>;

export interface HookPush {
  /** Resolves when the sandbox has what the database holds now, or it was given up; never rejects. */
  push(sandboxId: string, way?: Way): Promise<void>;
  /** That, as `session hooks` and `session first` take it; null: there are none. */
  contentOf(sandboxId: string): Promise<string | null>;
}

export function createHookPush(options: {
  db: Db;
  log: Logger;
  rows: HookRows;
  /** `session hooks` */
  command: readonly string[];
  /** The open connection, if there is one: who connects later gets all of it then. */
  peek(sandboxId: string): Way | null;
}): HookPush {
  const { db, log, rows } = options;
  // One after the other in each sandbox, and read in its turn: an older list never comes last.
  const last = new Map<string, Promise<void>>();

  async function contentOf(sandboxId: string): Promise<string | null> {
    const row = await db.sandbox.findUnique({
      where: { id: sandboxId },
      select: {
        workspace: { select: { hooks: true } },
        sessions: { where: { state: { not: 'ended' }, hooks: { isNot: null } }, select: { hooks: true } },
      },
    });
    const workspace: SecretHook[] = row?.workspace.hooks ? rows.open(row.workspace.hooks) : [];
    const sessions = (row?.sessions ?? []).flatMap(({ hooks }) => {
      const list = hooks ? rows.open(hooks) : [];
      return hooks && list.length > 0 ? [[hooks.sessionId, writeHookFile(list)] as const] : [];
    });
    // Without hooks there is no file: by that `ask-hooks` knows that it need not ask.
    if (workspace.length === 0 && sessions.length === 0) return null;
    return JSON.stringify({ workspace: writeHookFile(workspace), sessions: Object.fromEntries(sessions) });
  }

  async function give(sandboxId: string, given: Way | undefined): Promise<void> {
    const way = given ?? options.peek(sandboxId);
    if (!way) return;
    try {
      const input = Buffer.from((await contentOf(sandboxId)) ?? '');
      const { code, stderr } = await way.exec([...options.command], { input });
      if (code !== 0) throw new Error(`exit ${code}: ${stderr.toString('utf8').slice(0, 500)}`);
    } catch (error) {
      log.warn({ sandbox: sandboxId, err: error }, 'hooks did not reach a sandbox');
    }
  }

  return {
    contentOf,
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
