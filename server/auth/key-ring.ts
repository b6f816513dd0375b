import { randomBytes, randomUUID } from 'node:crypto';
import { decodeProtectedHeader, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Db } from '../contracts';
import type { SecretBox } from './secret-box';

/** A log-in lasts this long, used or not. */
export const SESSION_MAX_AGE_SECONDS = 14 * 24 * 3600;
/** A key signs for this long, then a new one takes over; the old one verifies until the last token it signed ends. */
const KEY_ROTATION_MS = 30 * 24 * 3600 * 1000;
/** HS256 wants at least the hash's size (RFC 7518 section 3.2). */
const KEY_BYTES = 32;
const PURPOSE = 'signing-key';

/** The keys behind the session cookie's JWT. They live in the database, so every use sees a rotation at once. */
export interface KeyRing {
  /** Signs with the newest key, making one when there is none or it is due; `exp` is set to the session's length. */
  sign(claims: JWTPayload): Promise<string>;
  /** The claims of a token that one of our living keys signed and that has not ended, else null. */
  verify(token: string): Promise<JWTPayload | null>;
  /** A new key signs from now on; tokens of the old ones stay good until they end. Returns the new kid. */
  rotate(): Promise<string>;
  /** Every token this key signed is void at once. */
  revoke(kid: string): Promise<void>;
}

export function createKeyRing({ db, box }: { db: Db; box: SecretBox }): KeyRing {
  async function rotate(dueBefore?: Date): Promise<string> {
    const kid = randomUUID();
    return await db.$transaction(async (tx) => {
      const now = new Date();
      // Looked at again inside the transaction: of two requests that both find the key due, one makes the new one.
      if (dueBefore) {
        const other = await tx.signingKey.findFirst({
          where: { retiredAt: null, expiresAt: null, createdAt: { gte: dueBefore } },
        });
        if (other) return other.kid;
      }
      await tx.signingKey.updateMany({
        where: { retiredAt: null },
        data: { retiredAt: now, expiresAt: new Date(now.getTime() + SESSION_MAX_AGE_SECONDS * 1000) },
      });
      await tx.signingKey.deleteMany({ where: { expiresAt: { lt: now } } });
      await tx.signingKey.create({
        data: { kid, secret: box.seal(PURPOSE, randomBytes(KEY_BYTES)), createdAt: now },
      });
      return kid;
    });
  }

  async function signingKey() {
    const due = new Date(Date.now() - KEY_ROTATION_MS);
    const newest = await db.signingKey.findFirst({
      where: { retiredAt: null, expiresAt: null, createdAt: { gte: due } },
      orderBy: { createdAt: 'desc' },
    });
    return newest ?? (await db.signingKey.findUniqueOrThrow({ where: { kid: await rotate(due) } }));
  }

  return {
    async sign(claims) {
      const key = await signingKey();
      return await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: key.kid, typ: 'JWT' })
        .setIssuedAt()
        .setExpirationTime(`${SESSION_MAX_AGE_SECONDS}s`)
        .sign(box.open(PURPOSE, key.secret));
    },
    async verify(token) {
      try {
        const { kid } = decodeProtectedHeader(token);
        if (typeof kid !== 'string') return null;
        const key = await db.signingKey.findUnique({ where: { kid } });
        if (!key || (key.expiresAt && key.expiresAt <= new Date())) return null;
        const { payload } = await jwtVerify(token, box.open(PURPOSE, key.secret), { algorithms: ['HS256'] });
        return payload;
      } catch (error) {
        // A malformed, foreign or ended token is the ordinary case; what is not jose's goes on (a lost database).
        if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_J')) return null;
        if (error instanceof TypeError) return null;
        throw error;
      }
    },
    rotate: () => rotate(),
    async revoke(kid) {
      await db.signingKey.updateMany({
        where: { kid },
        data: { retiredAt: new Date(), expiresAt: new Date(0) },
      });
    },
  };
}
