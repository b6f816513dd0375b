/** Sessions of a sandbox: list, create, rename, end. Permission first; the sandbox itself is asked through SSH. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Session } from '../../../prisma/generated/client';
import { FIRST_SESSION_HOOKS_MAX_CHARS, type FirstSession } from '../../../shared/agent-api';
import { AppError } from '../../../shared/errors';
import type { HookInput } from '../../../shared/hooks';
import { SESSIONS_PER_SANDBOX } from '../../../shared/limits';
import { SANDBOX_WORKDIR } from '../../../shared/names';
import { holds, sessionScope } from '../../../shared/scopes';
import { type createSessionSchema, type SessionView, sessionKindSchema } from '../../../shared/views';
import { requireScope, requireSessionScope } from '../../auth/scopes';
import type { Actor, Audit, Db, DbOrTx, Identity, Live, SandboxAccess, Services } from '../../contracts';
import { actorOf, systemActor } from '../../contracts';
import type { PooledConnection } from '../../gateway/connection';
import type { GatewayConnections } from '../../gateway/connections';
import { SESSION_ENDED_EXIT, WORKDIR_MISSING_EXIT } from '../../gateway/sandbox-command';
import { merged } from '../hooks/merge';
import type { HookPush } from '../hooks/push';
import { type HookRows, hooksOn } from '../hooks/stored';
import { builtIn, type ProviderRefs } from '../providers/refs';
import { rightsOf } from '../sandboxes/access';
import { createSessionStates } from './states';
import { sessionView } from './view';

/** The size a session has until its first viewer comes. */
const FIRST_COLS = 120;
const FIRST_ROWS = 32;
const DEFAULT_MODE = 'bypassPermissions';

/** What PID 1 opens a sandbox's first session with: the same that `openFirst` writes into its row. */
export function firstSession(
  id: string,
  { provider, hooks }: { provider: string; hooks: string | null },
): FirstSession {
  const fits = hooks !== null && hooks.length <= FIRST_SESSION_HOOKS_MAX_CHARS;
  const size = { cols: FIRST_COLS, rows: FIRST_ROWS };
  return { id, permissionMode: DEFAULT_MODE, ...size, provider, ...(fits ? { hooks } : {}) };
}

export interface SessionsOptions {
  db: Db;
  live: Live;
  audit: Audit;
  log: Logger;
  access: SandboxAccess;
  connections: GatewayConnections;
  providers: ProviderRefs;
  /** provider.env of a session that chose a provider. */
  sessionEnv(sandboxId: string, sessionId: string): string;
  /** Throws `not_found` for a provider that this identity may not choose. */
  requireProvider(identity: Identity, id: string): Promise<void>;
  /** Users' hooks: a session's own are kept with its row, and brought into its sandbox. */
  hooks: Pick<HookRows, 'write'> & Pick<HookPush, 'push'>;
}

export type SessionsService = Services['sessions'] & {
  /**
   * For the create task: makes the first Claude session of a sandbox and opens it, unless the sandbox has one.
   * Safe to repeat. `userId` null = the system. `sessionId`: its id, when the sandbox may have opened it already.
   */
  openFirst(sandboxId: string, userId: string | null, sessionId?: string): Promise<void>;
  /** Ends Claude and starts it again by `--resume` with what the row says; the session goes on. */
  restart(id: string): Promise<void>;
  /** The model changed: the next start takes it. */
  rewrite(id: string): Promise<void>;
  /** What was changed while the sandbox was stopped, before a session starts there again. */
  bringChoices(sandboxId: string, connection: PooledConnection): Promise<void>;
  view(id: string): Promise<SessionView>;
  /** Claude Code has confirmed another model: the next start takes it. */
  modelSwitched(session: { id: string; sandboxId: string; model: string }): Promise<void>;
};

interface NewSession {
  sandboxId: string;
  kind: 'claude' | 'shell';
  workdir?: string | undefined;
  name?: string | undefined;
  permissionMode?: string | undefined;
  model?: string | undefined;
  effort?: string | undefined;
  providerId?: string | undefined;
  /** Claude Code's id of a conversation. */
  resumeFrom?: string | undefined;
  hooks?: HookInput[] | undefined;
}

export function createSessions(options: SessionsOptions): SessionsService {
  const { db, live, audit, log, access, connections } = options;
  const states = createSessionStates(options);

  async function insert(input: NewSession, actor: Actor, id: string = randomUUID()): Promise<string> {
    await db.$transaction(async (tx) => {
      const sandbox = await tx.sandbox.findUnique({ where: { id: input.sandboxId } });
      if (!sandbox) throw new AppError('not_found');
      const open = await tx.session.count({ where: { sandboxId: input.sandboxId, state: { not: 'ended' } } });
      if (open >= SESSIONS_PER_SANDBOX) {
        throw new AppError('limit_reached', `A sandbox has at most ${SESSIONS_PER_SANDBOX} open sessions.`);
      }
      const name = input.name ?? (await freeName(tx, input.sandboxId, input.kind));
      await tx.session.create({
        data: {
          id,
          sandboxId: input.sandboxId,
          kind: input.kind,
          name,
          workdir: input.workdir ?? SANDBOX_WORKDIR,
          permissionMode: input.permissionMode ?? DEFAULT_MODE,
          createdById: actor.userId ?? sandbox.ownerId,
          model: input.model ?? null,
          effort: input.effort ?? null,
          providerId: input.providerId ?? null,
          resumeFrom: input.resumeFrom ?? null,
        },
      });
      if (input.hooks && input.hooks.length > 0) {
        const change = { hooks: merged([], input.hooks).hooks, revision: 0, by: actor.name };
        await options.hooks.write(tx, { level: 'session', sessionId: id }, change);
      }
      await audit.record(tx, {
        type: 'session.create',
        actor,
        target: { type: 'session', id, name },
        message: `opened ${name} in ${sandbox.name}`,
        after: {
          ...{ sandboxId: input.sandboxId, kind: input.kind },
          ...(input.hooks ? { hooks: input.hooks.map((it) => it.name) } : {}),
        },
      });
      await record(tx, 'created', id, input.sandboxId);
    });
    live.flush();
    return id;
  }

  /** Brings the session up in its sandbox. A session whose folder is missing is taken back: it never was. */
  async function open(id: string, how: 'get' | 'begun' = 'get'): Promise<void> {
    const row = await db.session.findUniqueOrThrow({ where: { id } });
    try {
      const connection = await connections[how](row.sandboxId);
      await writeChoices(connection, row);
      const { code, stderr } = await connection.exec(connections.commands.open(row, FIRST_COLS, FIRST_ROWS));
      if (code === WORKDIR_MISSING_EXIT) {
        throw new AppError('invalid_input', `The folder ${row.workdir} does not exist in the sandbox.`, {
          field: 'workdir',
        });
      }
      if (code !== 0 && code !== SESSION_ENDED_EXIT) {
        const cause = new Error(`open: exit ${code}: ${stderr.toString('utf8').slice(0, 500)}`);
        throw new AppError('unavailable', 'The session could not be opened.', { cause });
      }
    } catch (error) {
      await db.$transaction(async (tx) => {
        const { count } = await tx.session.deleteMany({ where: { id, state: 'starting' } });
        if (count > 0) await record(tx, 'deleted', id, row.sandboxId);
      });
      live.flush();
      throw error;
    }
    await states.running(id);
  }

  /** What `session-run` starts Claude with; a session that has chosen nothing has no file of its own. */
  async function writeChoices(connection: PooledConnection, row: Session): Promise<void> {
    const lines = [
      ...(row.model === null ? [] : [`model=${row.model}`]),
      ...(row.effort === null ? [] : [`effort=${row.effort}`]),
      ...(row.resumeFrom === null ? [] : [`resume=${row.resumeFrom}`]),
    ];
    const puts: Promise<{ code: number; stderr: Buffer }>[] = [];
    const put = (command: string[], text: string) => {
      puts.push(connection.exec(command, { input: Buffer.from(text) }));
    };
    if (lines.length > 0) put(connections.commands.options(row.id), `${lines.join('\n')}\n`);
    if (row.providerId !== null) {
      const env = row.providerId === builtIn.subscription.id ? '' : options.sessionEnv(row.sandboxId, row.id);
      put(connections.commands.provider(row.id), env);
    }
    for (const { code, stderr } of await Promise.all(puts)) {
      // Without it Claude would be answered by somebody else than was chosen.
      if (code !== 0)
        throw new AppError('unavailable', 'The choices of this session could not be written.', {
          cause: new Error(`exit ${code}: ${stderr.toString('utf8').slice(0, 500)}`),
        });
    }
  }

  async function rewrite(id: string): Promise<void> {
    const row = await db.session.findUnique({ where: { id } });
    const connection = row && connections.peek(row.sandboxId);
    if (!row || !connection || row.state === 'ended') return;
    await writeChoices(connection, row).catch((error: unknown) =>
      log.warn({ session: id, err: error }, 'the choices of a session were not written'),
    );
  }

  async function view(id: string): Promise<SessionView> {
    const row = await db.session.findUnique({
      where: { id },
      include: { hooks: true, sandbox: { include: { workspace: { select: { hooks: true } } } } },
    });
    if (!row) throw new AppError('not_found');
    return sessionView(row, {
      ...(row.kind === 'claude' ? { hooks: hooksOn(row.sandbox.workspace.hooks, row.hooks) } : {}),
      sandboxState: row.sandbox.state,
      viewers: connections.viewers(id),
      provider: (await options.providers.of([row]))(row),
      mayRead: true,
    });
  }

  /** What `resumeFrom` leads to. A conversation is copied in its own sandbox only: elsewhere it is not on the disk. */
  async function checked(
    identity: Identity,
    input: z.output<typeof createSessionSchema>,
  ): Promise<NewSession> {
    const { model, effort, providerId, resumeFrom, hooks } = input;
    const ofClaude = [model, effort, providerId, resumeFrom, hooks].some((it) => it !== undefined);
    if (input.kind === 'shell' && ofClaude)
      throw new AppError('invalid_input', 'A shell has no model, effort, provider, conversation or hooks.');
    if (hooks !== undefined) requireScope(identity, 'hooks:write');
    if (providerId !== undefined) await options.requireProvider(identity, providerId);
    if (resumeFrom === undefined) return input;
    const from = await db.session.findUnique({ where: { id: resumeFrom } });
    if (from?.sandboxId !== input.sandboxId || from.kind !== 'claude')
      throw new AppError('not_found', 'There is no such session in this sandbox.', { field: 'resumeFrom' });
    return input;
  }

  /** The row, when this identity may use its sandbox; what one may not see does not exist. */
  async function seen(identity: Identity, id: string) {
    const row = await db.session.findUnique({ where: { id } });
    if (!row) throw new AppError('not_found');
    await access(identity, row.sandboxId, 'use');
    return row;
  }

  /** Which it may also change. */
  async function usable(identity: Identity, id: string) {
    const row = await seen(identity, id);
    requireSessionScope(identity, row.kind, 'write');
    return row;
  }

  function record(tx: DbOrTx, action: 'created' | 'updated' | 'deleted', id: string, sandboxId: string) {
    return live.record(tx, { topic: 'session', action, subject: id, sandboxId });
  }

  return {
    view,

    async restart(id) {
      const row = await db.session.findUniqueOrThrow({ where: { id } });
      const connection = await connections.get(row.sandboxId);
      await writeChoices(connection, row);
      const { code, stderr } = await connection.exec(connections.commands.restart(id, row.permissionMode));
      if (code === 0) return;
      const cause = new Error(`restart: exit ${code}: ${stderr.toString('utf8').slice(0, 500)}`);
      throw new AppError('unavailable', 'Claude could not be started again.', { cause });
    },

    rewrite,

    async bringChoices(sandboxId, connection) {
      const where = { sandboxId, optionsPending: true };
      for (const row of await db.session.findMany({ where })) {
        if (row.state !== 'ended') await writeChoices(connection, row);
        await db.session.update({ where: { id: row.id }, data: { optionsPending: false } });
      }
    },

    async modelSwitched({ id, sandboxId, model }) {
      await db.$transaction(async (tx) => {
        await tx.session.updateMany({ where: { id }, data: { model } });
        await record(tx, 'updated', id, sandboxId);
      });
      live.flush();
      await rewrite(id);
    },

    async list(identity, filter) {
      const { sandboxId } = filter;
      const place = sandboxId ?? identity.sandboxId ?? undefined;
      if (place !== undefined) await access(identity, place, 'use');
      const rows = await db.session.findMany({
        where: {
          kind: { in: sessionKindSchema.options.filter((it) => holds(identity, sessionScope(it, 'read'))) },
          ...(place === undefined
            ? { sandbox: { workspace: { members: { some: { userId: identity.userId } } } } }
            : { sandboxId: place }),
        },
        include: {
          sandbox: {
            select: {
              state: true,
              ownerId: true,
              workspace: { select: { hooks: true, members: { where: { userId: identity.userId } } } },
            },
          },
          hooks: true,
        },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      const providerOf = await options.providers.of(rows);
      return rows.flatMap((row) => {
        const { state, ownerId, workspace } = row.sandbox;
        const rights = rightsOf(identity, { ownerId, role: workspace.members[0]?.role ?? null });
        // Guests see that a sandbox has sessions where they see the sandbox; they may use none.
        if (rights?.use !== true) return [];
        const viewers = connections.viewers(row.id);
        return sessionView(row, {
          ...{ sandboxState: state, viewers, provider: providerOf(row), mayRead: true },
          ...(row.kind === 'claude' ? { hooks: hooksOn(workspace.hooks, row.hooks) } : {}),
        });
      });
    },

    async get(identity, id) {
      const row = await seen(identity, id);
      requireSessionScope(identity, row.kind, 'read');
      return view(id);
    },

    isKind: async (identity, id, kind) => (await seen(identity, id)).kind === kind,

    async create(identity, input) {
      requireSessionScope(identity, input.kind, 'write');
      await access(identity, input.sandboxId, 'use');
      const sandbox = await db.sandbox.findUnique({
        where: { id: input.sandboxId },
        select: { state: true },
      });
      if (sandbox?.state !== 'running' && sandbox?.state !== 'unavailable')
        throw new AppError('sandbox_not_running');
      const id = await insert(await checked(identity, input), actorOf(identity));
      // Before Claude starts, or its SessionStart would pass them by.
      if (input.hooks) await options.hooks.push(input.sandboxId);
      await open(id);
      return view(id);
    },

    async rename(identity, { id, name }) {
      const row = await usable(identity, id);
      await db.$transaction(async (tx) => {
        await tx.session.update({ where: { id }, data: { name } });
        await audit.record(tx, {
          type: 'session.rename',
          actor: actorOf(identity),
          target: { type: 'session', id, name },
          message: `renamed ${row.name} to ${name}`,
          before: { name: row.name },
          after: { name },
        });
        await record(tx, 'updated', id, row.sandboxId);
      });
      live.flush();
      return view(id);
    },

    async end(identity, id) {
      const row = await usable(identity, id);
      if (row.state === 'ended') return view(id);
      const sandbox = await db.sandbox.findUnique({ where: { id: row.sandboxId }, select: { state: true } });
      // First the row: whatever looks now, sees it ended by its user and not by itself.
      await states.ended(id, {
        exitCode: null,
        reason: `Ended by ${identity.username}.`,
        actor: actorOf(identity),
      });
      // A sandbox that does not run has no process of it; `session open` is never asked for an ended row again.
      if (sandbox?.state === 'running' || sandbox?.state === 'unavailable') {
        const connection = await connections.get(row.sandboxId);
        const { code, stderr } = await connection.exec(connections.commands.end(id));
        if (code !== 0)
          log.warn({ session: id, code, stderr: stderr.toString('utf8').slice(0, 500) }, 'session end');
      }
      return view(id);
    },

    async openFirst(sandboxId, userId, sessionId) {
      const existing = await db.session.findFirst({ where: { sandboxId } });
      if (existing && existing.state !== 'starting') return;
      const user = userId === null ? null : await db.user.findUnique({ where: { id: userId } });
      const actor: Actor = user
        ? { userId: user.id, name: user.username, address: null, userAgent: null }
        : systemActor('tasks');
      // Beside what belongs to a new connection: a first Claude waits for provider.env by itself (`session-run`).
      const id = existing?.id ?? (await insert({ sandboxId, kind: 'claude' }, actor, sessionId));
      if (id !== sessionId) return open(id, 'begun');
      // Begun with the release. Should it not have been, an attach brings it up, as after any start of a sandbox.
      await connections.begun(sandboxId);
      await states.running(id);
    },
  };
}

/** `Claude 1`, `Shell 2`: the lowest number that no open session of the sandbox has. */
async function freeName(tx: DbOrTx, sandboxId: string, kind: 'claude' | 'shell'): Promise<string> {
  const word = kind === 'claude' ? 'Claude' : 'Shell';
  const rows = await tx.session.findMany({
    where: { sandboxId, state: { not: 'ended' } },
    select: { name: true },
  });
  const taken = new Set(rows.map((row) => row.name));
  let number = 1;
  while (taken.has(`${word} ${number}`)) number += 1;
  return `${word} ${number}`;
}
