/** Claude's own log-in in a sandbox, driven for a person in the browser. */
import type { Logger } from 'pino';
import { z } from 'zod';
import { AppError } from '../../../shared/errors';
import type { LoginView } from '../../../shared/providers';
import {
  type Audit,
  actorOf,
  type Db,
  type Identity,
  type Live,
  type SandboxAccess,
  type Services,
} from '../../contracts';
import type { GatewayConnections } from '../../gateway/connections';
import { type Attempt, beginAttempt, type LoginLimits, loginLimits } from './attempt';

/** Claude Code takes a second for it. */
const STATUS_MAX_MS = 20_000;
const nothing: LoginView = {
  ...{ stage: 'none', url: null, message: null, account: null },
  ...{ startedAt: null, expiresAt: null },
};
/** For the audit log. */
const told = {
  started: 'began a log-in to Claude in',
  done: 'logged in to Claude in',
  ended: 'logged out of Claude in',
};
/** Of `claude auth status`; what it tells beside this is not looked at. */
const statusSchema = z.object({
  loggedIn: z.boolean(),
  authMethod: z.string(),
  email: z.string().nullish(),
  subscriptionType: z.string().nullish(),
});

export interface LoginOptions {
  db: Db;
  live: Live;
  audit: Audit;
  log: Logger;
  access: SandboxAccess;
  connections: Pick<GatewayConnections, 'get' | 'commands'>;
  /** Shorter ones in tests. */
  limits?: LoginLimits;
}

/** A log-in belongs to this process: with it, its program in the sandbox ends. */
export function createLogin(options: LoginOptions): Services['login'] & { close(): Promise<void> } {
  const { db, live, audit, log, access, connections } = options;
  const limits = options.limits ?? loginLimits;
  const attempts = new Map<string, Attempt>();
  const asking = new Map<string, Promise<LoginView['account']>>();

  async function ask(sandboxId: string): Promise<LoginView['account']> {
    const connection = await connections.get(sandboxId);
    const limit = new AbortController();
    const late = setTimeout(() => limit.abort(), STATUS_MAX_MS);
    try {
      const { signal } = limit;
      const { stdout } = await connection.exec(connections.commands.login('status'), { signal });
      const told = statusSchema.parse(JSON.parse(stdout.toString('utf8')));
      if (!told.loggedIn) return null;
      return {
        method: told.authMethod,
        email: told.email ?? null,
        subscription: told.subscriptionType ?? null,
      };
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('unavailable', 'Claude Code did not tell who is logged in.', { cause: error });
    } finally {
      clearTimeout(late);
    }
  }

  /** Several pages that ask at once start one Claude Code. */
  function account(sandboxId: string): Promise<LoginView['account']> {
    const present = asking.get(sandboxId);
    if (present) return present;
    const asked = ask(sandboxId).finally(() => asking.delete(sandboxId));
    asking.set(sandboxId, asked);
    return asked;
  }

  async function note(identity: Identity, sandboxId: string, what: keyof typeof told): Promise<void> {
    const sandbox = await db.sandbox.findUnique({ where: { id: sandboxId }, select: { name: true } });
    const name = sandbox?.name ?? sandboxId;
    await audit.record(db, {
      type: `claude_login.${what}`,
      actor: actorOf(identity),
      target: { type: 'sandbox', id: sandboxId, name },
      message: `${told[what]} ${name}`,
    });
  }

  async function tell(sandboxId: string): Promise<void> {
    await live.record(db, { topic: 'login', action: 'updated', subject: sandboxId, sandboxId });
    live.flush();
  }

  const quietly = (sandboxId: string, work: Promise<unknown>) =>
    void work.catch((error: unknown) =>
      log.warn({ sandbox: sandboxId, err: error }, 'a log-in was not told of'),
    );

  return {
    async start(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      const connection = await connections.get(sandboxId);
      const present = attempts.get(sandboxId);
      if (present?.active) return present.view;
      const attempt = beginAttempt({
        limits,
        open: () => connection.pipes(connections.commands.login('begin')),
        account: () => account(sandboxId),
        changed(view) {
          quietly(sandboxId, tell(sandboxId));
          if (view.stage === 'done') quietly(sandboxId, note(identity, sandboxId, 'done'));
        },
      });
      attempts.set(sandboxId, attempt);
      await note(identity, sandboxId, 'started');
      return attempt.view;
    },

    async code(identity, { sandboxId, code }) {
      await access(identity, sandboxId, 'use');
      const attempt = attempts.get(sandboxId);
      if (!attempt?.active) throw new AppError('wrong_state', 'No log-in is under way. Start one first.');
      attempt.code(code);
      return attempt.view;
    },

    async cancel(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      const attempt = attempts.get(sandboxId);
      await attempt?.cancel();
      return attempt?.view ?? nothing;
    },

    async logout(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      await attempts.get(sandboxId)?.cancel();
      const connection = await connections.get(sandboxId);
      const signal = AbortSignal.timeout(STATUS_MAX_MS);
      const { code } = await connection.exec(['claude', 'auth', 'logout'], { signal });
      if (code !== 0) throw new AppError('unavailable', 'Claude Code did not log out.');
      attempts.delete(sandboxId);
      await note(identity, sandboxId, 'ended');
      await tell(sandboxId);
    },

    async status(identity, sandboxId) {
      await access(identity, sandboxId, 'use');
      const attempt = attempts.get(sandboxId);
      if (attempt?.active) return attempt.view;
      // What came of the last one is told for as long as one lasts.
      const startedAt = attempt?.view.startedAt ?? null;
      const old = startedAt === null || Date.now() - Date.parse(startedAt) > 2 * limits.wholeMs;
      if (old) attempts.delete(sandboxId);
      const view = (old ? null : attempt?.view) ?? nothing;
      return { ...view, account: await account(sandboxId) };
    },

    async *follow(identity, sandboxId, signal) {
      await access(identity, sandboxId, 'use');
      const attempt = attempts.get(sandboxId);
      if (!attempt) throw new AppError('wrong_state', 'No log-in is under way. Start one first.');
      for (;;) {
        const { view } = attempt;
        yield view;
        if (!attempt.active || signal.aborted) return;
        if (attempt.view === view) await attempt.next(signal);
        if (signal.aborted) return;
      }
    },

    async close() {
      await Promise.all([...attempts.values()].map((it) => it.cancel()));
    },
  };
}
