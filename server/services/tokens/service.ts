/** API tokens: made with less than their maker has or the same, shown once, kept as a hash, ended with what they made. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { ApiToken } from '../../../prisma/generated/client';
import { AppError } from '../../../shared/errors';
import { holds, isSandboxScope, isUnlimited, type Scope } from '../../../shared/scopes';
import type { ApiTokenView, createTokenSchema } from '../../../shared/views';
import { MASTER_TOKEN_ID, makeApiToken, storedScopes } from '../../auth/api-token';
import {
  type Audit,
  actorOf,
  type Db,
  type DbOrTx,
  type Identity,
  type Live,
  type OpenSockets,
  type SandboxAccess,
} from '../../contracts';

/** Every device and script of one person; more is a script that forgets to revoke. */
const TOKENS_PER_USER = 200;
const HOUR_MS = 60 * 60 * 1000;

export interface Tokens {
  /** One's own; a token that is less than its user sees itself and what it has made. */
  list(identity: Identity): Promise<ApiTokenView[]>;
  /** Throws `forbidden` for a scope, a sandbox or an end beyond the maker's own. `token` is shown here and never again. */
  create(
    identity: Identity,
    input: z.output<typeof createTokenSchema>,
  ): Promise<{ token: string; view: ApiTokenView }>;
  /** With all that it has made; what they have open is closed at once. */
  revoke(identity: Identity, id: string): Promise<void>;
}

export function createTokens(options: {
  db: Db;
  live: Live;
  audit: Audit;
  sockets: OpenSockets;
  access: SandboxAccess;
}): Tokens {
  const { db, live, audit, sockets, access } = options;

  async function note(tx: DbOrTx, identity: Identity, event: { type: string; token: ApiToken }) {
    const { id, label, sandboxId, expiresAt } = event.token;
    const verb = event.type === 'token.created' ? 'created' : 'revoked';
    await audit.record(tx, {
      type: event.type,
      actor: actorOf(identity),
      target: { type: 'token', id, name: label },
      message: `${identity.username} ${verb} the token ${label}`,
      after: {
        scopes: storedScopes(event.token.scopes),
        sandboxId,
        expiresAt: expiresAt?.toISOString() ?? null,
        by: identity.via === 'token' ? identity.credentialId : 'browser',
      },
    });
    const subject = identity.userId;
    await live.record(tx, { topic: 'me', action: 'updated', subject, userId: subject });
  }

  /** Not revoked; a limited token's are itself and what it has made, at any depth. */
  async function visible(tx: DbOrTx, identity: Identity): Promise<ApiToken[]> {
    const rows = await tx.apiToken.findMany({
      where: { userId: identity.userId, revokedAt: null },
      orderBy: { createdAt: 'desc' },
    });
    if (isUnlimited(identity)) return rows;
    const mine = new Set(descendants(rows, identity.credentialId).map((it) => it.id));
    return rows.filter((it) => mine.has(it.id));
  }

  return {
    async list(identity) {
      return (await visible(db, identity)).map(tokenView);
    },

    async create(identity, input) {
      const sandboxId = input.sandboxId ?? identity.sandboxId;
      if (sandboxId !== null) await access(identity, sandboxId, 'use');
      const scopes = grantable(identity, input.scopes, sandboxId !== null);
      const expiresAt = endOf(identity, input.ttlHours);
      const { token, hash, prefix } = makeApiToken();
      const row = await db.$transaction(async (tx) => {
        const present = await tx.apiToken.count({ where: { userId: identity.userId, revokedAt: null } });
        if (present >= TOKENS_PER_USER)
          throw new AppError('limit_reached', `You have ${present} tokens. Revoke one first.`);
        const created = await tx.apiToken.create({
          data: {
            ...{ id: randomUUID(), userId: identity.userId, label: input.label, prefix, hash },
            ...{ scopes: JSON.stringify(scopes), sandboxId, expiresAt },
            parentId: identity.via === 'token' ? identity.credentialId : null,
          },
        });
        await note(tx, identity, { type: 'token.created', token: created });
        return created;
      });
      live.flush();
      return { token, view: tokenView(row) };
    },

    async revoke(identity, id) {
      if (id === MASTER_TOKEN_ID)
        throw new AppError(
          'forbidden',
          'This token stands in the environment of the gateway: change it there.',
        );
      const ended = await db.$transaction(async (tx) => {
        const rows = await visible(tx, identity);
        if (!rows.some((it) => it.id === id)) throw new AppError('not_found', 'There is no such token.');
        const found = descendants(rows, id);
        const ids = found.map((it) => it.id);
        await tx.apiToken.updateMany({ where: { id: { in: ids } }, data: { revokedAt: new Date() } });
        for (const token of found) await note(tx, identity, { type: 'token.revoked', token });
        return ids;
      });
      live.flush();
      for (const it of ended) sockets.closeCredential(it);
    },
  };
}

/** This token and all that came of it. */
function descendants(rows: ApiToken[], id: string): ApiToken[] {
  const found = rows.filter((it) => it.id === id);
  for (const it of found) found.push(...rows.filter((row) => row.parentId === it.id));
  return found;
}

/** Throws for what the maker does not hold, and for what a token of one sandbox cannot. */
function grantable(identity: Identity, wanted: readonly Scope[], bound: boolean): Scope[] {
  for (const scope of wanted) {
    const held =
      scope === '*'
        ? identity.scopes === null || identity.scopes.includes('*')
        : holds(identity, scope) && (scope !== 'admin' || identity.role === 'admin');
    if (!held) throw new AppError('forbidden', `You cannot give the scope ${scope}: you do not hold it.`);
    if (bound && !isSandboxScope(scope))
      throw new AppError('invalid_input', `A token of one sandbox cannot have the scope ${scope}.`, {
        field: 'scopes',
      });
  }
  return [...new Set(wanted)];
}

/** Null: no end. A token's own end is the latest of those it makes. */
function endOf(identity: Identity, ttlHours: number | null): Date | null {
  const asked = ttlHours === null || ttlHours === 0 ? null : Date.now() + ttlHours * HOUR_MS;
  const latest = identity.via === 'token' ? identity.endsAt : null;
  if (latest === null) return asked === null ? null : new Date(asked);
  if (asked !== null && asked > latest)
    throw new AppError('forbidden', 'This token would outlive the one that makes it.', {
      field: 'ttl_hours',
    });
  return new Date(asked ?? latest);
}

function tokenView(row: ApiToken): ApiTokenView {
  return {
    id: row.id,
    label: row.label,
    prefix: row.prefix,
    scopes: storedScopes(row.scopes),
    sandboxId: row.sandboxId,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
