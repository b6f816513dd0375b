/** Create: the row, its task and the audit entry, in one transaction. */
import type { z } from 'zod';
import { AppError } from '../../../shared/errors';
import { SANDBOX_CPUS, SANDBOX_MEMORY_MB, SANDBOX_PIDS, SANDBOXES_PER_USER } from '../../../shared/limits';
import type { createSandboxSchema } from '../../../shared/views';
import { actorOf, type Db, type DbOrTx, type Identity, type Live } from '../../contracts';
import type { TaskEngine } from '../../tasks/engine';
import { findByKey } from '../../tasks/enqueue';
import { defined, regionOf } from './columns';
import { hostnameOf, newName, newSandboxId } from './naming';

interface Parts {
  db: Db;
  live: Live;
  engine: TaskEngine;
  image: () => string;
}

/** Answers the id: of the new sandbox, or of the one that the same key made before. */
export async function createSandbox(
  parts: Parts,
  identity: Identity,
  input: z.output<typeof createSandboxSchema>,
): Promise<string> {
  const { db, engine } = parts;
  const actor = actorOf(identity);
  const { idempotencyKey: key, ...request } = input;
  const fingerprint = { action: 'create', ...request };
  const id = await db.$transaction(async (tx) => {
    const known = key === undefined ? null : await findByKey(tx, { actor, key, fingerprint });
    if (known) return known.sandboxId;
    const row = await insert(parts, tx, { identity, request });
    await engine.enqueue(tx, {
      kind: 'sandbox.create',
      sandboxId: row.id,
      actor,
      idempotencyKey: key,
      fingerprint,
      openClaude: input.openClaude,
    });
    return row.id;
  });
  engine.committed();
  return id;
}

async function insert(
  parts: Parts,
  tx: DbOrTx,
  made: { identity: Identity; request: Omit<z.output<typeof createSandboxSchema>, 'idempotencyKey'> },
) {
  const { identity, request } = made;
  const user = await tx.user.findUnique({ where: { id: identity.userId } });
  if (!user) throw new AppError('unauthenticated');
  const workspaceId = await placeFor(tx, identity, request.workspaceId);
  if ((await tx.sandbox.count({ where: { ownerId: user.id } })) >= SANDBOXES_PER_USER)
    throw new AppError(
      'limit_reached',
      `You own ${SANDBOXES_PER_USER} sandboxes, which is the most there can be.`,
    );
  const others = await tx.sandbox.findMany({ where: { workspaceId }, select: { name: true } });
  const taken = new Set(others.map((it) => it.name));
  if (request.name !== undefined && taken.has(request.name))
    throw new AppError('name_taken', undefined, { field: 'name' });
  const name = request.name ?? newName(taken);
  const region = { ...regionOf(user), ...defined({ timezone: request.timezone, locale: request.locale }) };
  const row = await tx.sandbox.create({
    data: {
      id: newSandboxId(),
      workspaceId,
      ownerId: user.id,
      name,
      hostname: hostnameOf(name),
      state: 'creating',
      image: parts.image(),
      cpus: request.limits?.cpus ?? SANDBOX_CPUS.default,
      memoryMb: request.limits?.memoryMb ?? SANDBOX_MEMORY_MB.default,
      pids: request.limits?.pids ?? SANDBOX_PIDS.default,
      diskGb: request.limits?.diskGb ?? null,
      sudo: request.sudo ?? true,
      ...region,
    },
  });
  await parts.live.record(tx, {
    topic: 'sandbox',
    action: 'created',
    subject: row.id,
    sandboxId: row.id,
    workspaceId,
  });
  return row;
}

/** The named workspace when the user may work there, else the user's own. */
async function placeFor(tx: DbOrTx, identity: Identity, workspaceId: string | undefined): Promise<string> {
  const workspace = await tx.workspace.findFirst({
    where: workspaceId === undefined ? { personalOf: identity.userId } : { id: workspaceId },
    include: { members: { where: { userId: identity.userId } } },
  });
  const role = workspace?.members[0]?.role;
  if (!workspace || role === undefined) throw new AppError('not_found', undefined, { field: 'workspaceId' });
  if (role === 'guest')
    throw new AppError('forbidden', 'Guests of a workspace may not make sandboxes in it.');
  return workspace.id;
}
