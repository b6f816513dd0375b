/** Users, by administrators: create, disable, expire, reset. The last active administrator is protected. */
import { randomUUID } from 'node:crypto';
import { AppError } from '../../../shared/errors';
import { roleSchema, type UserView, userStatusSchema } from '../../../shared/views';
import type { Passwords } from '../../auth/password';
import {
  type Audit,
  actorOf,
  type Db,
  type DbOrTx,
  type Identity,
  type Live,
  type OpenSockets,
  type Services,
} from '../../contracts';

export interface UsersOptions {
  db: Db;
  live: Live;
  audit: Audit;
  passwords: Pick<Passwords, 'hash' | 'make'>;
  sockets: Pick<OpenSockets, 'review'>;
  /** Ends the user's browser sessions and open sockets; API tokens stop by the user's status. */
  cutOff(userId: string): Promise<void>;
  /** Asks for a stop of all that the user's sandboxes run. */
  stopSandboxesOf(userId: string, reason: string): Promise<void>;
}

interface UserRow {
  id: string;
  username: string;
  role: string;
  status: string;
  expiresAt: Date | null;
  createdAt: Date;
  lastSeenAt: Date | null;
  _count: { sandboxes: number };
}

const withCount = { include: { _count: { select: { sandboxes: true } } } } as const;

function viewOf(row: UserRow): UserView {
  return {
    id: row.id,
    username: row.username,
    role: roleSchema.parse(row.role),
    status: userStatusSchema.parse(row.status),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
    sandboxes: row._count.sandboxes,
  };
}

function requireAdmin(identity: Identity): void {
  if (identity.role !== 'admin') throw new AppError('forbidden', 'Only administrators may do this.');
}

async function find(db: DbOrTx, id: string): Promise<UserRow> {
  const row = await db.user.findUnique({ where: { id }, ...withCount });
  if (!row) throw new AppError('not_found', 'There is no such user.');
  return row;
}

async function keepAnAdmin(db: DbOrTx, leaving: UserRow): Promise<void> {
  if (leaving.role !== 'admin' || leaving.status !== 'active') return;
  const others = await db.user.count({ where: { role: 'admin', status: 'active', id: { not: leaving.id } } });
  if (others === 0) throw new AppError('last_admin');
}

/** A date in the past would lock the user out at once and by surprise: that is what disabling is for. */
function futureDate(iso: string | null): Date | null {
  if (iso === null) return null;
  const date = new Date(iso);
  if (date.getTime() <= Date.now()) {
    throw new AppError(
      'invalid_input',
      'The expiry date is in the past. To lock a user out now, disable the user.',
      {
        field: 'expiresAt',
      },
    );
  }
  return date;
}

export function createUsers(options: UsersOptions): Services['users'] {
  const { db, live, audit, passwords } = options;

  async function changed(
    tx: DbOrTx,
    identity: Identity,
    entry: {
      type: 'created' | 'updated' | 'deleted' | 'password_rotated';
      user: { id: string; username: string };
      message: string;
      before?: Record<string, unknown>;
      after?: Record<string, unknown>;
    },
  ): Promise<void> {
    await audit.record(tx, {
      type: `admin.user.${entry.type}`,
      actor: actorOf(identity),
      target: { type: 'user', id: entry.user.id, name: entry.user.username },
      message: entry.message,
      before: entry.before,
      after: entry.after,
    });
    const action = entry.type === 'created' || entry.type === 'deleted' ? entry.type : 'updated';
    await live.record(tx, { topic: 'user', action, subject: entry.user.id });
    await live.record(tx, { topic: 'me', action, subject: entry.user.id, userId: entry.user.id });
  }

  async function update(
    identity: Identity,
    id: string,
    change: {
      data: Partial<Pick<UserRow, 'role' | 'status' | 'expiresAt'>> & { expiryWarnedAt?: null };
      message(row: UserRow): string;
      check?(tx: DbOrTx, row: UserRow): Promise<void>;
    },
  ): Promise<UserView> {
    requireAdmin(identity);
    const row = await db.$transaction(async (tx) => {
      const before = await find(tx, id);
      await change.check?.(tx, before);
      const after = await tx.user.update({ where: { id }, data: change.data, ...withCount });
      const seen = (it: UserRow) => ({
        role: it.role,
        status: it.status,
        expiresAt: it.expiresAt?.toISOString() ?? null,
      });
      await changed(tx, identity, {
        type: 'updated',
        user: after,
        message: change.message(after),
        before: seen(before),
        after: seen(after),
      });
      return after;
    });
    live.flush();
    return viewOf(row);
  }

  return {
    async list(identity) {
      requireAdmin(identity);
      const rows = await db.user.findMany({ ...withCount, orderBy: { username: 'asc' } });
      return rows.map(viewOf);
    },

    async create(identity, input) {
      requireAdmin(identity);
      const expiresAt = futureDate(input.expiresAt);
      const password = input.password ?? passwords.make();
      const passwordHash = await passwords.hash(password);
      const row = await db.$transaction(async (tx) => {
        const taken = await tx.user.findUnique({ where: { username: input.username } });
        if (taken)
          throw new AppError('name_taken', `There is a user ${input.username} already.`, {
            field: 'username',
          });
        const id = randomUUID();
        const created = await tx.user.create({
          data: {
            id,
            username: input.username,
            passwordHash,
            role: input.role,
            expiresAt,
            mustChangePassword: true,
            members: {
              create: {
                role: 'owner',
                workspace: { create: { id: randomUUID(), name: input.username, personalOf: id } },
              },
            },
          },
          ...withCount,
        });
        await changed(tx, identity, {
          type: 'created',
          user: created,
          message: `User ${input.username} was created`,
        });
        return created;
      });
      live.flush();
      return { user: viewOf(row), password };
    },

    async setStatus(identity, { id, status }) {
      const view = await update(identity, id, {
        data: { status },
        message: (row) => `User ${row.username} was ${status === 'active' ? 'enabled' : 'disabled'}`,
        async check(tx, row) {
          if (status === 'active') {
            if (row.expiresAt && row.expiresAt.getTime() <= Date.now()) {
              throw new AppError(
                'conflict',
                'This user has expired. Set a later expiry date, that enables the user again.',
              );
            }
            return;
          }
          await keepAnAdmin(tx, row);
        },
      });
      if (status === 'disabled') {
        await options.cutOff(id);
        await options.stopSandboxesOf(id, 'The owner was disabled by an administrator.');
      }
      return view;
    },

    async setRole(identity, { id, role }) {
      const view = await update(identity, id, {
        data: { role },
        message: (row) => `User ${row.username} is now ${role}`,
        check: async (tx, row) => {
          if (role === 'user') await keepAnAdmin(tx, row);
        },
      });
      // An event stream shows what its reader might see when it was opened.
      await options.sockets.review(id);
      return view;
    },

    async setExpiry(identity, { id, expiresAt }) {
      requireAdmin(identity);
      const date = futureDate(expiresAt);
      const current = await find(db, id);
      return await update(identity, id, {
        data: {
          expiresAt: date,
          expiryWarnedAt: null,
          ...(current.status === 'expired' ? { status: 'active' } : {}),
        },
        message: (row) =>
          `User ${row.username} ${date ? `expires at ${date.toISOString()}` : 'does not expire any more'}`,
      });
    },

    async resetPassword(identity, input) {
      requireAdmin(identity);
      const password = input.password ?? passwords.make();
      const passwordHash = await passwords.hash(password);
      await db.$transaction(async (tx) => {
        const row = await find(tx, input.id);
        await tx.user.update({ where: { id: row.id }, data: { passwordHash, mustChangePassword: true } });
        await changed(tx, identity, {
          type: 'password_rotated',
          user: row,
          message: `The password of ${row.username} was reset`,
        });
      });
      live.flush();
      await options.cutOff(input.id);
      return { password };
    },

    async remove(identity, id) {
      requireAdmin(identity);
      if (id === identity.userId) throw new AppError('conflict', 'You cannot delete yourself.');
      await db.$transaction(async (tx) => {
        const row = await find(tx, id);
        await keepAnAdmin(tx, row);
        if (row._count.sandboxes > 0) {
          throw new AppError(
            'conflict',
            `${row.username} still owns ${row._count.sandboxes} sandbox(es). Delete them first.`,
          );
        }
        const shared = await tx.sandbox.count({ where: { workspace: { personalOf: id } } });
        if (shared > 0) {
          throw new AppError(
            'conflict',
            `Others still have ${shared} sandbox(es) in ${row.username}’s workspace.`,
          );
        }
        await changed(tx, identity, {
          type: 'deleted',
          user: row,
          message: `User ${row.username} was deleted`,
        });
        await tx.workspace.deleteMany({ where: { personalOf: id } });
        await tx.user.delete({ where: { id } });
      });
      live.flush();
      await options.cutOff(id);
    },
  };
}
