/** Sandboxes: what people may ask for. Permission first, then the change and its task in one transaction. */
import type { Sandbox } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import { type TaskKind, taskKindSchema } from '../../../shared/sandbox-state';
import type { SandboxView, TaskView } from '../../../shared/views';
import {
  type AgentClient,
  type Audit,
  actorOf,
  type Db,
  type Identity,
  type Live,
  type Services,
} from '../../contracts';
import { isUniqueViolation, type TaskEngine } from '../../tasks/engine';
import { parseTaskInput } from '../../tasks/plan';
import { lockSandbox } from '../../tasks/transition';
import type { ProviderRefs } from '../providers/refs';
import { taskView, withSteps } from '../tasks/view';
import { createAccess, requireWithin } from './access';
import { defined } from './columns';
import { createSandbox } from './create';
import { sandboxViews } from './view';

export interface SandboxesOptions {
  db: Db;
  live: Live;
  audit: Audit;
  agent: AgentClient;
  engine: TaskEngine;
  /** The image that new containers are made from: `cloud-claude/sandbox:{hash}`. Throws `image_missing`. */
  image: () => string;
  /** Open terminals of a session, now. */
  viewers: (sessionId: string) => number;
  providers: ProviderRefs;
}

const kinds = {
  start: 'sandbox.start',
  stop: 'sandbox.stop',
  pause: 'sandbox.pause',
  resume: 'sandbox.resume',
  rebuild: 'sandbox.rebuild',
} as const satisfies Record<string, TaskKind>;

export function createSandboxes(options: SandboxesOptions): Services['sandboxes'] {
  const { db, live, audit, agent, engine } = options;
  const { access, rights } = createAccess(db);

  async function view(identity: Identity, id: string): Promise<SandboxView> {
    const [found] = await sandboxViews(options, identity, { id });
    if (!found) throw new AppError('not_found');
    return found;
  }

  /** An administrator at work on what belongs to somebody else is an event of its own. */
  async function noteAdmin(identity: Identity, id: string, action: string): Promise<void> {
    if (identity.role !== 'admin') return;
    const row = await db.sandbox.findUnique({ where: { id }, select: { ownerId: true, name: true } });
    if (!row || row.ownerId === identity.userId) return;
    await audit.record(db, {
      type: 'admin.host.action',
      actor: actorOf(identity),
      target: { type: 'sandbox', id, name: row.name },
      message: `${identity.username} asked for ${action} of ${row.name}`,
    });
  }

  async function task(id: string): Promise<TaskView> {
    return taskView(await db.task.findUniqueOrThrow({ where: { id }, include: withSteps }));
  }

  /** Again what failed: a create stays a create as it was asked for, a delete a delete, everything else is a start. */
  async function retryOf(id: string): Promise<{ kind: TaskKind; openClaude: boolean }> {
    const row = await db.sandbox.findUniqueOrThrow({ where: { id }, select: { state: true } });
    if (row.state !== 'error' && row.state !== 'unavailable')
      throw new AppError('wrong_state', `This sandbox is ${row.state}; there is nothing to try again.`);
    const last = await db.task.findFirst({
      where: { sandboxId: id, state: { in: ['failed', 'canceled'] } },
      orderBy: { id: 'desc' },
    });
    const kind = last ? taskKindSchema.parse(last.kind) : 'sandbox.start';
    if (last && kind === 'sandbox.create' && row.state === 'error')
      return { kind, openClaude: parseTaskInput(last.input).openClaude };
    return { kind: kind === 'sandbox.delete' ? kind : 'sandbox.start', openClaude: false };
  }

  return {
    async list(identity, filter) {
      if (filter.all && identity.role !== 'admin') throw new AppError('forbidden');
      const own = { workspace: { members: { some: { userId: identity.userId } } } };
      const place = filter.workspaceId === undefined ? {} : { workspaceId: filter.workspaceId };
      return sandboxViews(options, identity, filter.all ? place : { ...own, ...place });
    },

    get: view,

    async create(identity, input) {
      if (identity.sandboxId !== null)
        throw new AppError('forbidden', 'This token is bound to one sandbox and cannot make another.');
      const make = () => createSandbox(options, identity, input);
      const id = await make().catch((thrown: unknown) => {
        // Two requests with one key at the same moment: the second finds the first one's sandbox.
        if (isUniqueViolation(thrown)) return make();
        throw thrown;
      });
      return view(identity, id);
    },

    async update(identity, input) {
      await access(identity, input.id, 'manage');
      const actor = actorOf(identity);
      await db.$transaction(async (tx) => {
        const row = await lockSandbox(tx, input.id);
        if (!row) throw new AppError('not_found');
        if (row.state === 'deleting') throw new AppError('wrong_state', 'This sandbox is being deleted.');
        if (input.name !== undefined && input.name !== row.name) {
          const where = { workspaceId: row.workspaceId, name: input.name, id: { not: row.id } };
          if ((await tx.sandbox.count({ where })) > 0)
            throw new AppError('name_taken', undefined, { field: 'name' });
        }
        const limits = { ...limitsOf(row), ...defined(input.limits ?? {}) };
        const anew = defined({ timezone: input.timezone, locale: input.locale, sudo: input.sudo });
        const renewed = (row.state === 'stopped' || row.state === 'error') && differs(row, anew);
        await tx.sandbox.update({
          where: { id: row.id },
          data: {
            ...limits,
            ...anew,
            ...defined({ name: input.name }),
            // Zone, locale and sudo are fixed when a container is made: a stopped one is made anew by its next
            // start, a live one keeps its own until it is rebuilt.
            ...(renewed ? { generation: row.generation + 1 } : {}),
          },
        });
        await audit.record(tx, {
          type: 'sandbox.update',
          actor,
          target: { type: 'sandbox', id: row.id, name: row.name },
          message: `Changed ${row.name}`,
          before: {
            name: row.name,
            ...limitsOf(row),
            timezone: row.timezone,
            locale: row.locale,
            sudo: row.sudo,
          },
          after: { ...defined({ name: input.name }), ...limits, ...anew },
        });
        await live.record(tx, {
          topic: 'sandbox',
          action: 'updated',
          subject: row.id,
          sandboxId: row.id,
          workspaceId: row.workspaceId,
        });
        const stands = row.state === 'stopped' || row.state === 'error';
        if (differs(row, limits) && !stands)
          await engine.enqueue(tx, { kind: 'sandbox.update', sandboxId: row.id, actor });
      });
      engine.committed();
      return view(identity, input.id);
    },

    async request(identity, input) {
      await access(identity, input.id, 'manage');
      const made = await engine.request({
        ...(input.action === 'retry' ? await retryOf(input.id) : { kind: kinds[input.action] }),
        sandboxId: input.id,
        actor: actorOf(identity),
        idempotencyKey: input.idempotencyKey,
        // By what was asked, not by what a retry comes to: that may differ the second time.
        fingerprint: { action: input.action, id: input.id },
      });
      await noteAdmin(identity, input.id, input.action);
      return task(made.id);
    },

    async remove(identity, input) {
      requireWithin(identity, input.id);
      const actor = actorOf(identity);
      const fingerprint = { action: 'remove', id: input.id };
      // The row may be gone already: the same key still gives the task that deleted it.
      const again = await engine.known({ actor, key: input.idempotencyKey, fingerprint });
      if (again) return task(again.id);
      await access(identity, input.id, 'manage');
      await noteAdmin(identity, input.id, 'delete');
      const made = await engine.request({
        kind: 'sandbox.delete',
        sandboxId: input.id,
        actor,
        idempotencyKey: input.idempotencyKey,
        fingerprint,
      });
      return task(made.id);
    },

    async usage(identity, id) {
      await rights(identity, id);
      const row = await db.sandbox.findUniqueOrThrow({ where: { id }, select: { state: true } });
      if (row.state !== 'running' && row.state !== 'unavailable') throw new AppError('sandbox_not_running');
      const { id: _id, ...usage } = await agent.call('sandbox.usage', { id }, {});
      return { ...usage, at: new Date().toISOString() };
    },
  };
}

function limitsOf(row: Sandbox) {
  return { cpus: row.cpus, memoryMb: row.memoryMb, pids: row.pids, diskGb: row.diskGb };
}

function differs(row: Sandbox, wanted: object): boolean {
  const now: Record<string, unknown> = { ...row };
  return Object.entries(wanted).some(([key, value]) => now[key] !== value);
}
