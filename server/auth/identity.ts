/** Who somebody is: log-ins, sessions, keys, tokens. Every request and upgrade asks here, nothing is remembered. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '../../shared/errors';
import { holds } from '../../shared/scopes';
import type { Db, Identity } from '../contracts';
import { hashApiToken, looksLikeBearer, MASTER_TOKEN_ID, sameHash, storedScopes } from './api-token';
import { parseCookies } from './cookies';
import type { KeyRing } from './key-ring';

/** `lastSeenAt` is for people: once a minute is enough, and a write for every request would be the busiest of all. */
const LAST_SEEN_EVERY_MS = 60_000;
const USER_AGENT_MAX_CHARS = 256;
/** Where a WebSocket client that cannot set headers puts its token: `Sec-WebSocket-Protocol: ..., bearer.{token}`. */
const BEARER_SUBPROTOCOL = 'bearer.';

/** Throws `password_change_required`. Asked by every edge for all but reading and changing one's own log-in. */
export function requireOwnPassword(identity: Identity): void {
  if (identity.mustChangePassword) throw new AppError('password_change_required');
}

export type Identify = (request: IncomingMessage, address: string) => Promise<Identity | null>;

interface UserState {
  id: string;
  username: string;
  role: string;
  status: string;
  expiresAt: Date | null;
  mustChangePassword: boolean;
}

export function userAgentOf(request: IncomingMessage): string {
  return (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_MAX_CHARS);
}

/** Undefined = none given; a given one that is wrong is never made good by a cookie beside it. */
export function bearerOf(request: IncomingMessage): string | undefined {
  const header = request.headers.authorization;
  if (header !== undefined) return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? '';
  const entry = (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((it) => it.trim())
    .find((it) => it.startsWith(BEARER_SUBPROTOCOL));
  return entry?.slice(BEARER_SUBPROTOCOL.length);
}

const mayAct = (user: UserState, now: Date) =>
  user.status === 'active' && (user.expiresAt === null || user.expiresAt > now);
const stale = (last: Date | null, now: Date) =>
  last === null || now.getTime() - last.getTime() > LAST_SEEN_EVERY_MS;

interface Found extends Pick<Identity, 'via' | 'credentialId' | 'scopes' | 'sandboxId' | 'endsAt'> {
  user: UserState;
}
type From = Pick<Identity, 'address' | 'userAgent'>;

function identityOf(found: Found, from: From): Identity {
  return {
    userId: found.user.id,
    username: found.user.username,
    // A token without that scope is a plain user's everywhere, whatever its routes forget.
    role: found.user.role === 'admin' && holds(found, 'admin') ? 'admin' : 'user',
    via: found.via,
    credentialId: found.credentialId,
    mustChangePassword: found.user.mustChangePassword,
    scopes: found.scopes,
    sandboxId: found.sandboxId,
    endsAt: found.endsAt,
    address: from.address,
    userAgent: from.userAgent,
  };
}

async function byToken(db: Db, token: string, now: Date): Promise<Found | null> {
  if (!looksLikeBearer(token)) return null;
  const hash = hashApiToken(token);
  const row = await db.apiToken.findUnique({ where: { hash }, include: { user: true } });
  if (!row || !sameHash(row.hash, hash) || row.revokedAt) return null;
  if ((row.expiresAt && row.expiresAt <= now) || !mayAct(row.user, now)) return null;
  if (stale(row.lastUsedAt, now))
    await db.apiToken.updateMany({ where: { id: row.id }, data: { lastUsedAt: now } });
  const limits = { scopes: storedScopes(row.scopes), sandboxId: row.sandboxId };
  const endsAt = row.expiresAt?.getTime() ?? null;
  // The operator's own token, from the environment: whoever may set that needs no password of this user's.
  const user = row.id === MASTER_TOKEN_ID ? { ...row.user, mustChangePassword: false } : row.user;
  return { user, via: 'token', credentialId: row.id, ...limits, endsAt };
}

/** For what comes without a request; null: no such token, or its user may not act. */
export async function identifyToken(db: Db, token: string, from: From): Promise<Identity | null> {
  const found = await byToken(db, token, new Date());
  return found && identityOf(found, from);
}

/** Whose key this is, by its fingerprint: the holder has been proven before. Null as for a token. */
export async function identifySshKey(db: Db, fingerprint: string, from: From): Promise<Identity | null> {
  const now = new Date();
  const row = await db.sshKey.findUnique({ where: { fingerprint }, include: { user: true } });
  if (!row || !mayAct(row.user, now)) return null;
  if (stale(row.lastUsedAt, now))
    await db.sshKey.updateMany({ where: { id: row.id }, data: { lastUsedAt: now } });
  const unlimited = { scopes: null, sandboxId: null, endsAt: row.user.expiresAt?.getTime() ?? null };
  return identityOf({ user: row.user, via: 'ssh-key', credentialId: row.id, ...unlimited }, from);
}

export function createIdentify({ db, ring, cookie }: { db: Db; ring: KeyRing; cookie: string }): Identify {
  async function byCookie(value: string, now: Date): Promise<Found | null> {
    const claims = await ring.verify(value);
    if (typeof claims?.sid !== 'string') return null;
    const row = await db.authSession.findUnique({ where: { id: claims.sid }, include: { user: true } });
    if (!row || row.revokedAt || row.expiresAt <= now || row.userId !== claims.sub) return null;
    if (!mayAct(row.user, now)) return null;
    if (stale(row.lastSeenAt, now)) {
      await db.authSession.updateMany({ where: { id: row.id }, data: { lastSeenAt: now } });
      await db.user.updateMany({ where: { id: row.userId }, data: { lastSeenAt: now } });
    }
    const unlimited = { scopes: null, sandboxId: null, endsAt: row.expiresAt.getTime() };
    return { user: row.user, via: 'browser', credentialId: row.id, ...unlimited };
  }

  return async (request, address) => {
    const now = new Date();
    const bearer = bearerOf(request);
    const value = parseCookies(request.headers.cookie)[cookie];
    const found =
      bearer !== undefined ? await byToken(db, bearer, now) : value ? await byCookie(value, now) : null;
    return found && identityOf(found, { address, userAgent: userAgentOf(request) });
  };
}
