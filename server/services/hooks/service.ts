/** Users' hooks of all levels: read, changed as whole lists, tried. The image's list is only read. */

import { AppError } from '../../../shared/errors';
import type { SecretHook } from '../../../shared/hook-file';
import { hookSamples } from '../../../shared/hook-samples';
import type { HookList, HookPlace } from '../../../shared/hooks';
import { memberRoleSchema } from '../../../shared/views';
import { requireUnlimited } from '../../auth/scopes';
import {
  type Audit,
  actorOf,
  type Connections,
  type Db,
  type Identity,
  type Live,
  type SandboxAccess,
  type Services,
} from '../../contracts';
import { merged, viewOf } from './merge';
import type { HookPush } from './push';
import { readFiles, runTest, writeUserFile } from './sandboxd';
import type { HookRows, StoredPlace } from './stored';

const mayEditWorkspace = new Set(['owner', 'maintainer']);

interface Found {
  hooks: SecretHook[];
  revision: string;
  problems: string[];
  mayEdit: boolean;
  /** For the audit. */
  target: { type: string; id: string; name: string };
  workspaceId: string;
  /** Null: the list of a workspace is for all of its sandboxes. */
  sandboxId: string | null;
}

export function createHooks(options: {
  db: Db;
  live: Live;
  audit: Audit;
  access: SandboxAccess;
  connections: Pick<Connections, 'get'>;
  rows: HookRows;
  push: HookPush;
}): Services['hooks'] {
  const { db, live, audit, access, rows } = options;

  async function ofWorkspace(identity: Identity, workspaceId: string): Promise<Found> {
    requireUnlimitedToSandbox(identity);
    const row = await db.workspace.findUnique({
      where: { id: workspaceId },
      include: { members: { where: { userId: identity.userId } } },
    });
    const member = row?.members[0];
    if (!row || (!member && identity.role !== 'admin')) throw new AppError('not_found');
    const role = member ? memberRoleSchema.parse(member.role) : 'owner';
    const stored = await rows.read(db, { level: 'workspace', workspaceId });
    return {
      ...{ hooks: stored.hooks, revision: String(stored.revision), problems: [] },
      mayEdit: mayEditWorkspace.has(role) || identity.role === 'admin',
      target: { type: 'workspace', id: row.id, name: row.name },
      ...{ workspaceId, sandboxId: null },
    };
  }

  async function sandboxOf(identity: Identity, id: string) {
    await access(identity, id, 'use');
    const row = await db.sandbox.findUnique({
      where: { id },
      select: { id: true, name: true, workspaceId: true, state: true },
    });
    if (!row) throw new AppError('not_found');
    return row;
  }

  async function wayTo({ id, state }: { id: string; state: string }) {
    if (state !== 'running' && state !== 'unavailable') throw new AppError('sandbox_not_running');
    return options.connections.get(id);
  }

  async function find(identity: Identity, place: HookPlace): Promise<Found> {
    if (place.level === 'workspace') return ofWorkspace(identity, place.workspaceId);
    if (place.level === 'session') {
      const session = await db.session.findUnique({ where: { id: place.sessionId } });
      if (session?.kind !== 'claude') throw new AppError('not_found');
      const { workspaceId } = await sandboxOf(identity, session.sandboxId);
      const stored = await rows.read(db, place);
      return {
        ...{ hooks: stored.hooks, revision: String(stored.revision), problems: [] },
        mayEdit: session.state !== 'ended',
        target: { type: 'session', id: session.id, name: session.name },
        ...{ workspaceId, sandboxId: session.sandboxId },
      };
    }
    const sandbox = await sandboxOf(identity, place.sandboxId);
    const files = await readFiles(await wayTo(sandbox));
    return {
      ...files[place.level],
      mayEdit: place.level === 'user',
      target: { type: 'sandbox', id: sandbox.id, name: sandbox.name },
      ...{ workspaceId: sandbox.workspaceId, sandboxId: sandbox.id },
    };
  }

  async function recorded(
    tx: Parameters<Audit['record']>[0],
    identity: Identity,
    change: { place: HookPlace; found: Found; hooks: readonly SecretHook[] },
  ): Promise<void> {
    const { place, found, hooks } = change;
    // What runs, not what it is signed with.
    const shown = (list: readonly SecretHook[]) =>
      list.map(({ secret: _, id: __, ...it }) => ({ ...it, action: Object.values(it.action).join(' ') }));
    await audit.record(tx, {
      type: 'hooks.updated',
      actor: actorOf(identity),
      target: found.target,
      message: `changed the ${place.level}'s hooks of ${found.target.name}`,
      before: { hooks: shown(found.hooks) },
      after: { hooks: shown(hooks) },
    });
    const { workspaceId, sandboxId, target } = found;
    if (place.level === 'workspace')
      await live.record(tx, { topic: 'workspace', action: 'updated', subject: target.id, workspaceId });
    if (place.level === 'session')
      await live.record(tx, { topic: 'session', action: 'updated', subject: target.id, sandboxId });
  }

  async function store(
    identity: Identity,
    place: StoredPlace,
    change: { found: Found; hooks: SecretHook[] },
  ): Promise<string> {
    const { found, hooks } = change;
    const revision = Number(found.revision);
    await db.$transaction(async (tx) => {
      const written = await rows.write(tx, place, { hooks, revision, by: identity.username });
      if (!written) throw changedSince();
      await recorded(tx, identity, { place, found, hooks });
    });
    live.flush();
    const concerned =
      found.sandboxId === null
        ? (
            await db.sandbox.findMany({ where: { workspaceId: found.workspaceId }, select: { id: true } })
          ).map((it) => it.id)
        : [found.sandboxId];
    // Running sessions follow; whoever is not connected gets it when it is.
    await Promise.all(concerned.map((id) => options.push.push(id)));
    return String(revision + 1);
  }

  const listOf = (found: Pick<Found, 'hooks' | 'revision' | 'problems' | 'mayEdit'>): HookList => ({
    hooks: found.hooks.map(viewOf),
    ...{ revision: found.revision, problems: found.problems, mayEdit: found.mayEdit },
  });

  return {
    async get(identity, place) {
      return listOf(await find(identity, place));
    },

    async save(identity, { place, hooks: given, revision }) {
      const found = await find(identity, place);
      if (place.level === 'image')
        throw new AppError('forbidden', 'The hooks of the image are changed with the image.');
      if (!found.mayEdit)
        throw new AppError(
          place.level === 'session' ? 'wrong_state' : 'forbidden',
          place.level === 'session'
            ? 'This session has ended.'
            : 'Owners and maintainers of the workspace change its hooks.',
        );
      if (found.revision !== revision) throw changedSince();
      const { hooks, made } = merged(found.hooks, given);
      if (place.level !== 'user') {
        const next = await store(identity, place, { found, hooks });
        return { ...listOf({ ...found, hooks, revision: next }), secrets: made };
      }
      const way = await options.connections.get(place.sandboxId);
      const next = await writeUserFile(way, { hooks, revision });
      await db.$transaction((tx) => recorded(tx, identity, { place, found, hooks }));
      return { ...listOf({ ...found, hooks, revision: next, problems: [] }), secrets: made };
    },

    async test(identity, { sandboxId, place, hook: given, payload }) {
      const sandbox = await sandboxOf(identity, sandboxId);
      const way = await wayTo(sandbox);
      const { newSecret: _, ...hook } = given;
      let secret: string | null = null;
      if (place && given.id !== undefined && given.action.kind === 'http') {
        const found = await find(identity, place);
        // A secret goes nowhere but where its hook runs.
        if (
          found.sandboxId === null ? found.workspaceId !== sandbox.workspaceId : found.sandboxId !== sandboxId
        )
          throw new AppError('invalid_input', 'These hooks do not run in that sandbox.', {
            field: 'sandboxId',
          });
        secret = found.hooks.find((it) => it.id === given.id)?.secret ?? null;
      }
      const id = given.id ?? 'test';
      return runTest(way, {
        hook: { ...hook, id, secret, enabled: true },
        payload: payload ?? { ...hookSamples[hook.event] },
      });
    },
  };
}

const changedSince = () =>
  new AppError('conflict', 'Somebody else has changed these hooks. Load them again, then make your change.');

/** A workspace's list reaches further than a token of one sandbox. */
function requireUnlimitedToSandbox(identity: Identity): void {
  if (identity.sandboxId !== null) requireUnlimited(identity, 'The hooks of a workspace');
}
