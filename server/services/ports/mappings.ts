/** Ports of this machine that lead to ports of sandboxes: who may make them, which are free, what stands in the way. */
import type { PortMapping as Row } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import { PORT_MAPPINGS_PER_SANDBOX, type PortMapping } from '../../../shared/ports';
import {
  type Audit,
  actorOf,
  type Db,
  type DbOrTx,
  type Identity,
  type SandboxAccess,
} from '../../contracts';
import type { FilesServices } from '../../files-contracts';
import { ownPorts } from '../../gateway/port-address';
import type { PortListeners } from '../../gateway/port-listeners';

export function createPortMappings(options: {
  db: Db;
  audit: Audit;
  access: SandboxAccess;
  listeners: PortListeners;
}): Pick<FilesServices['ports'], 'mappings' | 'expose' | 'unexpose'> {
  const { db, audit, access, listeners } = options;

  const view = (row: Row): PortMapping => ({
    hostPort: row.hostPort,
    sandboxId: row.sandboxId,
    internalPort: row.internalPort,
    createdAt: row.createdAt.toISOString(),
    problem: listeners.problemOf(row.hostPort),
  });

  async function usable(identity: Identity, sandboxId: string): Promise<boolean> {
    try {
      await access(identity, sandboxId, 'use');
      return true;
    } catch (thrown) {
      if (thrown instanceof AppError && (thrown.code === 'forbidden' || thrown.code === 'not_found'))
        return false;
      throw thrown;
    }
  }

  async function note(tx: DbOrTx, identity: Identity, event: { type: string; row: Row }): Promise<void> {
    const { hostPort, sandboxId, internalPort } = event.row;
    const verb = event.type === 'port.mapped' ? 'mapped' : 'unmapped';
    await audit.record(tx, {
      type: event.type,
      actor: actorOf(identity),
      target: { type: 'sandbox', id: sandboxId, name: String(internalPort) },
      message: `${verb} port ${hostPort} of this machine to port ${internalPort}`,
      after: { hostPort, internalPort },
    });
  }

  /** In turn: two callers must not find the same port free. */
  async function make(
    identity: Identity,
    { sandboxId, internalPort }: Pick<Row, 'sandboxId' | 'internalPort'>,
  ) {
    const { range } = listeners;
    if (range === null)
      throw new AppError('unavailable', 'Port mapping is switched off: an administrator sets PORT_RANGE.');
    const rows = await db.portMapping.findMany();
    const present = rows.find((it) => it.sandboxId === sandboxId && it.internalPort === internalPort);
    if (present && listeners.problemOf(present.hostPort) === null)
      return { mapping: view(present), created: false };
    const others = rows.filter((it) => it.sandboxId === sandboxId && it !== present);
    if (others.length >= PORT_MAPPINGS_PER_SANDBOX)
      throw new AppError(
        'limit_reached',
        `${others.length} ports of this sandbox are mapped. Remove one first.`,
      );
    const taken = new Set(rows.map((it) => it.hostPort));
    for (let port = range.first; port <= range.last; port += 1) {
      if (taken.has(port)) continue;
      // Another program's: the next one may be free.
      if (
        !(await listeners.open(port).then(
          () => true,
          () => false,
        ))
      )
        continue;
      const row = await db
        .$transaction(async (tx) => {
          // One that cannot listen any more makes room for this.
          if (present) await tx.portMapping.deleteMany({ where: { hostPort: present.hostPort } });
          const made = await tx.portMapping.create({
            data: { hostPort: port, sandboxId, internalPort, createdBy: identity.userId },
          });
          await note(tx, identity, { type: 'port.mapped', row: made });
          return made;
        })
        .catch(async (error: unknown) => {
          await listeners.shut(port);
          throw error;
        });
      return { mapping: view(row), created: true };
    }
    throw new AppError(
      'limit_reached',
      `No port of ${range.first}-${range.last} is free. Remove a mapping first.`,
    );
  }

  return {
    async mappings(identity, { sandboxId }) {
      if (sandboxId !== undefined) await access(identity, sandboxId, 'use');
      const rows = await db.portMapping.findMany({
        where: sandboxId === undefined ? {} : { sandboxId },
        orderBy: { hostPort: 'asc' },
      });
      const allowed = new Map<string, boolean>();
      for (const { sandboxId: id } of rows) if (!allowed.has(id)) allowed.set(id, await usable(identity, id));
      return { range: listeners.range, mappings: rows.filter((it) => allowed.get(it.sandboxId)).map(view) };
    },

    async expose(identity, input) {
      await access(identity, input.sandboxId, 'use');
      if (ownPorts.has(input.internalPort))
        throw new AppError('invalid_input', `Port ${input.internalPort} is our own in each sandbox.`, {
          field: 'internal_port',
        });
      return listeners.inTurn(() => make(identity, input));
    },

    async unexpose(identity, hostPort) {
      const row = await db.portMapping.findUnique({ where: { hostPort } });
      if (!row || !(await usable(identity, row.sandboxId)))
        throw new AppError('not_found', 'No mapping of yours has this port.');
      await listeners.inTurn(async () => {
        await db.$transaction(async (tx) => {
          const { count } = await tx.portMapping.deleteMany({
            where: { hostPort, sandboxId: row.sandboxId, internalPort: row.internalPort },
          });
          if (count === 0) throw new AppError('not_found', 'No mapping of yours has this port.');
          await note(tx, identity, { type: 'port.unmapped', row });
        });
        await listeners.shut(hostPort);
      });
    },
  };
}
