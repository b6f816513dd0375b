/** Tasks as people see them: list, get, cancel. A task is visible to whom its sandbox is. */
import type { Prisma } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import { actorOf, type Db, type Identity, type Services } from '../../contracts';
import type { TaskEngine } from '../../tasks/engine';
import { rightsOf } from '../sandboxes/access';
import { taskView, withSteps } from './view';

export interface TasksOptions {
  db: Db;
  engine: TaskEngine;
}

export function createTasks({ db, engine }: TasksOptions): Services['tasks'] {
  /** Administrators all; others what they asked for themselves and what is about sandboxes they see now. */
  async function visible(identity: Identity): Promise<Prisma.TaskWhereInput> {
    if (identity.sandboxId !== null)
      return { AND: [{ sandboxId: identity.sandboxId }, await mine(identity)] };
    return mine(identity);
  }

  async function mine(identity: Identity): Promise<Prisma.TaskWhereInput> {
    if (identity.role === 'admin') return {};
    const sandboxes = await db.sandbox.findMany({
      where: { workspace: { members: { some: { userId: identity.userId } } } },
      select: { id: true },
    });
    return {
      OR: [{ sandboxId: { in: sandboxes.map((it) => it.id) } }, { requestedById: identity.userId }],
    };
  }

  async function find(identity: Identity, id: string) {
    const row = await db.task.findFirst({
      where: { AND: [{ id }, await visible(identity)] },
      include: withSteps,
    });
    if (!row) throw new AppError('not_found');
    return row;
  }

  return {
    async list(identity, filter) {
      const where: Prisma.TaskWhereInput[] = [await visible(identity)];
      if (filter.sandboxId !== undefined) where.push({ sandboxId: filter.sandboxId });
      if (filter.state !== undefined) where.push({ state: filter.state });
      const rows = await db.task.findMany({
        where: { AND: where },
        orderBy: { id: 'desc' },
        take: filter.limit,
        include: withSteps,
      });
      return rows.map(taskView);
    },

    get: async (identity, id) => taskView(await find(identity, id)),

    /** Whoever may manage the sandbox may cancel. */
    async cancel(identity, id) {
      const row = await find(identity, id);
      const sandbox = await db.sandbox.findUnique({
        where: { id: row.sandboxId },
        select: {
          ownerId: true,
          workspace: { select: { members: { where: { userId: identity.userId } } } },
        },
      });
      const role = sandbox?.workspace.members[0]?.role ?? null;
      const rights = sandbox && rightsOf(identity, { ownerId: sandbox.ownerId, role });
      if (!rights?.manage && identity.role !== 'admin') throw new AppError('forbidden');
      await engine.cancel(id, actorOf(identity));
      return taskView(await find(identity, id));
    },
  };
}
