/** What every signed-in person may see and change of themselves. */
import { AppError } from '../../../shared/errors';
import { type Me, type Preferences, preferencesSchema, roleSchema } from '../../../shared/views';
import type { Passwords } from '../../auth/password';
import { createThrottle } from '../../auth/throttle';
import {
  type Audit,
  actorOf,
  type Db,
  type DbOrTx,
  type Identity,
  type Live,
  type OpenSockets,
  type Services,
} from '../../contracts';

function storedPreferences(json: string): Preferences {
  const parsed = preferencesSchema.safeParse(JSON.parse(json));
  // A value that an older or newer version wrote must not lock the user out: fall back to the defaults.
  return parsed.success ? parsed.data : preferencesSchema.parse({});
}

/** A token must not be able to make itself permanent, nor to take the account over. */
function requireBrowser(identity: Identity): void {
  if (identity.via !== 'browser') {
    throw new AppError('forbidden', 'This needs a signed-in browser; an API token may not do it.');
  }
}

export function createAccount(options: {
  db: Db;
  live: Live;
  audit: Audit;
  sockets: OpenSockets;
  passwords: Pick<Passwords, 'hash' | 'verify'>;
}): Services['account'] {
  const { db, live, audit, sockets, passwords } = options;
  const throttle = createThrottle({ db });

  async function me(identity: Identity): Promise<Me> {
    const user = await db.user.findUnique({ where: { id: identity.userId } });
    const personal = await db.workspace.findUnique({ where: { personalOf: identity.userId } });
    if (!user || !personal) throw new AppError('unauthenticated');
    return {
      id: user.id,
      username: user.username,
      role: roleSchema.parse(user.role),
      expiresAt: user.expiresAt?.toISOString() ?? null,
      mustChangePassword: user.mustChangePassword,
      timezone: user.timezone,
      locale: user.locale,
      preferences: storedPreferences(user.preferences),
      personalWorkspaceId: personal.id,
    };
  }

  async function tellMe(tx: DbOrTx, identity: Identity): Promise<void> {
    await live.record(tx, {
      topic: 'me',
      action: 'updated',
      subject: identity.userId,
      userId: identity.userId,
    });
  }

  async function recorded(tx: DbOrTx, identity: Identity, type: string, message: string): Promise<void> {
    await audit.record(tx, {
      type,
      actor: actorOf(identity),
      target: { type: 'user', id: identity.userId, name: identity.username },
      message,
    });
    await tellMe(tx, identity);
  }

  return {
    me,

    async setPreferences(identity, input) {
      await db.$transaction(async (tx) => {
        const user = await tx.user.findUniqueOrThrow({ where: { id: identity.userId } });
        const preferences = JSON.stringify({ ...storedPreferences(user.preferences), ...input });
        await tx.user.update({ where: { id: user.id }, data: { preferences } });
        await tellMe(tx, identity);
      });
      live.flush();
      return await me(identity);
    },

    async setRegion(identity, input) {
      await db.$transaction(async (tx) => {
        await tx.user.update({ where: { id: identity.userId }, data: input });
        await tellMe(tx, identity);
      });
      live.flush();
      return await me(identity);
    },

    async changePassword(identity, { current, next }) {
      requireBrowser(identity);
      const user = await db.user.findUniqueOrThrow({ where: { id: identity.userId } });
      // Who sits at somebody's open browser guesses no faster than at the sign-in, and keeps nobody from signing in.
      const tries = `password change of ${user.id}`;
      await throttle.begin(tries, identity.address);
      if (!(await passwords.verify(current, user.passwordHash))) {
        await audit.record(db, {
          type: 'auth.failed',
          actor: actorOf(identity),
          message: 'A change of the password failed: wrong password.',
        });
        throw new AppError('invalid_input', 'The present password is wrong.', { field: 'current' });
      }
      await throttle.succeeded(tries, identity.address);
      if (current === next) {
        throw new AppError('invalid_input', 'The new password is the old one.', { field: 'next' });
      }
      const passwordHash = await passwords.hash(next);
      const others = await db.$transaction(async (tx) => {
        await tx.user.update({ where: { id: user.id }, data: { passwordHash, mustChangePassword: false } });
        const open = { userId: user.id, id: { not: identity.credentialId }, revokedAt: null };
        const found = await tx.authSession.findMany({ where: open, select: { id: true } });
        await tx.authSession.updateMany({ where: open, data: { revokedAt: new Date() } });
        await recorded(tx, identity, 'account.password_changed', `${user.username} changed the password`);
        return found;
      });
      live.flush();
      for (const session of others) sockets.closeCredential(session.id);
    },

    async browserSessions(identity) {
      const rows = await db.authSession.findMany({
        where: { userId: identity.userId, revokedAt: null, expiresAt: { gt: new Date() } },
        orderBy: { lastSeenAt: 'desc' },
      });
      return rows.map((row) => ({
        id: row.id,
        current: row.id === identity.credentialId,
        createdAt: row.createdAt.toISOString(),
        lastSeenAt: row.lastSeenAt.toISOString(),
        address: row.address,
        userAgent: row.userAgent,
      }));
    },

    async revokeBrowserSession(identity, id) {
      await db.$transaction(async (tx) => {
        const { count } = await tx.authSession.updateMany({
          where: { id, userId: identity.userId, revokedAt: null },
          data: { revokedAt: new Date() },
        });
        if (count === 0) throw new AppError('not_found', 'There is no such browser session.');
        await recorded(tx, identity, 'auth.session_revoked', `${identity.username} ended a browser session`);
      });
      live.flush();
      sockets.closeCredential(id);
    },
  };
}
