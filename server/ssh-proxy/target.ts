/** Which sandbox a user name means, and whether it can be entered now; every refusal is a sentence for people. */
import { AppError, toAppError } from '../../shared/errors';
import { type SandboxState, sandboxStateSchema } from '../../shared/sandbox-state';
import { requireOwnPassword } from '../auth/identity';
import { requireScope } from '../auth/scopes';
import type { Db, Identity, SandboxAccess } from '../contracts';

export interface Target {
  id: string;
  name: string;
}

/** Alike for what is not there, what is somebody else's, and a name that two of one's sandboxes have. */
const unknown = () =>
  new AppError(
    'not_found',
    'There is no sandbox of this name that you may use, or more than one. Its page in the web app shows the command.',
  );

/** By id, else by a name that only one of all that this identity may use has. Throws AppError. */
export async function findTarget(
  { db, access }: { db: Db; access: SandboxAccess },
  identity: Identity,
  userName: string,
): Promise<Target> {
  requireOwnPassword(identity);
  requireScope(identity, 'shells:write');
  requireScope(identity, 'shells:input');
  const rows = await db.sandbox.findMany({
    where: {
      OR: [{ id: userName }, { name: userName }],
      ...(identity.sandboxId === null ? {} : { AND: { id: identity.sandboxId } }),
      workspace: { members: { some: { userId: identity.userId } } },
    },
    select: { id: true, name: true },
  });
  const usable: Target[] = [];
  for (const row of rows) {
    const refused = await access(identity, row.id, 'use').then(
      () => null,
      (thrown: unknown) => toAppError(thrown),
    );
    if (refused === null) usable.push(row);
    else if (refused.code === 'internal') throw refused;
  }
  const found = usable.find((it) => it.id === userName) ?? (usable.length === 1 ? usable[0] : undefined);
  if (!found) throw unknown();
  return found;
}

/** Throws AppError `sandbox_not_running`, saying how to start it; `page` is its address in the web app. */
export async function requireRunning(db: Db, target: Target, page: string): Promise<void> {
  const row = await db.sandbox.findUnique({ where: { id: target.id }, select: { state: true } });
  if (!row) throw unknown();
  const why = reasons[sandboxStateSchema.parse(row.state)];
  if (why === null) return;
  throw new AppError(
    'sandbox_not_running',
    `The sandbox ${printable(target.name)} ${why.replace('PAGE', page)}`,
  );
}

const wait = 'Try again in a moment.';
const reasons: Record<SandboxState, string | null> = {
  creating: `is being made. ${wait}`,
  starting: `is starting. ${wait}`,
  running: null,
  unavailable: null,
  stopping: 'is stopping. Start it at PAGE and connect again.',
  stopped: 'is stopped. Start it at PAGE and connect again.',
  pausing: 'is pausing. Resume it at PAGE and connect again.',
  paused: 'is paused. Resume it at PAGE and connect again.',
  resuming: `is resuming. ${wait}`,
  deleting: 'is being deleted.',
  error: 'has failed. See PAGE for the reason, and start it there.',
};

/** What goes to a terminal holds no escape sequence that somebody has put into a name. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}
