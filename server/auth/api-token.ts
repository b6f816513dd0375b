import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Told apart at a glance, and by secret scanners. */
const PREFIX = 'cct_';
const TOKEN_BYTES = 32;
/** Shown in lists: `cct_` and 6 signs tell tokens apart and give away 36 of 256 bits. */
const SHOWN_CHARS = PREFIX.length + 6;

export function makeApiToken(): { token: string; hash: string; prefix: string } {
  const token = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, hash: hashApiToken(token), prefix: token.slice(0, SHOWN_CHARS) };
}

export function looksLikeApiToken(text: string): boolean {
  return /^cct_[A-Za-z0-9_-]{43}$/.test(text);
}

/** SHA-256: the token is random, so there is nothing for a slow hash to slow down. */
export function hashApiToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
