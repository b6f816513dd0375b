/** Sandboxes as readers see them, any number of them in four queries. */
import { z } from 'zod';
import type { Prisma, Proof } from '../../../prisma/generated/client';
import { egressKinds } from '../../../shared/egress';
import { sandboxStateSchema, taskKindSchema, transitionalStates } from '../../../shared/sandbox-state';
import { holds, sessionScope } from '../../../shared/scopes';
import type { SandboxView } from '../../../shared/views';
import type { Db, Identity } from '../../contracts';
import { keepsState } from '../../tasks/plan';
import type { ProviderRefs } from '../providers/refs';
import { sessionView } from '../sessions/view';
import { type TaskWithSteps, taskView, withSteps } from '../tasks/view';
import { rightsOf } from './access';

export interface ViewParts {
  db: Db;
  /** Open terminals of a session, now. */
  viewers: (sessionId: string) => number;
  /** The image that new containers are made from. Throws `image_missing`. */
  image: () => string;
  providers: ProviderRefs;
}

/** Those of `where` that this identity may see; newest first. */
export async function sandboxViews(
  parts: ViewParts,
  identity: Identity,
  where: Prisma.SandboxWhereInput,
): Promise<SandboxView[]> {
  const rows = await parts.db.sandbox.findMany({
    where: identity.sandboxId === null ? where : { AND: [where, { id: identity.sandboxId }] },
    orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
    include: {
      owner: { select: { username: true } },
      egress: { select: { kind: true, label: true } },
      workspace: { select: { name: true, members: { where: { userId: identity.userId } } } },
      sessions: { where: { state: { not: 'ended' } }, orderBy: { createdAt: 'asc' } },
    },
  });
  const tasks = await presentTasks(parts.db, rows);
  const proofs = await newestProofs(parts.db, rows);
  const image = presentImage(parts);
  const providerOf = await parts.providers.of(rows.flatMap((it) => it.sessions));
  return rows.flatMap((row) => {
    const can = rightsOf(identity, { ownerId: row.ownerId, role: row.workspace.members[0]?.role ?? null });
    if (!can) return [];
    const task = tasks.get(row.id);
    return {
      id: row.id,
      workspaceId: row.workspaceId,
      workspaceName: row.workspace.name,
      ownerName: row.owner.username,
      name: row.name,
      state: sandboxStateSchema.parse(row.state),
      reason: row.stateReason,
      egress: { ...wayOut(row.egress), ...provenBy(row, proofs.get(row.proofId ?? '')) },
      limits: { cpus: row.cpus, memoryMb: row.memoryMb, pids: row.pids, diskGb: row.diskGb },
      sudo: row.sudo,
      timezone: row.timezone,
      locale: row.locale,
      updateAvailable: image !== null && row.image !== image,
      createdAt: row.createdAt.toISOString(),
      startedAt: row.startedAt?.toISOString() ?? null,
      lastActivityAt: row.lastActivityAt?.toISOString() ?? null,
      sessions: row.sessions
        .filter((it) => holds(identity, sessionScope(it.kind, 'read')))
        .map((it) =>
          sessionView(it, {
            sandboxState: row.state,
            viewers: parts.viewers(it.id),
            provider: providerOf(it),
            mayRead: can.use,
          }),
        ),
      task: task ? taskView(task) : null,
      can,
    };
  });
}

const verdictSchema = z.enum(['green', 'red', 'incomplete']);

function wayOut(egress: { kind: string; label: string } | null) {
  if (!egress) return { kind: 'direct' as const, label: 'Direct' };
  return { kind: z.enum(egressKinds).parse(egress.kind), label: egress.label };
}

/** A proof of the way out it had before says nothing about the one it has. */
function provenBy(row: { egressId: string | null }, newest: Proof | undefined) {
  const proof = newest?.egressId === row.egressId ? newest : undefined;
  return {
    exitAddress: proof?.exitAddress ?? null,
    country: proof?.country ?? null,
    latencyMs: proof?.latencyMs ?? null,
    verdict: proof ? verdictSchema.parse(proof.verdict) : null,
    provenAt: proof?.at.toISOString() ?? null,
  };
}

async function newestProofs(db: Db, rows: { proofId: string | null }[]): Promise<Map<string, Proof>> {
  const ids = rows.flatMap((it) => it.proofId ?? []);
  const found = ids.length === 0 ? [] : await db.proof.findMany({ where: { id: { in: ids } } });
  return new Map(found.map((it) => [it.id, it]));
}

/** The live task of each, else the last one when it is why the sandbox is in trouble. */
async function presentTasks(
  db: Db,
  rows: { id: string; state: string }[],
): Promise<Map<string, TaskWithSteps>> {
  const troubled = rows.filter((it) => it.state === 'error' || it.state === 'unavailable').map((it) => it.id);
  const live = await db.task.findMany({
    where: { sandboxId: { in: rows.map((it) => it.id) }, state: { in: ['queued', 'running'] } },
    orderBy: { id: 'desc' },
    include: withSteps,
  });
  // One more small query, and only when something is wrong: the newest task of each troubled sandbox.
  const last =
    troubled.length === 0
      ? []
      : await db.task.findMany({
          where: { sandboxId: { in: troubled }, state: { in: ['failed', 'canceled', 'succeeded'] } },
          orderBy: { id: 'desc' },
          distinct: ['sandboxId'],
          include: withSteps,
        });
  const present = new Map(last.filter((it) => it.state === 'failed').map((it) => [it.sandboxId, it]));
  // Newest first, so that the oldest live one, which is the one at work, is set last.
  for (const task of live) present.set(task.sandboxId, task);
  const states = new Map(rows.map((it) => [it.id, it.state]));
  // What keeps the state it works in is not worth a progress bar over a terminal.
  for (const [id, task] of present) {
    const moving = transitionalStates.some((state) => state === states.get(id));
    if (keepsState(taskKindSchema.parse(task.kind)) && !moving) present.delete(id);
  }
  return present;
}

/** Without an image there is no update to offer; a create says what is missing. */
function presentImage(parts: ViewParts): string | null {
  try {
    return parts.image();
  } catch {
    return null;
  }
}
