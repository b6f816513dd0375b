/**
 * Who may do what with a sandbox.
 *
 * see     every member of its workspace, and administrators
 * use     (terminals, files) developers, maintainers and owners of its workspace
 * manage  (power, limits, delete) maintainers and owners of its workspace, its owner while at least a developer
 *         there, and administrators
 *
 * An administrator who is no member may stop or delete a sandbox but not look into it: the work inside belongs to
 * the workspace. Nobody is kept out by that for good, as an administrator may become a member, which is audited.
 *
 * A token may be bound to one sandbox: to it no other exists.
 */
import { AppError } from '../../../shared/errors';
import { memberRoleSchema } from '../../../shared/views';
import type { Db, Identity, SandboxAccess } from '../../contracts';

export interface Rights {
  use: boolean;
  manage: boolean;
}

const mayUse = new Set(['owner', 'maintainer', 'developer']);
const mayManage = new Set(['owner', 'maintainer']);

/** Null: may not even see it. `role` is the one in the sandbox's workspace. */
export function rightsOf(
  identity: Pick<Identity, 'userId' | 'role'>,
  sandbox: { ownerId: string; role: string | null },
): Rights | null {
  const role = sandbox.role === null ? null : memberRoleSchema.parse(sandbox.role);
  const admin = identity.role === 'admin';
  if (role === null && !admin) return null;
  const use = role !== null && mayUse.has(role);
  const owns = sandbox.ownerId === identity.userId && use;
  return { use, manage: admin || owns || (role !== null && mayManage.has(role)) };
}

/** Throws `not_found` for every other sandbox than the one that a token is bound to. */
export function requireWithin(identity: Pick<Identity, 'sandboxId'>, sandboxId: string): void {
  if (identity.sandboxId !== null && identity.sandboxId !== sandboxId) throw new AppError('not_found');
}

export function createAccess(db: Db): {
  access: SandboxAccess;
  rights: (identity: Identity, sandboxId: string) => Promise<Rights>;
} {
  /** Throws `not_found` when it is not there or may not be seen: the answer is the same. */
  async function rights(identity: Identity, sandboxId: string): Promise<Rights> {
    requireWithin(identity, sandboxId);
    const row = await db.sandbox.findUnique({
      where: { id: sandboxId },
      select: {
        ownerId: true,
        workspace: { select: { members: { where: { userId: identity.userId }, select: { role: true } } } },
      },
    });
    const role = row?.workspace.members[0]?.role ?? null;
    const found = row && rightsOf(identity, { ownerId: row.ownerId, role });
    if (!found) throw new AppError('not_found');
    return found;
  }

  return {
    rights,
    async access(identity, sandboxId, need) {
      if (!(await rights(identity, sandboxId))[need]) throw new AppError('forbidden');
    },
  };
}
