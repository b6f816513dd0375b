/** Identities side by side: who answers Claude in a session. Secrets are sealed at once and never shown again. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Provider } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import {
  ownProviderKinds,
  PROVIDERS_PER_USER,
  type ProviderProbe,
  type ProviderView,
} from '../../../shared/providers';
import {
  type Audit,
  actorOf,
  type Db,
  type DbOrTx,
  type Identity,
  type Live,
  type Services,
} from '../../contracts';
import { builtIn, type ProviderRefs } from './refs';
import { hintOf, type ProviderSecrets } from './secrets';

export interface ProvidersOptions {
  db: Db;
  live: Live;
  audit: Audit;
  refs: ProviderRefs;
  secrets: ProviderSecrets;
  /** The gateway's environment holds a key. */
  gatewayKey: boolean;
  /** Throws `invalid_input` for an address that the gateway may not be sent to. */
  checkBaseUrl(baseUrl: string): Promise<void>;
  /** A provider changed: requests look anew. */
  changed(): void;
  /** Asks the provider something small. `row` null: the gateway's own. */
  probe(row: Provider | null, model: string | undefined): Promise<ProviderProbe>;
}

export type Providers = Services['providers'] & {
  /** Throws `not_found` for one that this identity may not choose. */
  requireUsable(identity: Identity, id: string): Promise<void>;
};

const authSchema = z.enum(['x-api-key', 'bearer']);
const mapSchema = z.record(z.string(), z.string());

/** Of one person, under way at once: each holds a connection for up to PROVIDER_PROBE_MS. */
const PROBES_AT_ONCE = 3;

export function createProviders(options: ProvidersOptions): Providers {
  const { db, live, audit, refs, secrets } = options;
  const probing = new Map<string, number>();

  async function probe(identity: Identity, row: Provider | null, model: string | undefined) {
    const present = probing.get(identity.userId) ?? 0;
    if (present >= PROBES_AT_ONCE)
      throw new AppError('too_many_requests', 'Wait for the probes that are under way.');
    probing.set(identity.userId, present + 1);
    try {
      return await options.probe(row, model);
    } finally {
      const left = (probing.get(identity.userId) ?? 1) - 1;
      if (left > 0) probing.set(identity.userId, left);
      else probing.delete(identity.userId);
    }
  }

  const visible = (identity: Identity) => ({ OR: [{ ownerId: identity.userId }, { shared: true }] });

  async function viewsOf(identity: Identity, rows: Provider[]): Promise<ProviderView[]> {
    const counts = await openSessions(identity);
    return rows.map((row) => ({
      id: row.id,
      kind: z.enum(ownProviderKinds).parse(row.kind),
      label: row.label,
      builtIn: false,
      isDefault: false,
      shared: row.shared,
      mine: row.ownerId === identity.userId,
      hint: row.hint,
      baseUrl: row.baseUrl,
      auth: row.auth === null ? null : authSchema.parse(row.auth),
      modelMap: mapSchema.parse(JSON.parse(row.modelMap)),
      sessions: counts.get(row.id) ?? 0,
      lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
      createdAt: row.createdAt.toISOString(),
    }));
  }

  /** Open Claude sessions by provider, of sandboxes in the viewer's workspaces. */
  async function openSessions(identity: Identity): Promise<Map<string, number>> {
    const groups = await db.session.groupBy({
      by: ['providerId'],
      where: {
        kind: 'claude',
        state: { not: 'ended' },
        sandbox: { workspace: { members: { some: { userId: identity.userId } } } },
      },
      _count: true,
    });
    const counts = new Map<string, number>();
    for (const { providerId, _count } of groups) {
      const id = providerId ?? refs.default.id;
      counts.set(id, (counts.get(id) ?? 0) + _count);
    }
    return counts;
  }

  async function builtInViews(identity: Identity): Promise<ProviderView[]> {
    const counts = await openSessions(identity);
    const shown = options.gatewayKey ? [builtIn.gateway, builtIn.subscription] : [builtIn.subscription];
    return shown.map((it) => ({
      ...it,
      builtIn: true,
      isDefault: it.id === refs.default.id,
      shared: true,
      mine: false,
      hint: null,
      baseUrl: null,
      auth: null,
      modelMap: {},
      sessions: counts.get(it.id) ?? 0,
      lastUsedAt: null,
      createdAt: null,
    }));
  }

  /** What one may change: one's own, and for administrators what is shared. */
  async function changeable(tx: DbOrTx, identity: Identity, id: string): Promise<Provider> {
    const row = await tx.provider.findFirst({ where: { id, ...visible(identity) } });
    if (!row) throw new AppError('not_found', 'There is no such provider.');
    if (row.ownerId !== identity.userId && identity.role !== 'admin') throw new AppError('forbidden');
    return row;
  }

  /** Open sessions that would be without an answer, as far as this identity may see them. */
  function usedBy(tx: DbOrTx, identity: Identity, id: string) {
    const mine = { workspace: { members: { some: { userId: identity.userId } } } };
    return tx.session.findMany({
      where: {
        providerId: id,
        state: { not: 'ended' },
        // One's own key can be taken away from a workspace that one has left.
        ...(identity.role === 'admin' ? {} : { sandbox: mine }),
      },
      select: { name: true, sandbox: { select: { name: true } } },
      take: 3,
    });
  }

  function requireSharing(identity: Identity, shared: boolean | undefined): void {
    if (shared && identity.role !== 'admin')
      throw new AppError('forbidden', 'Only administrators share a provider with everybody.');
  }

  async function recorded(
    tx: DbOrTx,
    identity: Identity,
    change: { action: 'created' | 'updated' | 'deleted'; row: Provider; shared: boolean },
  ): Promise<void> {
    const { action, row, shared } = change;
    await audit.record(tx, {
      type: `provider.${action}`,
      actor: actorOf(identity),
      target: { type: 'provider', id: row.id, name: row.label },
      message: `${action} the provider ${row.label}`,
      after: { kind: row.kind, shared: row.shared, baseUrl: row.baseUrl },
    });
    const users = shared
      ? (await tx.user.findMany({ where: { status: 'active' }, select: { id: true } })).map((it) => it.id)
      : [row.ownerId];
    for (const userId of users)
      await live.record(tx, { topic: 'providers', action, subject: row.id, userId });
  }

  /** Of a row, as far as its owner gives it. */
  function stored(input: Parameters<Providers['create']>[1]) {
    const { kind, label, shared, secret } = input;
    return {
      ...{ kind, label, shared, secret: secrets.seal(secret), hint: hintOf(secret) },
      ...(input.kind === 'compatible'
        ? { baseUrl: input.baseUrl, auth: input.auth, modelMap: JSON.stringify(input.modelMap) }
        : { baseUrl: null, auth: null, modelMap: '{}' }),
    };
  }

  async function one(identity: Identity, row: Provider): Promise<ProviderView> {
    const [view] = await viewsOf(identity, [row]);
    if (!view) throw new AppError('not_found');
    return view;
  }

  return {
    async requireUsable(identity, id) {
      if (id === builtIn.subscription.id || (id === builtIn.gateway.id && options.gatewayKey)) return;
      const row = await db.provider.findFirst({
        where: { id, ...visible(identity) },
        select: { id: true },
      });
      if (!row) throw new AppError('not_found', 'There is no such provider.', { field: 'providerId' });
    },

    async list(identity) {
      const rows = await db.provider.findMany({
        where: visible(identity),
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return [...(await builtInViews(identity)), ...(await viewsOf(identity, rows))];
    },

    async create(identity, input) {
      requireSharing(identity, input.shared);
      if (input.kind === 'compatible') await options.checkBaseUrl(input.baseUrl);
      const row = await db.$transaction(async (tx) => {
        const present = await tx.provider.count({ where: { ownerId: identity.userId } });
        if (present >= PROVIDERS_PER_USER)
          throw new AppError('limit_reached', `You have ${present} providers. Remove one first.`);
        const made = await tx.provider.create({
          data: { id: randomUUID(), ownerId: identity.userId, ...stored(input) },
        });
        await recorded(tx, identity, { action: 'created', row: made, shared: made.shared });
        return made;
      });
      options.changed();
      live.flush();
      return one(identity, row);
    },

    async update(identity, input) {
      requireSharing(identity, input.shared);
      if (input.baseUrl !== undefined) await options.checkBaseUrl(input.baseUrl);
      const row = await db.$transaction(async (tx) => {
        const before = await changeable(tx, identity, input.id);
        // Everybody's conversations go there: who is no administrator any more takes it back or leaves it as it is.
        if (before.shared && identity.role !== 'admin' && input.shared !== false)
          throw new AppError('forbidden', 'Only administrators change what everybody uses.');
        const ofHost = [input.baseUrl, input.auth, input.modelMap].some((it) => it !== undefined);
        if (ofHost && before.kind !== 'compatible')
          throw new AppError('invalid_input', 'Only a compatible host has an address and a model map.');
        // A key goes to the host that it was given for.
        if (input.baseUrl !== undefined && input.baseUrl !== before.baseUrl && input.secret === undefined)
          throw new AppError('invalid_input', 'Give the key anew for another address.', { field: 'secret' });
        const made = await tx.provider.update({
          where: { id: before.id },
          data: {
            ...(input.label === undefined ? {} : { label: input.label }),
            ...(input.shared === undefined ? {} : { shared: input.shared }),
            ...(input.secret === undefined
              ? {}
              : { secret: secrets.seal(input.secret), hint: hintOf(input.secret) }),
            ...(input.baseUrl === undefined ? {} : { baseUrl: input.baseUrl }),
            ...(input.auth === undefined ? {} : { auth: input.auth }),
            ...(input.modelMap === undefined ? {} : { modelMap: JSON.stringify(input.modelMap) }),
          },
        });
        await recorded(tx, identity, { action: 'updated', row: made, shared: made.shared || before.shared });
        return made;
      });
      options.changed();
      live.flush();
      return one(identity, row);
    },

    async remove(identity, id) {
      await db.$transaction(async (tx) => {
        const row = await changeable(tx, identity, id);
        const inUse = await usedBy(tx, identity, id);
        if (inUse.length > 0) {
          const names = inUse.map((it) => `${it.name} in ${it.sandbox.name}`).join(', ');
          throw new AppError(
            'conflict',
            `Open sessions use it: ${names}. Choose another provider there first.`,
          );
        }
        await tx.provider.delete({ where: { id } });
        await recorded(tx, identity, { action: 'deleted', row, shared: row.shared });
      });
      options.changed();
      live.flush();
    },

    async probe(identity, { id, model }) {
      if (id === builtIn.subscription.id)
        throw new AppError('invalid_input', 'A log-in in a sandbox is tried there: see its log-in status.');
      if (id === builtIn.gateway.id && options.gatewayKey) return probe(identity, null, model);
      const row = await db.provider.findFirst({ where: { id, ...visible(identity) } });
      if (!row) throw new AppError('not_found', 'There is no such provider.');
      return probe(identity, row, model);
    },

    async probeNew(identity, { provider, model }) {
      if (provider.kind === 'compatible') await options.checkBaseUrl(provider.baseUrl);
      const now = new Date();
      const times = { lastUsedAt: null, createdAt: now, updatedAt: now };
      const row = { id: randomUUID(), ownerId: identity.userId, ...stored(provider), ...times };
      return probe(identity, row, model);
    },
  };
}
