import { randomUUID } from 'node:crypto';
import { AppError } from '../../shared/errors';
import { type Actor, type Audit, actorOf, type Db, type Identity, type OpenSockets } from '../contracts';
import { type KeyRing, SESSION_MAX_AGE_SECONDS } from './key-ring';
import type { Passwords } from './password';
import type { Throttle } from './throttle';

export interface Caller {
  address: string;
  userAgent: string;
}

export interface SignedIn {
  userId: string;
  username: string;
  sessionId: string;
}

export interface SignIn {
  /**
   * Checks a name and a password and opens a browser session. Throws `invalid_credentials` alike for an unknown,
   * disabled or expired user and a wrong password, after the same work; `too_many_requests` when throttled.
   */
  signIn(input: { username: string; password: string }, caller: Caller): Promise<SignedIn>;
  /** The cookie's value for a session. */
  token(signedIn: SignedIn): Promise<string>;
  /** Ends the session for good and closes what hangs on it. */
  signOut(identity: Identity): Promise<void>;
}

export interface SignInOptions {
  db: Db;
  ring: KeyRing;
  passwords: Passwords;
  throttle: Throttle;
  audit: Audit;
  sockets: OpenSockets;
}

/** A name that fits no user is not written to the log as given: people type passwords into the wrong field. */
const shownName = (known: string | undefined) => known ?? '(unknown)';

export function createSignIn({ db, ring, passwords, throttle, audit, sockets }: SignInOptions): SignIn {
  return {
    async signIn({ username, password }, caller) {
      const name = username.trim().toLowerCase();
      await throttle.begin(name, caller.address);
      const user = await db.user.findUnique({ where: { username: name } });
      const right = await passwords.verify(password, user?.passwordHash ?? null);
      const now = new Date();
      const why = !user
        ? 'unknown user'
        : !right
          ? 'wrong password'
          : user.status !== 'active'
            ? `user is ${user.status}`
            : user.expiresAt && user.expiresAt <= now
              ? 'user is past the expiry date'
              : null;
      const actor: Actor = {
        userId: user?.id ?? null,
        name: shownName(user?.username),
        address: caller.address,
        userAgent: caller.userAgent,
      };
      if (!user || why !== null) {
        await audit.record(db, { type: 'auth.failed', actor, message: `A log-in failed: ${why}.` });
        throw new AppError('invalid_credentials');
      }
      const sessionId = randomUUID();
      await db.$transaction(async (tx) => {
        await tx.authSession.create({
          data: {
            id: sessionId,
            userId: user.id,
            createdAt: now,
            lastSeenAt: now,
            expiresAt: new Date(now.getTime() + SESSION_MAX_AGE_SECONDS * 1000),
            address: caller.address,
            userAgent: caller.userAgent,
          },
        });
        await tx.user.update({ where: { id: user.id }, data: { lastSeenAt: now } });
        await audit.record(tx, { type: 'auth.success', actor, message: `${user.username} signed in.` });
      });
      await throttle.succeeded(name, caller.address);
      return { userId: user.id, username: user.username, sessionId };
    },
    token: ({ userId, username, sessionId }) => ring.sign({ sub: userId, name: username, sid: sessionId }),
    async signOut(identity) {
      if (identity.via !== 'browser') return;
      await db.$transaction(async (tx) => {
        const ended = await tx.authSession.updateMany({
          where: { id: identity.credentialId, revokedAt: null },
          data: { revokedAt: new Date() },
        });
        if (ended.count === 0) return;
        await audit.record(tx, {
          type: 'auth.signed_out',
          actor: actorOf(identity),
          message: `${identity.username} signed out.`,
        });
      });
      sockets.closeCredential(identity.credentialId);
    },
  };
}
