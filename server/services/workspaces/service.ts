/** Workspaces and who belongs to them. Roles: owner, maintainer, developer, guest; the last owner stays. */
import { randomUUID } from 'node:crypto';
import { AppError } from '../../../shared/errors';
import { memberRoleSchema, type WorkspaceView } from '../../../shared/views';
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

type Role = WorkspaceView['role'];

interface WorkspaceRow {
  id: string;
  name: string;
  personalOf: string | null;
  createdAt: Date;
  updatedAt: Date;
}

function viewOf(row: WorkspaceRow, role: Role): WorkspaceView {
  return {
    id: row.id,
    name: row.name,
    personal: row.personalOf !== null,
    role,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** The caller's role; `not_found` for strangers, so that ids cannot be tried out. Administrators count as owners. */
async function roleIn(
  db: DbOrTx,
  identity: Identity,
  workspaceId: string,
): Promise<{ row: WorkspaceRow; role: Role }> {
  const row = await db.workspace.findUnique({
    where: { id: workspaceId },
    include: { members: { where: { userId: identity.userId } } },
  });
  const membership = row?.members[0];
  if (row && identity.role === 'admin') return { row, role: 'owner' };
  if (!row || !membership)
    throw new AppError('not_found', 'There is no such workspace, or you are not a member of it.');
  return { row, role: memberRoleSchema.parse(membership.role) };
}

async function manage(
  db: DbOrTx,
  identity: Identity,
  workspaceId: string,
  roles: readonly Role[],
): Promise<WorkspaceRow> {
  const { row, role } = await roleIn(db, identity, workspaceId);
  if (!roles.includes(role))
    throw new AppError('forbidden', `As ${role} of this workspace you may not do this.`);
  return row;
}

/** Throws `last_owner` when nobody else owns the workspace. */
async function keepAnOwner(db: DbOrTx, workspaceId: string, leaving: string): Promise<void> {
  const others = await db.member.count({ where: { workspaceId, role: 'owner', userId: { not: leaving } } });
  if (others === 0) throw new AppError('last_owner');
}

export function createWorkspaces({
  db,
  live,
  audit,
  sockets,
}: {
  db: Db;
  live: Live;
  audit: Audit;
  sockets: Pick<OpenSockets, 'review'>;
}): Services['workspaces'] {
  async function changed(
    tx: DbOrTx,
    identity: Identity,
    row: WorkspaceRow,
    type: string,
    message: string,
  ): Promise<void> {
    await audit.record(tx, {
      type,
      actor: actorOf(identity),
      target: { type: 'workspace', id: row.id, name: row.name },
      message,
    });
    const action =
      type === 'workspace.deleted' ? 'deleted' : type === 'workspace.created' ? 'created' : 'updated';
    await live.record(tx, { topic: 'workspace', action, subject: row.id, workspaceId: row.id });
  }

  return {
    async list(identity) {
      const members = await db.member.findMany({
        where: { userId: identity.userId },
        include: { workspace: true },
        orderBy: { workspace: { createdAt: 'asc' } },
      });
      return members.map((it) => viewOf(it.workspace, memberRoleSchema.parse(it.role)));
    },

    async get(identity, id) {
      const { row, role } = await roleIn(db, identity, id);
      return viewOf(row, role);
    },

    async create(identity, { name }) {
      const row = await db.$transaction(async (tx) => {
        const created = await tx.workspace.create({
          data: { id: randomUUID(), name, members: { create: { userId: identity.userId, role: 'owner' } } },
        });
        await changed(tx, identity, created, 'workspace.created', `Workspace ${name} was created`);
        return created;
      });
      live.flush();
      return viewOf(row, 'owner');
    },

    async remove(identity, id) {
      await db.$transaction(async (tx) => {
        const row = await manage(tx, identity, id, ['owner']);
        if (row.personalOf !== null) {
          throw new AppError(
            'conflict',
            'A personal workspace goes with its user and cannot be deleted by itself.',
          );
        }
        const sandboxes = await tx.sandbox.count({ where: { workspaceId: id } });
        if (sandboxes > 0) {
          throw new AppError(
            'conflict',
            `This workspace still holds ${sandboxes} sandbox(es). Delete them first.`,
          );
        }
        await changed(tx, identity, row, 'workspace.deleted', `Workspace ${row.name} was deleted`);
        await tx.workspace.delete({ where: { id } });
      });
      live.flush();
    },

    async members(identity, id) {
      await roleIn(db, identity, id);
      const members = await db.member.findMany({
        where: { workspaceId: id },
        include: { user: { select: { username: true } } },
        orderBy: { createdAt: 'asc' },
      });
      return members.map((it) => ({
        userId: it.userId,
        username: it.user.username,
        role: memberRoleSchema.parse(it.role),
      }));
    },

    async addMember(identity, { workspaceId, username, role }) {
      const userId = await db.$transaction(async (tx) => {
        const row = await manage(
          tx,
          identity,
          workspaceId,
          role === 'owner' ? ['owner'] : ['owner', 'maintainer'],
        );
        const user = await tx.user.findUnique({ where: { username } });
        if (!user) throw new AppError('not_found', `There is no user ${username}.`, { field: 'username' });
        const present = await tx.member.findUnique({
          where: { workspaceId_userId: { workspaceId, userId: user.id } },
        });
        if (present)
          throw new AppError('conflict', `${username} is a member already.`, { field: 'username' });
        await tx.member.create({ data: { workspaceId, userId: user.id, role } });
        await changed(
          tx,
          identity,
          row,
          'workspace.member.added',
          `${username} joined ${row.name} as ${role}`,
        );
        return user.id;
      });
      live.flush();
      return { userId, username, role };
    },

    async setMemberRole(identity, { workspaceId, userId, role }) {
      await db.$transaction(async (tx) => {
        const row = await manage(tx, identity, workspaceId, ['owner']);
        const member = await tx.member.findUnique({
          where: { workspaceId_userId: { workspaceId, userId } },
          include: { user: { select: { username: true } } },
        });
        if (!member) throw new AppError('not_found', 'There is no such member.');
        if (member.role === 'owner' && role !== 'owner') await keepAnOwner(tx, workspaceId, userId);
        await tx.member.update({ where: { workspaceId_userId: { workspaceId, userId } }, data: { role } });
        await changed(
          tx,
          identity,
          row,
          'workspace.member.changed',
          `${member.user.username} is now ${role} of ${row.name}`,
        );
      });
      live.flush();
      await sockets.review(userId);
    },

    async removeMember(identity, { workspaceId, userId }) {
      await db.$transaction(async (tx) => {
        // Anybody may leave by themselves; removing others is the owner's.
        const row =
          userId === identity.userId
            ? (await roleIn(tx, identity, workspaceId)).row
            : await manage(tx, identity, workspaceId, ['owner']);
        const member = await tx.member.findUnique({
          where: { workspaceId_userId: { workspaceId, userId } },
          include: { user: { select: { username: true } } },
        });
        if (!member) throw new AppError('not_found', 'There is no such member.');
        if (row.personalOf === userId)
          throw new AppError('conflict', 'A personal workspace stays with its user.');
        if (member.role === 'owner') await keepAnOwner(tx, workspaceId, userId);
        await tx.member.delete({ where: { workspaceId_userId: { workspaceId, userId } } });
        await changed(
          tx,
          identity,
          row,
          'workspace.member.removed',
          `${member.user.username} left ${row.name}`,
        );
      });
      live.flush();
      await sockets.review(userId);
    },
  };
}
