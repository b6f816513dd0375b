/** Who may see which change, judged at the moment it is read: a lost membership hides the events at once. */
import type { LiveEvent as LiveRow } from '../../prisma/generated/client';
import type { Db, Identity } from '../contracts';

/** The rows that this identity may see now, in their order. */
export type Visible = (identity: Identity, rows: LiveRow[]) => Promise<LiveRow[]>;

/**
 * Administrators see every change of users, workspaces, sandboxes, tasks and sessions. Others see what is addressed
 * to them (`userId`) and what belongs to a workspace they are a member of. `me` is for its own user alone.
 */
export function createVisible({ db }: { db: Db }): Visible {
  return async (identity, all) => {
    const bound = identity.sandboxId;
    const rows = bound === null ? all : all.filter((row) => row.sandboxId === bound);
    const others = rows.some((row) => row.userId !== identity.userId && row.topic !== 'me');
    const mine =
      identity.role !== 'admin' && others ? await workspacesOf(identity.userId) : new Set<string>();
    const places = identity.role === 'admin' ? new Map<string, string>() : await placesOf(rows);
    return rows.filter((row) => {
      if (row.topic === 'me') return (row.userId ?? row.subject) === identity.userId;
      if (identity.role === 'admin') return true;
      if (row.userId !== null) return row.userId === identity.userId;
      const workspace = row.workspaceId ?? (row.sandboxId === null ? undefined : places.get(row.sandboxId));
      return workspace !== undefined && mine.has(workspace);
    });
  };

  async function workspacesOf(userId: string): Promise<Set<string>> {
    const members = await db.member.findMany({ where: { userId }, select: { workspaceId: true } });
    return new Set(members.map((it) => it.workspaceId));
  }

  /** Workspace of the sandboxes of rows that name a sandbox only. */
  async function placesOf(rows: LiveRow[]): Promise<Map<string, string>> {
    const ids = new Set<string>();
    for (const row of rows) if (row.workspaceId === null && row.sandboxId !== null) ids.add(row.sandboxId);
    if (ids.size === 0) return new Map();
    const found = await db.sandbox.findMany({
      where: { id: { in: [...ids] } },
      select: { id: true, workspaceId: true },
    });
    return new Map(found.map((it) => [it.id, it.workspaceId]));
  }
}
